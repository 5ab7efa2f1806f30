import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { query, sql } from "../../extract/query.ts";
import { readRunSettings } from "../../runner/run-once.ts";
import { withWatchedDatabase } from "../../runner/with-watched-database.ts";
import { createTestDatabase, type TestDatabase } from "../postgres.ts";
import { type Mailbox, startMailbox } from "./alerts/receivers.ts";
import { invocationHere } from "./run-here.ts";

let database: TestDatabase;
let mailbox: Mailbox;
const folder = mkdtempSync(path.join(tmpdir(), "elt-watched-"));
/** Below a file nothing can be made: as on a disk that can only be read. */
const nowhere = path.join(folder, "file", "alerts");
const servers: { close: () => unknown }[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  mailbox = await startMailbox();
  writeFileSync(path.join(folder, "file"), "");
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
afterAll(async () => {
  await mailbox.close();
  await database.drop();
  rmSync(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** From now on a way to the database begins at that port. */
async function open(port: number): Promise<void> {
  const target = new URL(database.url);
  const server = createServer((socket) => {
    const there = connect(Number(target.port), target.hostname);
    socket.on("error", () => there.destroy());
    there.on("error", () => socket.destroy());
    socket.pipe(there).pipe(socket);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
}

function invocation(url: string) {
  const env = {
    DATABASE_URL: url,
    CVCRM_ACCOUNT: "exemplo",
    CVCRM_API_EMAIL: "ana@example.com",
    CVCRM_API_TOKEN: "token",
    SMTP_URL: mailbox.url,
    ALERT_EMAIL_TO: "ana@example.com",
    ALERT_EMAIL_FROM: "elt@example.com",
  };
  return invocationHere(env);
}

async function watched(
  command: "run" | "worker",
  url: string,
  memory: string,
  onSleep: () => unknown,
) {
  const { invocation: called, written } = invocation(url);
  let sleeps = 0;
  const sleep = async () => {
    sleeps++;
    await onSleep();
  };
  const settings = readRunSettings(called, new Date());
  const result = await withWatchedDatabase(
    called,
    command,
    settings,
    ({ pool }) => query<{ one: number }>(pool, sql`select 1 as one`),
    { folder: memory, sleep },
  ).catch((error: unknown) => error);
  return { result, sleeps, out: written.out };
}

const subjects = () => mailbox.mails.map(({ email }) => email.subject);
const address = (port: number) => {
  const url = new URL(database.url);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  url.search = "";
  return url.href;
};

describe("a worker whose database is away when it starts", () => {
  test("waits for it where nobody could remember that somebody was told, and tells it once", async () => {
    const before = subjects().length;
    const port = await freePort();
    let looks = 0;
    const { result, sleeps, out } = await watched("worker", address(port), nowhere, async () => {
      looks++;
      if (looks === 3) await open(port);
    });
    expect(result).toEqual([{ one: 1 }]);
    expect(sleeps).toBe(3);
    expect(out).toContain("The worker waits for it.");
    expect(subjects().slice(before)).toEqual([
      expect.stringContaining("O banco de dados não responde"),
      expect.stringContaining("voltou a responder"),
    ]);
  });

  test("ends with exit 2 where it is remembered, however often it is started again", async () => {
    const before = subjects().length;
    const memory = path.join(folder, "alerts");
    const url = address(await freePort());
    for (let start = 0; start < 3; start++) {
      const { result, sleeps } = await watched("worker", url, memory, () => undefined);
      expect(String(result)).toContain("No PostgreSQL answers at");
      expect(sleeps).toBe(0);
    }
    expect(subjects().slice(before)).toHaveLength(1);
    expect(existsSync(memory)).toBe(true);
  });

  test("does not wait for what time cannot bring, nor does a run wait at all", async () => {
    const wrong = new URL(database.url);
    wrong.pathname = "/no_such_database";
    const refused = await watched("worker", wrong.href, nowhere, () => undefined);
    expect(String(refused.result)).toContain('has no database "no_such_database"');
    const run = await watched("run", address(await freePort()), nowhere, () => undefined);
    expect(String(run.result)).toContain("No PostgreSQL answers at");
    expect([refused.sleeps, run.sleeps]).toEqual([0, 0]);
  });
});
