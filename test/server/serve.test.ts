import { once } from "node:events";
import { request } from "node:http";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { readServerConfig } from "../../runner/config.ts";
import { ConfigError } from "../../runner/errors.ts";
import { buildModels } from "../pipeline.ts";
import { createTestDatabase, type TestDatabase } from "../postgres.ts";
import { apiKey, createPublishedDatabase, serve } from "./published.ts";

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

async function etagAt(url: string): Promise<string> {
  const response = await fetch(url);
  await response.arrayBuffer();
  expect(response.status).toBe(200);
  const etag = response.headers.get("etag") ?? "";
  expect(etag).toMatch(/^W\/"[\w-]+"$/);
  return etag;
}

async function statusWith(url: string, etag: string): Promise<number> {
  const response = await fetch(url, { headers: { "if-none-match": etag } });
  await response.arrayBuffer();
  return response.status;
}

async function problemAt(url: string, init?: RequestInit): Promise<Record<string, unknown>> {
  const response = await fetch(url, init);
  expect(response.headers.get("content-type")).toContain("application/problem+json");
  const problem = (await response.json()) as Record<string, unknown>;
  expect(problem).toMatchObject({
    type: expect.stringMatching(/^urn:cvdw-elt:/),
    title: expect.any(String),
    detail: expect.any(String),
    status: response.status,
  });
  return problem;
}

/** A request with headers that fetch does not let one set. */
async function rawStatus(url: string, headers: Record<string, string>): Promise<number> {
  const [response] = await once(request(url, { headers }).end(), "response");
  response.resume();
  await once(response, "end");
  return response.statusCode;
}

describe("what the caller already has", () => {
  test("is answered 304 without a single query", async () => {
    const pool = ownPool();
    let taken = 0;
    pool.on("acquire", () => {
      taken += 1;
    });
    const server = await start(pool);
    for (const path of ["/api/kpis", "/api/vso-mensal?conta=outra", "/"]) {
      const etag = await etagAt(server.url + path);
      const before = taken;
      expect(await statusWith(server.url + path, etag)).toBe(304);
      expect(taken).toBe(before);
    }
  });

  test("differs by account, format and address", async () => {
    const { url } = await start(database.pool);
    const etags = await Promise.all(
      [
        "/api/vso-mensal",
        "/api/vso-mensal?conta=outra",
        "/api/vso-mensal?conta=exemplo",
        "/api/vso-mensal?format=arrow",
        "/api/prosoluto",
        "/",
      ].map((path) => etagAt(url + path)),
    );
    expect(new Set(etags).size).toBe(etags.length);
    expect(await etagAt(`${url}/api/vso-mensal?format=json`)).toBe(etags[0]);
  });

  test("is compared weakly, in a list, and by a star", async () => {
    const { url } = await start(database.pool);
    const address = `${url}/api/kpis`;
    const etag = await etagAt(address);
    expect(await statusWith(address, `"other", ${etag.slice(2)}`)).toBe(304);
    expect(await statusWith(address, "*")).toBe(304);
    expect(await statusWith(address, `"other"`)).toBe(200);
  });

  test("is old when the day in Brasília changes", async () => {
    const pool = ownPool();
    const { rows } = await pool.query(
      "select extract(epoch from ((elt.hoje() + 1)::timestamp at time zone 'America/Sao_Paulo')) * 1000 as ms",
    );
    const midnight = Number(rows[0].ms);
    let now = new Date(midnight - 1_000);
    const { url } = await start(pool, { now: () => now });
    const etag = await etagAt(`${url}/api/kpis`);
    const definition = await pool.query(
      "select pg_get_functiondef('elt.hoje()'::regprocedure) as text",
    );
    cleanups.push(() => database.pool.query(definition.rows[0].text));
    await pool.query(
      `create or replace function elt.hoje() returns date language sql stable parallel safe
       return (now() at time zone 'America/Sao_Paulo')::date + 1`,
    );
    expect(await statusWith(`${url}/api/kpis`, etag)).toBe(304);
    now = new Date(midnight);
    expect(await statusWith(`${url}/api/kpis`, etag)).toBe(200);
  });

  test("is old at once when something is published, without polling", async () => {
    const pool = ownPool();
    const published: string[] = [];
    let heard = () => {};
    const server = await start(pool, {
      log: (sentence) => {
        if (sentence.startsWith("Serving publication")) {
          published.push(sentence);
          heard();
        }
      },
    });
    const address = `${server.url}/api/kpis`;
    const etag = await etagAt(address);
    const announced = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const { build } = await buildModels(database);
    await announced;
    expect(published.at(-1)).toBe(`Serving publication ${build.publicationId}`);
    const response = await fetch(address, { headers: { "if-none-match": etag } });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      publicacao: { id: Number(build.publicationId) },
    });
  });
});

describe("the connection that hears of publications", () => {
  test("is made anew when the database drops it, and nothing published meanwhile is missed", async () => {
    const pool = ownPool();
    const lines: string[] = [];
    let next = () => {};
    const server = await start(pool, {
      log: (sentence) => {
        lines.push(sentence);
        next();
      },
    });
    const line = async (wanted: string) => {
      while (!lines.some((each) => each.startsWith(wanted))) {
        await new Promise<void>((resolve) => {
          next = resolve;
        });
      }
    };
    const etag = await etagAt(`${server.url}/api/kpis`);
    await line("Serving publication");
    lines.length = 0;
    await database.pool.query(
      `with lost as (
          select pg_terminate_backend(pid)
          from pg_stat_activity
          where datname = current_database() and query ~ 'elt\\.publications' and pid <> pg_backend_pid()
              and state = 'idle'
      ), run as (
          insert into elt.runs (command, pid, host) values ('test', 0, 'test') returning run_id
      )
      insert into elt.publications (run_id, rows_added, rows_changed, rows_removed)
      select run_id, 0, 0, 0 from run, (select count(*) from lost) as dropped`,
    );
    await line("Lost the connection");
    await line("Serving publication");
    expect(await statusWith(`${server.url}/api/kpis`, etag)).toBe(200);
  });
});

describe("a key", () => {
  const apiKeys = [apiKey("power-bi", "first secret"), apiKey("metabase", "second-secret")];
  const config = { host: "127.0.0.1", port: 0, apiKeys };

  test("is asked for by everything that shows data", async () => {
    const { url } = await start(database.pool, { config });
    for (const path of ["/", "/api/kpis", "/api/tabela-geral-vendas", "/api/unknown", "/x"]) {
      const response = await fetch(url + path);
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toMatch(/^Bearer .*Basic /);
    }
    expect(await problemAt(`${url}/api/kpis`)).toMatchObject({ status: 401 });
    for (const path of ["/health", "/ready", "/assets/painel.css"]) {
      expect((await fetch(url + path)).status).toBe(200);
    }
  });

  test("is accepted as bearer, as X-API-Key and as a browser's password", async () => {
    const { url } = await start(database.pool, { config });
    const basic = Buffer.from("anyone:first secret").toString("base64");
    for (const headers of [
      { authorization: "Bearer second-secret" },
      { "x-api-key": "first secret" },
      { authorization: `Basic ${basic}` },
    ]) {
      expect((await fetch(`${url}/api/kpis`, { headers })).status).toBe(200);
    }
  });

  test("that is wrong opens nothing, also with a known tag", async () => {
    const { url } = await start(database.pool, { config });
    for (const headers of [
      { authorization: "Bearer other" },
      { authorization: "Bearer" },
      { authorization: `Basic ${Buffer.from("no colon").toString("base64")}` },
      { authorization: "Digest first" },
      { "x-api-key": "" },
      { "x-api-key": apiKeys[0]?.sha256 ?? "" },
    ]) {
      const status = (
        await fetch(`${url}/api/kpis`, { headers: { ...headers, "if-none-match": "*" } })
      ).status;
      expect(status).toBe(401);
    }
  });

  test("is named in the log, and never shown there", async () => {
    const lines: string[] = [];
    const { url } = await start(database.pool, { config, log: (sentence) => lines.push(sentence) });
    await fetch(`${url}/api/kpis?conta=exemplo`, { headers: { "x-api-key": "first secret" } });
    expect(lines.join("\n")).toMatch(/200 GET \/api\/kpis \d+ ms \(power-bi\)/);
    expect(lines.join("\n")).not.toContain("secret");
  });

  test("is what it takes to be reached by others", async () => {
    const open = startRefusal({ host: "0.0.0.0", port: 0, apiKeys: [] });
    await expect(open).rejects.toBeInstanceOf(ConfigError);
    expect(() => readServerConfig({ HOST: "0.0.0.0" })).toThrow(ConfigError);
  });

  async function startRefusal(refused: typeof config): Promise<void> {
    await start(database.pool, { config: refused });
  }
});

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
      /^default-src 'none'; style-src 'self';/,
    );
    expect(headers.get("x-powered-by")).toBeNull();
    expect(headers.get("cache-control")).toBe("private, no-cache");
    expect(headers.get("vary")).toBe("Accept, Authorization, X-API-Key");
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
