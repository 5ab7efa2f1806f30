import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { buildModels } from "../pipeline.ts";
import type { TestDatabase } from "../postgres.ts";
import { createPublishedDatabase, etagAt, serve, statusWith } from "./published.ts";

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

  test("and others ask for, too, is made once", async () => {
    const pool = ownPool();
    const { url } = await start(pool);
    await statusWith(`${url}/health`, "");
    let taken = 0;
    pool.on("acquire", () => {
      taken += 1;
    });
    const texts = await Promise.all(
      Array.from({ length: 20 }, async () => (await fetch(`${url}/api/kpis`)).text()),
    );
    expect(new Set(texts).size).toBe(1);
    expect(taken).toBe(1);
    expect(await (await fetch(`${url}/api/kpis?conta=outra`)).text()).not.toBe(texts[0]);
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
