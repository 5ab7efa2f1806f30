import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ConfigError } from "../../runner/errors.ts";
import { readNewKey } from "../../server/keys-command.ts";
import type { RunningServer } from "../../server/serve.ts";
import { createKey, revokeKey } from "../../server/stored-keys.ts";
import { eltHere } from "../elt-here.ts";
import type { TestDatabase } from "../postgres.ts";
import { createPublishedDatabase, serve } from "./published.ts";

let database: TestDatabase;
const cleanups: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  database = await createPublishedDatabase();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await database.pool.query("truncate elt.api_keys");
});
afterAll(() => database.drop());

async function start(...given: Parameters<typeof serve>): Promise<RunningServer> {
  const server = await serve(...given);
  cleanups.push(() => server.close());
  return server;
}

async function make(name: string, changes: Partial<Parameters<typeof createKey>[1]> = {}) {
  const key = await createKey(database.pool, {
    name,
    scopes: ["read"],
    contas: [],
    expiresAt: undefined,
    ...changes,
  });
  if (key === undefined) throw new Error(`no key ${name}`);
  return key;
}

async function statusOf(url: string, key: string): Promise<number> {
  const response = await fetch(`${url}/api/kpis`, { headers: { "x-api-key": key } });
  await response.arrayBuffer();
  return response.status;
}

/** Asks until the server has heard; the test's own time-out is the limit. */
async function untilStatus(url: string, key: string, wanted: number): Promise<void> {
  while ((await statusOf(url, key)) !== wanted);
}

describe("elt keys", () => {
  test("makes a key once, lists it without its text, and revokes it", async () => {
    const env = { DATABASE_URL: database.url };
    const made = await eltHere(
      ["keys", "create", "--name", "powerbi", "--account", "exemplo", "--expires", "90d", "--json"],
      env,
    );
    expect(made).toMatchObject({ code: 0, err: "" });
    const { key, contas, scopes } = JSON.parse(made.out);
    expect(key).toMatch(/^elt_[\w-]{43}$/);
    expect([contas, scopes]).toEqual([["exemplo"], ["read"]]);
    const { rows } = await database.pool.query("select * from elt.api_keys");
    expect(rows).toMatchObject([{ sha256: createHash("sha256").update(key).digest("hex") }]);
    expect(JSON.stringify(rows)).not.toContain(key);

    const twice = await eltHere(["keys", "create", "--name", "powerbi"], env);
    expect(twice).toMatchObject({ code: 2, err: expect.stringContaining("another name") });

    const listed = await eltHere(["keys", "--json"], env);
    expect(JSON.parse(listed.out)).toMatchObject({
      keys: [{ name: "powerbi", state: "in force", contas: ["exemplo"] }],
    });
    expect(listed.out).not.toMatch(/sha256|elt_/);

    const misspelt = await eltHere(["keys", "create", "--name", "x", "--account", "exempl"], env);
    expect(misspelt).toMatchObject({
      code: 0,
      out: expect.stringContaining("Nothing of an account exempl was ever read"),
    });
    expect(await eltHere(["keys", "revoke", "x"], env)).toMatchObject({ code: 0 });

    expect(await eltHere(["keys", "revoke", "powerbi"], env)).toMatchObject({ code: 0 });
    const again = await eltHere(["keys", "revoke", "powerbi"], env);
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining("keys list") });
  });

  test("tells every problem of a new key at once", () => {
    const read = () =>
      readNewKey(
        { name: "a b", scope: "admin", account: ",", expires: "2026-02-30" },
        [],
        new Date(),
      );
    expect(read).toThrow(ConfigError);
    try {
      read();
    } catch (error) {
      expect(
        error instanceof ConfigError && error.problems.map((each) => each.split(" ")[0]),
      ).toEqual(["--name", "--scope", "--account", "--expires"]);
    }
  });

  test("takes an end as a day of Brasília or as a time from now", () => {
    const now = new Date("2026-06-01T12:00:00Z");
    const end = (expires: string) => readNewKey({ name: "a", expires }, [], now).expiresAt;
    expect(end("2026-06-01")).toEqual(new Date("2026-06-02T02:59:59.999Z"));
    expect(end("12h")).toEqual(new Date("2026-06-02T00:00:00Z"));
    expect(end("1d")).toEqual(new Date("2026-06-02T12:00:00Z"));
    for (const past of ["2026-05-31", "0d", "soon"]) expect(() => end(past)).toThrow(ConfigError);
    expect(readNewKey({ name: "a", scope: "pii" }, [], now).scopes).toEqual(["read", "pii"]);
  });
});

describe("a running server", () => {
  test("hears of new and revoked keys by itself, and asks the database for none of them", async () => {
    const { url } = await start(database.pool);
    expect(await statusOf(url, "")).toBe(200);
    const key = await make("first");
    // The first key of all closes the server to everybody without one.
    await untilStatus(url, "", 401);
    expect(await statusOf(url, key)).toBe(200);
    let taken = 0;
    const count = () => {
      taken += 1;
    };
    database.pool.on("acquire", count);
    const response = await fetch(`${url}/api/kpis`, {
      headers: { "x-api-key": key, "if-none-match": "*" },
    });
    expect([response.status, taken]).toEqual([304, 0]);
    database.pool.off("acquire", count);
    await revokeKey(database.pool, "first");
    await untilStatus(url, key, 401);
    // That the last key is gone opens nothing.
    expect(await statusOf(url, "")).toBe(401);
  });

  test("lets a key end when its time is over", async () => {
    let now = new Date();
    const { url } = await start(database.pool, { now: () => now });
    const key = await make("short", { expiresAt: new Date(now.getTime() + 60_000) });
    await untilStatus(url, key, 200);
    await untilStatus(url, "", 401);
    now = new Date(now.getTime() + 60_000);
    expect(await statusOf(url, key)).toBe(401);
  });

  test("beyond this machine starts with a key of the database, and not without", async () => {
    const config = { host: "0.0.0.0", port: 0, apiKeys: [] };
    await expect(serve(database.pool, { config })).rejects.toThrow(/there is no key: make one/);
    await make("remote");
    const { url } = await start(database.pool, { config });
    expect(await statusOf(url.replace("0.0.0.0", "127.0.0.1"), "")).toBe(401);
  });

  test("that was closed once stays closed when all keys are revoked, also after a restart", async () => {
    await make("gone");
    await revokeKey(database.pool, "gone");
    const { url } = await start(database.pool);
    expect(await statusOf(url, "")).toBe(401);
  });

  test("narrows a key to its accounts, everywhere", async () => {
    const key = await make("one", { contas: ["exemplo"] });
    const { url } = await start(database.pool);
    const headers = { "x-api-key": key };
    const json = async (path: string) =>
      JSON.stringify(await (await fetch(url + path, { headers })).json());
    for (const path of [
      "/api/kpis",
      "/api/vendas-mensais",
      "/api/tabela-geral-vendas",
      "/api/marts/vendas",
      "/api/marts/contas",
      "/api/marts/vw_vendas_por_corretor",
      "/api/marts/vendas?conta=eq.outra",
      "/api/marts/vendas?or=(conta.eq.outra,conta.eq.exemplo)",
    ]) {
      expect(await json(path), path).not.toContain("outra");
    }
    expect(await json("/api/kpis")).toContain('"quantidade_vendas":5,');
    expect(
      await (await fetch(`${url}/api/marts/vendas?format=csv`, { headers })).text(),
    ).not.toContain("outra");
    const page = await (
      await fetch(`${url}/`, { headers: { ...headers, accept: "text/html" } })
    ).text();
    expect(page).toContain("João Silva Santos");
    expect(page).not.toContain("outra");
    expect((await fetch(`${url}/api/kpis?conta=outra`, { headers })).status).toBe(404);
    expect((await fetch(`${url}/?conta=outra`, { headers })).status).toBe(404);
  });

  test("gives one key no more requests than its limit, and other keys theirs", async () => {
    const [one, other] = [await make("one"), await make("other")];
    const config = {
      host: "127.0.0.1",
      port: 0,
      apiKeys: [],
      rateLimit: { requests: 2, windowMs: 3_600_000 },
    };
    const { url } = await start(database.pool, { config });
    expect([await statusOf(url, one), await statusOf(url, one)]).toEqual([200, 200]);
    const refused = await fetch(`${url}/api/kpis`, { headers: { "x-api-key": one } });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(refused.headers.get("content-type")).toContain("application/problem+json");
    expect(await statusOf(url, other)).toBe(200);
  });
});
