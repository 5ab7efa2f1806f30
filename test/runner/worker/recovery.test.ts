import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withConnection } from "../../postgres.ts";
import { createOwnCluster, type OwnCluster } from "./own-cluster.ts";
import {
  type Blow,
  type Moment,
  moments,
  type StruckWorker,
  startStruckWorker,
} from "./struck-worker.ts";

let cluster: OwnCluster;
let worker: StruckWorker;
beforeAll(async () => {
  cluster = await createOwnCluster();
  worker = await startStruckWorker(cluster);
});
afterAll(async () => {
  await worker.close();
  await cluster.remove();
});

const blows: readonly (Blow & { readonly name: string })[] = [
  {
    name: "kill -9 of the server",
    strike: () => cluster.end("SIGKILL"),
    bringBack: () => cluster.start(),
  },
  {
    name: "kill -9 of one backend",
    strike: () => process.kill(backend(), "SIGKILL"),
    bringBack: untilItAnswers,
  },
  {
    name: "pg_ctl restart -m fast",
    strike: () => cluster.end("SIGINT"),
    bringBack: () => cluster.start(),
  },
  {
    name: "pg_ctl restart -m immediate",
    strike: () => cluster.end("SIGQUIT"),
    bringBack: () => cluster.start(),
  },
];

/** A process that serves a connection: its death makes the server end all others, and recover. */
function backend(): number {
  const pid = cluster.pid();
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  const serves = children.filter((child) =>
    readFileSync(`/proc/${child}/cmdline`, "utf8").includes("postgres: elt cvdw"),
  );
  return Number(serves.at(-1));
}

async function untilItAnswers(): Promise<void> {
  for (;;) {
    try {
      await withConnection(cluster.url, (client) => client.query("select 1"));
      return;
    } catch {
      // It recovers.
    }
  }
}

/** Each blow at two moments, each moment under two blows. */
const cases: readonly (readonly [string, Moment, Blow])[] = blows.flatMap((blow, nth) =>
  moments.flatMap((moment, at) => (at % 2 === nth % 2 ? [[blow.name, moment, blow] as const] : [])),
);

describe("elt worker", () => {
  test("runs", async () => {
    expect(await worker.turn()).toEqual([{ status: "done", sentence: "" }]);
    await worker.expectRecovered(0);
  });

  test.each(cases)("after %s %s the next run makes it whole", async (_, moment, blow) => {
    expect(await worker.turnStruck(moment, blow)).toEqual([
      { status: "database-lost", sentence: expect.stringContaining("The database was lost") },
      { status: "done", sentence: "" },
    ]);
    await worker.expectRecovered(0, 5);
  });
});
