import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ServerConfig } from "../../runner/config.ts";
import type { RunningServer } from "../../server/serve.ts";
import type { TestDatabase } from "../postgres.ts";
import { apiKey, createPublishedDatabase, problemAt, serve } from "./published.ts";

let database: TestDatabase;
const cleanups: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  database = await createPublishedDatabase();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => database.drop());

const loopback: ServerConfig = { host: "127.0.0.1", port: 0, apiKeys: [] };

async function start(...given: Parameters<typeof serve>): Promise<RunningServer> {
  const server = await serve(...given);
  cleanups.push(() => server.close());
  return server;
}

describe("readiness", () => {
  const inTwoDays = () => new Date(Date.now() + 49 * 3_600_000);

  test("tells that a publication is old, and serves it all the same", async () => {
    const { url } = await start(database.pool, { now: inTwoDays });
    const response = await fetch(`${url}/ready`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      publicacao_antiga: true,
      migracoes_pendentes: [],
    });
  });

  test("is refused when the publication is older than the operator's limit", async () => {
    const config = { ...loopback, readyMaxAgeMs: 48 * 3_600_000 };
    const old = await start(database.pool, { config, now: inTwoDays });
    expect(await problemAt(`${old.url}/ready`)).toMatchObject({
      status: 503,
      type: "urn:cvdw-elt:publicacao-antiga",
    });
    const fresh = await start(database.pool, { config });
    expect((await fetch(`${fresh.url}/ready`)).status).toBe(200);
  });

  test("asked for by many at once is one look at the database", async () => {
    const { url } = await start(database.pool);
    await (await fetch(`${url}/health`)).text();
    let taken = 0;
    const count = () => {
      taken += 1;
    };
    // Until the first look is over all of them are waiting for it.
    const blocker = await database.pool.connect();
    await blocker.query("begin; lock table elt.publications in access exclusive mode");
    database.pool.on("acquire", count);
    const answers = Array.from({ length: 40 }, async () => (await fetch(`${url}/ready`)).status);
    await expect.poll(() => taken).toBeGreaterThan(0);
    await (await fetch(`${url}/health`)).text();
    const before = taken;
    await blocker.query("rollback");
    blocker.release();
    expect(new Set(await Promise.all(answers))).toEqual(new Set([200]));
    database.pool.off("acquire", count);
    expect(before).toBe(1);
  });

  test("is refused while migrations are pending, by name", async () => {
    await database.pool.query("delete from elt.migrations where name = '0010-api.sql'");
    cleanups.push(() =>
      database.pool.query("insert into elt.migrations (name) values ('0010-api.sql')"),
    );
    const { url } = await start(database.pool);
    expect(await problemAt(`${url}/ready`)).toMatchObject({
      status: 503,
      migracoes_pendentes: ["0010-api.sql"],
    });
  });
});

describe("metrics", () => {
  test("count answers by route, and tell publication, rows, runs, lag and budget", async () => {
    const { url } = await start(database.pool);
    for (const path of ["/api/kpis", "/api/kpis", "/api/marts/vendas", "/api/marts/nada", "/x/y"]) {
      await (await fetch(url + path)).text();
    }
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    for (const wanted of [
      'elt_http_requests_total{route="/api/kpis",method="GET",status="200"} 2',
      'elt_http_requests_total{route="/api/marts/vendas",method="GET",status="200"} 1',
      'elt_http_requests_total{route="/api/marts/:relation",method="GET",status="404"} 1',
      'elt_http_requests_total{route="(unknown)",method="GET",status="404"} 1',
      'elt_http_request_duration_seconds_count{route="/api/kpis"} 2',
      "elt_database_up 1",
      'elt_mart_rows{mart="vendas"} 10',
    ]) {
      expect(text).toContain(wanted);
    }
    expect(text).toMatch(/elt_publication_timestamp_seconds 1\.?\d+/);
    expect(text).toMatch(/elt_source_lag_seconds\{conta="exemplo",objeto="reservas"\} \d/);
    expect(text).toMatch(/elt_source_requests_last_minute\{conta="outra"\} \d/);
    expect(text).toMatch(/elt_pool_connections\{state="total"\} \d/);
  });

  test("ask the database at most every quarter of a minute", async () => {
    let now = new Date();
    const { url } = await start(database.pool, { now: () => now });
    await (await fetch(`${url}/metrics`)).text();
    let taken = 0;
    const count = () => {
      taken += 1;
    };
    database.pool.on("acquire", count);
    for (let each = 0; each < 5; each++) await (await fetch(`${url}/metrics`)).text();
    expect(taken).toBe(0);
    now = new Date(now.getTime() + 15_000);
    await (await fetch(`${url}/metrics`)).text();
    database.pool.off("acquire", count);
    expect(taken).toBe(1);
  });

  test("need a key where one is asked for", async () => {
    const config = { ...loopback, apiKeys: [apiKey("prometheus", "metrics-secret")] };
    const { url } = await start(database.pool, { config });
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    const headers = { authorization: "Bearer metrics-secret" };
    expect((await fetch(`${url}/metrics`, { headers })).status).toBe(200);
  });
});

describe("the log", () => {
  async function linesAt(logLevel: NonNullable<ServerConfig["logLevel"]>): Promise<string[]> {
    const lines: string[] = [];
    const { url } = await start(database.pool, {
      config: { ...loopback, logLevel },
      log: (line) => lines.push(line),
    });
    await (await fetch(`${url}/api/kpis?conta=exemplo`)).text();
    return lines;
  }

  test("tells each answer by its address, without what was asked for", async () => {
    expect((await linesAt("info")).at(-1)).toMatch(/^200 GET \/api\/kpis \d+ ms$/);
  });

  test("is as quiet as it is told to be", async () => {
    expect(await linesAt("warn")).toEqual([]);
    expect(await linesAt("silent")).toEqual([]);
  });
});

describe("a refusal", () => {
  test("carries the same security headers as an answer", async () => {
    const config = { ...loopback, apiKeys: [apiKey("any", "secret")] };
    const { url } = await start(database.pool, { config });
    for (const [path, method] of [
      ["/api/kpis", "GET"],
      ["/api/kpis", "POST"],
      ["/nada", "GET"],
    ]) {
      const { headers } = await fetch(url + path, { method: method ?? "GET" });
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toBe("no-store");
    }
  });
});
