import { once } from "node:events";
import { request } from "node:http";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ConfigError } from "../../runner/errors.ts";
import { createTestDatabase, type TestDatabase } from "../postgres.ts";
import { apiKey, createPublishedDatabase, problemAt, serve, statusWith } from "./published.ts";

let database: TestDatabase;
const cleanups: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  database = await createPublishedDatabase();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => database.drop());

async function start(...given: Parameters<typeof serve>): ReturnType<typeof serve> {
  const server = await serve(...given);
  cleanups.push(() => server.close());
  return server;
}

/** A pool of its own, for tests that break it. */
function ownPool(url: string = database.url): pg.Pool {
  const pool = new pg.Pool({ connectionString: url });
  pool.on("error", () => {});
  cleanups.push(() => (pool.ended ? Promise.resolve() : pool.end()));
  return pool;
}

/** A request with headers that fetch does not let one set. */
async function rawStatus(url: string, headers: Record<string, string>): Promise<number> {
  const [response] = await once(request(url, { headers }).end(), "response");
  response.resume();
  await once(response, "end");
  return response.statusCode;
}

describe("a request that is wrong", () => {
  test("learns which parameter is unknown, and which are not", async () => {
    const { url } = await start(database.pool);
    expect(await problemAt(`${url}/api/kpis?cnta=exemplo`)).toMatchObject({
      status: 400,
      parametro: "cnta",
      detail: expect.stringContaining("conta, format"),
    });
    expect(await problemAt(`${url}/?format=json`)).toMatchObject({ parametro: "format" });
    expect(await problemAt(`${url}/api/kpis?conta=a&conta=b`)).toMatchObject({
      status: 400,
      parametro: "conta",
    });
    expect(await problemAt(`${url}/api/kpis?conta=%00`)).toMatchObject({ status: 400 });
    expect(await problemAt(`${url}/api/kpis?format=xml`)).toMatchObject({
      status: 400,
      parametro: "format",
    });
  });

  test("gets 404, 405 or 406 as a problem document", async () => {
    const { url } = await start(database.pool);
    expect(await problemAt(`${url}/api/vendas`)).toMatchObject({ status: 404 });
    expect(await problemAt(`${url}/api/kpis`, { method: "POST", body: "{}" })).toMatchObject({
      status: 405,
    });
    for (const [path, allow] of [
      ["/api/kpis", "GET, HEAD"],
      ["/entrar", "GET, HEAD, POST"],
      ["/sair", "POST"],
    ]) {
      const { status, headers } = await fetch(url + path, { method: "PUT" });
      expect([status, headers.get("allow")]).toEqual([405, allow]);
    }
    expect(await problemAt(`${url}/api/kpis`, { headers: { accept: "text/csv" } })).toMatchObject({
      status: 406,
    });
    expect(await problemAt(`${url}/assets/%E0%A4%A`)).toMatchObject({ status: 404 });
  });

  test("by another name for this machine is refused while no key protects the data", async () => {
    const { url } = await start(database.pool);
    expect(await rawStatus(`${url}/api/kpis`, { host: "evil.example" })).toBe(421);
    expect(await rawStatus(`${url}/api/kpis`, { host: "127.evil.example:80" })).toBe(421);
    expect(await rawStatus(`${url}/api/kpis`, { host: "localhost:5000" })).toBe(200);
    const apiKeys = [apiKey("any", "secret")];
    const keyed = await start(database.pool, { config: { host: "127.0.0.1", port: 0, apiKeys } });
    const headers = { host: "bi.example.com", "x-api-key": "secret" };
    expect(await rawStatus(`${keyed.url}/api/kpis`, headers)).toBe(200);
  });

  test("is never given to other sites' pages", async () => {
    const { url } = await start(database.pool);
    const { headers } = await fetch(`${url}/api/kpis`, {
      headers: { origin: "https://evil.example" },
    });
    expect(headers.get("access-control-allow-origin")).toBeNull();
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none';style-src 'self';script-src 'self';/,
    );
    expect(headers.get("x-powered-by")).toBeNull();
    expect(headers.get("cache-control")).toBe("private, no-cache");
    expect(headers.get("vary")).toBe("Accept, Accept-Encoding, Authorization, Cookie, X-API-Key");
  });
});

describe("readiness", () => {
  test("tells the publication and its age", async () => {
    const now = new Date(Date.now() + 3_600_000);
    const { url } = await start(database.pool, { now: () => now });
    const response = await fetch(`${url}/ready`);
    expect(response.status).toBe(200);
    const body = (await response.json()) as { publicacao: { em: string }; idade_segundos: number };
    expect(body).toMatchObject({ status: "ok", publicacao: { id: expect.any(Number) } });
    const age = Math.floor((now.getTime() - Date.parse(body.publicacao.em)) / 1000);
    expect(body.idade_segundos).toBe(age);
  });

  test("is refused before the first publication, and the routes say what to do", async () => {
    const empty = await createTestDatabase();
    cleanups.push(() => empty.drop());
    const { url } = await start(empty.pool);
    for (const path of ["/ready", "/api/kpis", "/api/vendas-mensais"]) {
      expect(await problemAt(url + path)).toMatchObject({
        status: 503,
        type: "urn:cvdw-elt:sem-publicacao",
        detail: expect.stringContaining("elt run"),
      });
    }
  });

  test("needs the database; being alive does not", async () => {
    const away = new URL(database.url);
    away.port = "1";
    const { url } = await start(ownPool(away.href));
    const health = await fetch(`${url}/health`);
    expect(health.status).toBe(200);
    expect(await health.json()).toEqual({ status: "ok" });
    for (const path of ["/ready", "/api/kpis"]) {
      expect(await problemAt(url + path)).toMatchObject({
        status: 503,
        type: "urn:cvdw-elt:banco-indisponivel",
      });
    }
    // Without the listening connection nothing is certain, so nothing is 304.
    expect(await statusWith(`${url}/api/kpis`, "*")).toBe(503);
  });
});

describe("closing", () => {
  test("finishes what is under way and gives the connections back", async () => {
    const pool = ownPool();
    const server = await start(pool);
    const blocker = await database.pool.connect();
    await blocker.query("begin; lock table marts.vendas in access exclusive mode");
    const answer = fetch(`${server.url}/api/kpis`);
    const waiting =
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while ((await database.pool.query(waiting)).rows.length === 0);
    const closed = server.close();
    await blocker.query("commit");
    blocker.release();
    expect((await answer).status).toBe(200);
    await closed;
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
    expect(pool.totalCount).toBe(pool.idleCount);
  });

  test("twice is once", async () => {
    const server = await start(database.pool);
    await Promise.all([server.close(), server.close()]);
  });

  test("leaves the port to the next; a taken one is a sentence", async () => {
    const first = await start(database.pool);
    const config = { host: "127.0.0.1", port: Number(new URL(first.url).port), apiKeys: [] };
    const refusal = await serve(database.pool, { config }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConfigError);
    expect(refusal).toMatchObject({ code: "EADDRINUSE", message: expect.stringContaining("PORT") });
    await first.close();
    const second = await start(database.pool, { config });
    expect(second.url).toBe(first.url);
  });
});
