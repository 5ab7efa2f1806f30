import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { converse, greeting } from "../../../runner/postgres/conversation.ts";
import { acquireLease, greet, type Lease, readLease } from "../../../runner/postgres/lease.ts";

let home: string;
const servers: Server[] = [];
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), "cvdw-elt-lease-"));
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(home, { recursive: true });
});

/** Listens on a free port and answers every connection's first line with what `answer` gives. */
async function listen(answer: () => unknown): Promise<number> {
  const server = createServer(async (socket) => {
    const conversation = converse(socket);
    await conversation.next();
    conversation.send(answer());
  });
  servers.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A supervisor reduced to its lease. */
async function candidate(): Promise<Lease | undefined> {
  let held: Lease | undefined;
  const port = await listen(() => greeting(held?.proof ?? ""));
  held = await acquireLease(home, port);
  return held;
}

test("a lease is held as long as its holder answers", async () => {
  const first = await candidate();
  expect(first?.generation).toBe(1);
  expect(await candidate()).toBeUndefined();
  expect(readLease(home)).toEqual(first);
});

test("a holder that is gone leaves a lease that the next one takes over", async () => {
  await candidate();
  for (const server of servers.splice(0)) server.close();
  const second = await candidate();
  expect(second?.generation).toBe(2);
  expect(readdirSync(home)).toEqual(["supervisor.2"]);
});

test("of candidates that try to take over at once exactly one holds the lease", async () => {
  await candidate();
  for (const server of servers.splice(0)) server.close();
  const results = await Promise.all(Array.from({ length: 8 }, () => candidate()));
  const holders = results.filter((lease) => lease !== undefined);
  expect(holders).toEqual([readLease(home)]);
});

test("a stranger that got the port of a dead holder is not taken for it", async () => {
  const port = await listen(() => ({ status: "ready", url: "postgresql://stranger" }));
  const lease = await acquireLease(home, port);
  expect(lease && (await greet(lease))).toBeUndefined();
  expect((await candidate())?.generation).toBe(2);
});
