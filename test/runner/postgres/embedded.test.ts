import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { ConfigError } from "../../../runner/errors.ts";
import { findBinaries } from "../../../runner/postgres/binaries.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../../runner/postgres/embedded.ts";
import { readLease } from "../../../runner/postgres/lease.ts";
import { nativeDirectory } from "../../native-directory.ts";
import { withConnection } from "../../postgres.ts";
import type { Ending } from "./user.ts";

const nativeDir = nativeDirectory(process.env.PG_MAJOR);
const isRoot = process.getuid?.() === 0;
const root = mkdtempSync(path.join(tmpdir(), "cvdw-elt-embedded-"));
if (isRoot) chmodSync(root, 0o755);
const dataDir = path.join(root, "shared");
const held: EmbeddedPostgres[] = [];
const users: ChildProcess[] = [];

afterEach(async () => {
  for (const user of users.splice(0)) user.kill("SIGKILL");
  for (const postgres of held.splice(0)) await postgres.stop();
  await stopped(dataDir);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function start(directory = dataDir, more = {}): Promise<EmbeddedPostgres> {
  const settings = { fsync: "off" };
  const postgres = await startEmbeddedPostgres({
    dataDir: directory,
    nativeDir,
    settings,
    ...more,
  });
  held.push(postgres);
  return postgres;
}

/** Starts a program of its own that uses the cluster, and resolves when it has it. */
async function startUser(ending: Ending, directory = dataDir) {
  const options = { dataDir: directory, nativeDir, settings: { fsync: "off" }, lingerMs: 0 };
  const program = path.join(import.meta.dirname, "user.ts");
  const child = spawn(
    process.execPath,
    ["--import", "tsx", program, JSON.stringify(options), ending],
    { stdio: ["ignore", "pipe", "inherit"], detached: true },
  );
  users.push(child);
  const lines = createInterface({ input: child.stdout });
  const said: string[] = [];
  lines.on("line", (line) => said.push(line));
  await once(lines, "line");
  return { child, said, ended: once(child, "close") };
}

/** Resolves when the cluster's server has removed its pid file: the last thing that it does. */
async function stopped(directory: string): Promise<void> {
  const data = path.join(directory, "data");
  if (!existsSync(data)) return;
  const watcher = watch(data);
  while (existsSync(path.join(data, "postmaster.pid"))) await once(watcher, "change");
  watcher.close();
}

async function ask(url: string, statement: string): Promise<unknown> {
  const result = await withConnection(url, (client) =>
    client.query({ text: statement, rowMode: "array" }),
  );
  return result.rows[0]?.[0];
}

/** What the server's last start found: a clean shutdown, or work for the recovery. */
function howItStarted(): string | undefined {
  const log = readFileSync(path.join(dataDir, "server.log"), "utf8").split("\n");
  return log.findLast((line) => /database system was (not properly )?shut down/.test(line));
}

function postmasterPid(directory = dataDir): number {
  return Number.parseInt(readFileSync(path.join(directory, "data", "postmaster.pid"), "utf8"), 10);
}

function supervisorPid(directory = dataDir): number {
  return readLease(directory)?.pid ?? Number.NaN;
}

/** Resolves when the process is gone: its end closes the server's side of an open connection. */
async function killServer(url: string, pid: number): Promise<void> {
  await withConnection(url, async (client) => {
    const lost = once(client, "error");
    process.kill(pid, "SIGKILL");
    await lost;
  }).catch(() => {});
}

describe("an embedded PostgreSQL", () => {
  test("has a UTF-8 database with text in code-point order and all of Unicode's cases", async () => {
    const { url, version } = await start();
    expect(new URL(url).pathname).toBe("/cvdw");
    expect(await ask(url, "show server_version")).toBe(version);
    expect(await ask(url, "show server_encoding")).toBe("UTF8");
    expect(await ask(url, "select lower('AÇÃO')")).toBe("ação");
    const order = "select string_agg(t, '' order by t) from unnest('{b,a,á,B}'::text[]) t";
    expect(await ask(url, order)).toBe("Babá");
  });

  test("keeps its data, its address and its password between runs", async () => {
    const first = await start();
    await ask(first.url, "create table kept as select 42 as answer");
    await first.stop();
    const second = await start();
    expect(second.url).toBe(first.url);
    expect(await ask(second.url, "select answer from kept")).toBe(42);
  });

  test("has shut down cleanly when the last user has stopped it", async () => {
    await (await start()).stop();
    expect(existsSync(path.join(dataDir, "data", "postmaster.pid"))).toBe(false);
    await start();
    expect(howItStarted()).toContain("database system was shut down at");
  });

  test("lets nobody in without its password, which only its owner can read", async () => {
    const { url } = await start();
    const stranger = new URL(url);
    stranger.password = "postgres";
    await expect(ask(stranger.href, "select 1")).rejects.toThrow("password authentication failed");
    expect(statSync(path.join(dataDir, "password")).mode & 0o777).toBe(0o600);
    expect(statSync(path.join(dataDir, "password")).uid).toBe(process.getuid?.());
  });

  test("writes no statement and no value into its log", async () => {
    const { url } = await start();
    await expect(ask(url, "select 'secret'::int")).rejects.toThrow();
    await expect(ask(url, "do $$ begin raise exception 'secret'; end $$")).rejects.toThrow();
    expect(readFileSync(path.join(dataDir, "server.log"), "utf8")).not.toContain("secret");
  });

  test("does not run as root", async () => {
    await start();
    const { uid } = statSync(path.join(dataDir, "data"));
    expect(uid).toBe(isRoot ? 65_534 : process.getuid?.());
  });

  test("moves to another port, and stays there, when its own is taken", async () => {
    const first = await start();
    await first.stop();
    const stranger = createServer().listen(Number(new URL(first.url).port), "127.0.0.1");
    await once(stranger, "listening");
    const second = await start();
    expect(new URL(second.url).port).not.toBe(new URL(first.url).port);
    await second.stop();
    stranger.close();
    await once(stranger, "close");
    expect((await start()).url).toBe(second.url);
  });
});

describe("several programs", () => {
  test("share one server, and the last one to leave stops it", async () => {
    const first = await start();
    const second = await start();
    const other = await startUser("interrupt");
    expect(other.said).toEqual([first.url]);
    await first.stop();
    expect(await ask(second.url, "select 1")).toBe(1);
    await second.stop();
    expect(await ask(first.url, "select 1")).toBe(1);
    other.child.kill("SIGINT");
    await other.ended;
    await expect(ask(first.url, "select 1")).rejects.toThrow("ECONNREFUSED");
  });

  test("that start a new cluster at the same moment get the same one", async () => {
    const directory = path.join(root, "contended");
    const starts = Array.from({ length: 3 }, () => start(directory));
    const others = Array.from({ length: 2 }, () => startUser("wait", directory));
    const urls = (await Promise.all(starts)).map((postgres) => postgres.url);
    for (const other of await Promise.all(others)) urls.push(...other.said);
    expect(new Set(urls).size).toBe(1);
  });

  test("need not stop it: one that just ends is not kept alive, and the server follows", async () => {
    const user = await startUser("finish");
    expect(await user.ended).toEqual([0, null]);
    await stopped(dataDir);
  });

  test("may finish their work after Ctrl-C, which the terminal sends to the whole group", async () => {
    const user = await startUser("interrupt");
    process.kill(-(user.child.pid ?? Number.NaN), "SIGINT");
    expect(await user.ended).toEqual([0, null]);
    expect(user.said.at(-1)).toBe("worked until the end");
  });
});

describe("after kill -9", () => {
  test("of the only program the server shuts down cleanly", async () => {
    const user = await startUser("wait");
    user.child.kill("SIGKILL");
    await stopped(dataDir);
    await start();
    expect(howItStarted()).toContain("database system was shut down at");
  });

  test("of the supervisor a living program finds another one for the same server", async () => {
    const user = await startUser("interrupt");
    const server = postmasterPid();
    const lease = readLease(dataDir);
    const renewed = watch(dataDir);
    process.kill(supervisorPid(), "SIGKILL");
    while ((readLease(dataDir)?.generation ?? 0) <= (lease?.generation ?? 0)) {
      await once(renewed, "change");
    }
    renewed.close();
    expect(postmasterPid()).toBe(server);
    user.child.kill("SIGKILL");
    await stopped(dataDir);
  });

  test("of supervisor and program together the next start adopts the server", async () => {
    const user = await startUser("wait");
    const server = postmasterPid();
    user.child.kill("SIGSTOP");
    process.kill(supervisorPid(), "SIGKILL");
    user.child.kill("SIGKILL");
    await user.ended;
    const postgres = await start();
    expect(postgres.url).toBe(user.said[0]);
    expect(postmasterPid()).toBe(server);
    await postgres.stop();
    expect(existsSync(path.join(dataDir, "data", "postmaster.pid"))).toBe(false);
  });

  test("of the server a program that still uses it gets it back at the same address", async () => {
    const { url } = await start();
    await ask(url, "create table survived as select 1 as one");
    const lease = readLease(dataDir);
    const renewed = watch(dataDir);
    await killServer(url, postmasterPid());
    while ((readLease(dataDir)?.generation ?? 0) <= (lease?.generation ?? 0)) {
      await once(renewed, "change");
    }
    renewed.close();
    const again = await start();
    expect(again.url).toBe(url);
    expect(await ask(url, "select one from survived")).toBe(1);
  });

  test("of all of them the next start recovers the data", async () => {
    const user = await startUser("wait");
    const url = user.said[0] ?? "";
    await ask(url, "create table recovered as select 1 as one");
    user.child.kill("SIGSTOP");
    process.kill(supervisorPid(), "SIGKILL");
    await killServer(url, postmasterPid());
    user.child.kill("SIGKILL");
    await user.ended;
    const postgres = await start();
    expect(await ask(postgres.url, "select one from recovered")).toBe(1);
    expect(howItStarted()).toContain("database system was not properly shut down");
  });

  test("a pid file that names an unrelated living process does not stop the next start", async () => {
    await (await start()).stop();
    const stale = [process.pid, path.join(dataDir, "data"), 1, 1, "", "127.0.0.1", "", "ready"];
    const file = path.join(dataDir, "data", "postmaster.pid");
    writeFileSync(file, `${stale.join("\n")}\n`);
    const { url } = await start();
    expect(await ask(url, "select 1")).toBe(1);
  });
});

describe("a start that cannot work is refused with a sentence", () => {
  async function refusalOf(starting: Promise<unknown>): Promise<string> {
    const refusal = await starting.catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConfigError);
    return String(refusal);
  }

  test("that gives the server's own reason", async () => {
    const refusal = await refusalOf(start(dataDir, { settings: { shared_buffers: "plenty" } }));
    expect(refusal).toContain('invalid value for parameter "shared_buffers": "plenty"');
    expect(refusal).toContain("server.log");
  });

  test("when the data belongs to another major version", async () => {
    await (await start()).stop();
    const file = path.join(dataDir, "data", "PG_VERSION");
    const major = readFileSync(file, "utf8");
    writeFileSync(file, "9\n");
    expect(await refusalOf(start())).toContain("was made by PostgreSQL 9, and this is");
    writeFileSync(file, major);
  });

  test("when there are no programs", async () => {
    const refusal = await refusalOf(start(dataDir, { nativeDir: path.join(root, "nothing") }));
    expect(refusal).toContain("There are no PostgreSQL programs in");
  });

  test("when the folder cannot be made", async () => {
    const file = path.join(root, "a-file");
    writeFileSync(file, "");
    expect(await refusalOf(start(path.join(file, "data")))).toContain("ENOTDIR");
  });
});

describe("where npm put the programs", () => {
  async function copyPrograms(to: string): Promise<string> {
    const { postgres } = await findBinaries(nativeDir, undefined);
    const copy = path.join(to, "native");
    mkdirSync(to, { recursive: true });
    cpSync(path.resolve(postgres, "..", ".."), copy, { recursive: true, verbatimSymlinks: true });
    return copy;
  }

  test("missing links between libraries are made", async () => {
    const copy = await copyPrograms(path.join(root, "unlinked"));
    const libraries = path.join(copy, "lib");
    for (const entry of readdirSync(libraries, { withFileTypes: true })) {
      if (entry.isSymbolicLink()) rmSync(path.join(libraries, entry.name));
    }
    const { url } = await start(dataDir, { nativeDir: copy });
    expect(await ask(url, "select 1")).toBe(1);
  });

  test.runIf(isRoot)("root starts them also below a folder that only root may enter", async () => {
    const secret = path.join(root, "secret");
    const copy = await copyPrograms(path.join(secret, "programs"));
    chmodSync(secret, 0o700);
    const directory = path.join(secret, "postgres");
    const first = await start(directory, { nativeDir: copy });
    await ask(first.url, "create table kept as select 42 as answer");
    await first.stop();
    const second = await start(directory, { nativeDir: copy });
    expect(await ask(second.url, "select answer from kept")).toBe(42);
    expect(statSync(path.join(directory, "data")).uid).toBe(65_534);
  });
});
