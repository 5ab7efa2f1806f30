// A program that uses an embedded PostgreSQL, for tests of what happens when programs end.
import pg from "pg";
import { type EmbeddedOptions, startEmbeddedPostgres } from "../../../runner/postgres/embedded.ts";

/** `finish`: ends without stopping anything. `wait`: until killed. `interrupt`: until SIGINT. */
export type Ending = "finish" | "wait" | "interrupt";

const [options, ending] = process.argv.slice(2);
await use(JSON.parse(options ?? "{}"), ending);

async function use(embedded: EmbeddedOptions, then: string | undefined): Promise<void> {
  const postgres = await startEmbeddedPostgres(embedded);
  if (then === "finish") {
    process.stdout.write(`${postgres.url}\n`);
    return;
  }
  const alive = setInterval(() => {}, 60_000);
  process.once("SIGINT", async () => {
    const client = new pg.Client(postgres.url);
    await client.connect();
    await client.query("select 1");
    await client.end();
    await postgres.stop();
    clearInterval(alive);
    process.stdout.write("worked until the end\n");
  });
  process.stdout.write(`${postgres.url}\n`);
}
