import { type AddressInfo, connect, createServer, type Socket } from "node:net";
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

  test("is of another database, when its first publication was made at another time", async () => {
    const paths = ["/api/kpis", "/api/marts/vendas", "/api/marts", "/api/openapi.json", "/"];
    const before = await start(database.pool);
    const etags = await Promise.all(paths.map((path) => etagAt(before.url + path)));
    await database.pool.query(
      "update elt.publications set published_at = published_at - interval '1 second'",
    );
    const { url } = await start(database.pool);
    for (const [index, path] of paths.entries()) {
      expect([path, await statusWith(url + path, etags[index] ?? "")]).toEqual([path, 200]);
    }
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

  test("of the day before is not kept as today's, when the database's day comes later", async () => {
    const pool = ownPool();
    const { rows } = await pool.query(
      "select extract(epoch from ((elt.hoje() + 1)::timestamp at time zone 'America/Sao_Paulo')) * 1000 as ms, to_char(elt.hoje() + 1, 'DD/MM/YYYY') as amanha",
    );
    // This machine's clock is ahead of the database's: here it is past midnight, there it is not.
    const { url } = await start(pool, { now: () => new Date(Number(rows[0].ms) + 1_000) });
    const before = await (await fetch(url)).text();
    expect(before).not.toContain(`a ${rows[0].amanha}`);
    const definition = await pool.query(
      "select pg_get_functiondef('elt.hoje()'::regprocedure) as text",
    );
    cleanups.push(() => database.pool.query(definition.rows[0].text));
    await pool.query(
      `create or replace function elt.hoje() returns date language sql stable parallel safe
       return (now() at time zone 'America/Sao_Paulo')::date + 1`,
    );
    expect(await (await fetch(url)).text()).toContain(`a ${rows[0].amanha}`);
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

  test("is not relied on alone: what nobody announced is seen at the next beat", async () => {
    const server = await start(ownPool(), { beatMs: 50 });
    const etag = await etagAt(`${server.url}/api/kpis`);
    await publishUnannounced();
    await expect.poll(() => statusWith(`${server.url}/api/kpis`, etag)).toBe(200);
  });

  test("is given up when it falls silent, and nothing old is served from then on", async () => {
    const wire = await createWire();
    const lines: string[] = [];
    const server = await start(ownPool(wire.url), {
      beatMs: 200,
      log: (sentence) => lines.push(sentence),
    });
    const etag = await etagAt(`${server.url}/api/kpis`);
    cleanups.push(async () => wire.end());
    wire.cutSilently();
    await publishUnannounced();
    await expect
      .poll(() => lines.filter((line) => line.includes("does not answer any more")))
      .toHaveLength(1);
    // The connections that wait for the next request are dead, too: it says so, and the next lives.
    const first = await statusWith(`${server.url}/api/kpis`, etag);
    expect([200, 503]).toContain(first);
    await expect
      .poll(() => statusWith(`${server.url}/api/kpis`, etag), { timeout: 20_000 })
      .toBe(200);
  });
});

test("an answer that was being read when the connection fell silent is refused in time", async () => {
  const wire = await createWire();
  cleanups.push(async () => wire.end());
  const { url } = await start(ownPool(wire.url));
  const blocker = await database.pool.connect();
  cleanups.push(async () => {
    await blocker.query("rollback");
    blocker.release();
  });
  await blocker.query("begin; lock table marts.vendas in access exclusive mode");
  const asked = statusWith(`${url}/api/kpis`, "");
  const waiting = `select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`;
  while ((await database.pool.query(waiting)).rows.length === 0);
  wire.cutSilently();
  expect(await asked).toBe(503);
}, 60_000);

/** A publication of which no announcement is sent, as behind a pooler of transactions. */
async function publishUnannounced(): Promise<void> {
  await database.pool.query(
    `with run as (
        insert into elt.runs (command, pid, host) values ('test', 0, 'test') returning run_id
    )
    insert into elt.publications (run_id, rows_added, rows_changed, rows_removed)
    select run_id, 0, 0, 0 from run`,
  );
}

/** A way to the database whose open connections can fall silent without an end. */
async function createWire(): Promise<{
  readonly url: string;
  cutSilently(): void;
  end(): void;
}> {
  const target = new URL(database.url);
  const open = new Set<readonly [Socket, Socket]>();
  const wire = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    near.on("error", () => far.destroy()).on("close", () => far.destroy());
    far.on("error", () => near.destroy()).on("close", () => near.destroy());
    near.pipe(far).pipe(near);
    open.add([near, far]);
  });
  await new Promise<void>((resolve) => wire.listen(0, "127.0.0.1", resolve));
  const end = () => {
    for (const pair of open) for (const socket of pair) socket.destroy();
    wire.close();
  };
  const url = new URL(database.url);
  url.hostname = "127.0.0.1";
  url.port = String((wire.address() as AddressInfo).port);
  return {
    url: url.href,
    end,
    cutSilently: () => {
      for (const [near, far] of open) {
        near.unpipe(far);
        far.unpipe(near);
        near.pause();
        far.pause();
      }
    },
  };
}
