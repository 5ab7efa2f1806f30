import { connect } from "node:net";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import pg from "pg";
import { request } from "undici";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { ApiKey } from "../../../runner/config.ts";
import type { RunningServer } from "../../../server/serve.ts";
import type { TestDatabase } from "../../postgres.ts";
import { apiKey, createPublishedDatabase, problemAt, serve } from "../published.ts";
import { publishTable } from "./published-table.ts";

let database: TestDatabase;
let server: RunningServer;
const cleanups: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  database = await createPublishedDatabase();
  // Far more than sockets and buffers hold.
  await publishTable(
    database,
    "enorme",
    `as select 'exemplo' as conta, n, repeat(md5(n::text), 20) as texto
     from generate_series(1, 60000) as n;
     alter table marts.enorme add primary key (conta, n)`,
  );
  server = await serve(database.pool);
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

function ownPool(): pg.Pool {
  const pool = new pg.Pool({ connectionString: database.url });
  pool.on("error", () => {});
  cleanups.push(() => pool.end());
  return pool;
}

async function start(...given: Parameters<typeof serve>): Promise<RunningServer> {
  const own = await serve(...given);
  cleanups.push(() => own.close());
  return own;
}

describe("a wrong request", () => {
  test.each([
    ["select=nada", "select", "nada"],
    ["select=conta,conta", "select", "duas vezes"],
    ["order=valor.down", "order", "valor.down"],
    ["order=valor,valor.desc", "order", "duas vezes"],
    ["limit=-1", "limit", "-1"],
    ["limit=1e3", "limit", "1e3"],
    ["offset=x", "offset", "0 a 999999999"],
    ["limit=1&limit=2", "limit", "mais de uma vez"],
    ["format=xml", "format", "json, ndjson, csv, arrow"],
    ["cursor=abc", "cursor", "não é desta consulta"],
    ["nada=eq.1", "nada", "Colunas: conta"],
    ["valor=500", "valor", "eq, neq"],
    ["valor=eq.abc", "valor", "um número"],
    ["valor=like.1*", "valor", "eq, neq"],
    ["reserva_id=eq.99999999999999999999", "reserva_id", "número inteiro"],
    ["data_venda=eq.2026-02-30", "data_venda", "um dia"],
    ["data_venda=gt.31/01/2026", "data_venda", "um dia"],
    ["data_reserva=gt.2026-01-01T25:00", "data_reserva", "um instante"],
    ["reserva_id=in.1,2", "reserva_id", "caractere 1"],
    ["reserva_id=in.(1,2", "reserva_id", "acaba ali"],
    ["reserva_id=is.zero", "reserva_id", "null, not_null"],
    ["or=(valor.eq.1", "or", "acaba ali"],
    ["or=valor.eq.1", "or", "caractere 1"],
    ["or=(nada.eq.1)", "or", "nada"],
    ["or=((((", "or", "caractere 2"],
    [`and=${"(and".repeat(20)}`, "and", "níveis"],
    ["corretor=eq.%00", "corretor", "caractere"],
    ["corretor=like.abc%5C", "corretor", "barra"],
    [`corretor=in.(${"a,".repeat(600)}a)`, "corretor", "máximo é 500"],
  ])(
    "%s is answered with its parameter, what was found and what is allowed",
    async (search, parametro, says) => {
      expect(await problemAt(`${server.url}/api/marts/vendas?${search}`)).toMatchObject({
        status: 400,
        parametro,
        detail: expect.stringContaining(says),
      });
    },
  );

  test("with a cursor made by hand is a problem, whatever is in it", async () => {
    const cursor = (...values: unknown[]) =>
      Buffer.from(
        JSON.stringify(["conta.asc.nullslast,reserva_id.asc.nullslast", ...values]),
      ).toString("base64url");
    for (const text of [
      cursor("exemplo", "x"),
      cursor("exemplo", "1e400"),
      cursor("exemplo"),
      cursor("exemplo", 1),
      cursor("exemplo", { a: 1 }),
      cursor("a\u0000", "1"),
      cursor("exemplo", "1); drop table marts.vendas; --"),
    ]) {
      const problem = await problemAt(`${server.url}/api/marts/vendas?cursor=${text}`);
      expect(problem).toMatchObject({ status: 400, parametro: "cursor" });
    }
  });

  const attacks = [
    "'; drop table marts.vendas; --",
    "1) or (1=1",
    "1 union select usename from pg_user",
    '"; select pg_sleep(9); --',
    "valor from marts_pii.vendas --",
    "(select value from elt.secrets)",
    "current_setting('elt.p1')",
    "$1",
    "\\",
    "%00",
    "$$;drop schema marts$$",
  ];
  test.each(attacks)(
    "that smuggles in SQL changes nothing and learns nothing: %s",
    async (attack) => {
      const text = attack === "%00" ? attack : encodeURIComponent(attack);
      const paths = [
        ...[
          "select",
          "order",
          "limit",
          "offset",
          "cursor",
          "format",
          "or",
          "and",
          "conta",
          text,
        ].map((parameter) => `/api/marts/vendas?${parameter}=${text}`),
        ...[
          "conta=eq.",
          "valor=gt.",
          "corretor=ilike.",
          "corretor=in.(",
          "data_venda=is.",
          "not.or=(",
        ].map((filter) => `/api/marts/vendas?${filter}${text}`),
        `/api/marts/vendas?corretor=in.(%22${text}%22)&format=csv`,
        `/api/marts/vendas?corretor=eq.${text}&format=ndjson`,
        `/api/marts/vendas?corretor=eq.${text}&format=arrow`,
        `/api/marts/${text}`,
        `/api/kpis?conta=${text}`,
        `/?conta=${text}`,
      ];
      for (const path of paths) {
        const response = await fetch(server.url + path);
        const body = await response.text();
        expect([200, 400, 404], `${path}: ${body}`).toContain(response.status);
        expect(body).not.toMatch(/syntax error|pg_catalog|\bat .*\.ts:/);
      }
      const { rows } = await database.pool.query("select count(*)::int as n from marts.vendas");
      expect(rows[0].n).toBe(10);
    },
  );
});

describe("an answer", () => {
  test("has the columns of the publication that its tag stands for, announced or not", async () => {
    const { url } = await start(ownPool());
    await publishTable(database, "movida", "as select 'exemplo' as conta, 1 as a");
    const publish = () =>
      database.pool.query(
        `with run as (
            insert into elt.runs (command, pid, host) values ('test', 0, 'test') returning run_id
        )
        insert into elt.publications (run_id, rows_added, rows_changed, rows_removed)
        select run_id, 0, 0, 0 from run`,
      );
    await publish();
    for (const format of ["json", "csv"]) {
      const path = `${url}/api/marts/movida?format=${format}`;
      const before = await fetch(path);
      expect(await before.text()).not.toContain(`depois_${format}`);
      await database.pool.query(`alter table marts.movida add column depois_${format} integer`);
      await publish();
      const after = await fetch(path);
      expect(await after.text()).toContain(`depois_${format}`);
      expect(after.headers.get("etag")).not.toBe(before.headers.get("etag"));
      expect((await fetch(`${path}&depois_${format}=is.null`)).status).toBe(200);
    }
  });

  test("is compressed when the caller can read that, and the same", async () => {
    const path = `${server.url}/api/marts/condicoes`;
    for (const format of ["json", "ndjson", "csv"]) {
      const get = async (encoding: string) => {
        const { headers, body } = await request(`${path}?format=${format}`, {
          headers: { "accept-encoding": encoding },
        });
        expect(headers.vary).toContain("Accept-Encoding");
        const bytes = Buffer.from(await body.arrayBuffer());
        return { encoding: headers["content-encoding"], bytes };
      };
      const plain = await get("identity");
      const gzip = await get("gzip");
      const br = await get("br, gzip;q=0.5");
      expect([plain.encoding, gzip.encoding, br.encoding]).toEqual([undefined, "gzip", "br"]);
      expect(gunzipSync(gzip.bytes)).toEqual(plain.bytes);
      expect(brotliDecompressSync(br.bytes)).toEqual(plain.bytes);
    }
  });

  test("to HEAD is the answer to GET without its body", async () => {
    for (const path of [
      "/api/marts/vendas",
      "/api/marts/vendas?format=csv",
      "/api/marts/enorme?format=arrow",
      "/api/marts?",
      "/api/openapi.json",
    ]) {
      const get = await fetch(server.url + path);
      await get.arrayBuffer();
      const head = await fetch(server.url + path, { method: "HEAD" });
      expect(head.status).toBe(200);
      expect(await head.text()).toBe("");
      for (const name of ["etag", "content-type", "vary"]) {
        expect(head.headers.get(name)).toBe(get.headers.get(name));
      }
      expect(head.headers.get("accept-ranges")).toBe("none");
    }
  });

  test("to a range is the whole", async () => {
    const response = await fetch(`${server.url}/api/marts/vendas?format=csv`, {
      headers: { range: "bytes=0-9" },
    });
    expect(response.status).toBe(200);
    expect((await response.text()).split("\n")).toHaveLength(12);
  });

  test("that the caller has costs no query; another query, format or encoding is another", async () => {
    const pool = ownPool();
    const { url } = await start(pool);
    const paths = [
      "/api/marts",
      "/api/openapi.json",
      "/api/docs",
      "/api/marts/vendas",
      "/api/marts/vendas?limit=1",
      "/api/marts/vendas?format=csv",
      "/api/marts/vendas?format=arrow",
      "/api/marts/comissoes",
    ];
    const etags = [];
    for (const path of paths) {
      const response = await fetch(url + path);
      await response.arrayBuffer();
      etags.push(response.headers.get("etag") ?? "");
    }
    expect(new Set(etags).size).toBe(paths.length);
    let taken = 0;
    pool.on("acquire", () => {
      taken += 1;
    });
    for (const [index, path] of paths.entries()) {
      const headers = { "if-none-match": etags[index] ?? "" };
      expect((await fetch(url + path, { headers })).status).toBe(304);
    }
    expect(taken).toBe(0);
  });
});

describe("a page of rows", () => {
  test("that somebody asked for before comes from memory, whole, for readers who see the same", async () => {
    const pool = ownPool();
    const pii: ApiKey = { ...apiKey("auditoria", "clear"), scopes: ["pii"] };
    const apiKeys = [apiKey("diretoria", "masked"), apiKey("gerencia", "masked too"), pii];
    const { url } = await start(pool, { config: { host: "127.0.0.1", port: 0, apiKeys } });
    let taken = 0;
    pool.on("acquire", () => {
      taken += 1;
    });
    const get = async (key: string, search = "limit=3&order=valor.desc") => {
      const before = taken;
      const response = await fetch(`${url}/api/marts/vendas?${search}`, {
        headers: { "x-api-key": key },
      });
      expect(response.status).toBe(200);
      const text = await response.text();
      const headers = ["content-type", "etag", "link"].map((name) => response.headers.get(name));
      return { answer: [...headers, text], queried: taken > before };
    };
    const first = await get("masked");
    expect(first.queried).toBe(true);
    expect(first.answer[2]).toMatch(/cursor=.*rel="next"/);
    expect(await get("masked too")).toEqual({ answer: first.answer, queried: false });
    const clear = await get("clear");
    expect(clear.queried).toBe(true);
    expect(clear.answer[3]).not.toBe(first.answer[3]);
    expect((await get("masked", "limit=2&order=valor.desc")).queried).toBe(true);
    expect(await get("masked")).toEqual({ answer: first.answer, queried: false });
  });
});

describe("an answer that fails", () => {
  // As a view does whose text meets a value that nobody thought of.
  beforeAll(() =>
    database.pool.query(
      `create view marts.quebrada as
       select 'exemplo' as conta, n, md5(n::text) as texto,
           case when n < 5000 then n::text else 'Maria da Silva' end::integer as numero
       from generate_series(1, 5000) as n;
       grant select on marts.quebrada to bi_reader, bi_reader_pii;
       insert into elt.relations (relation, fingerprint) values ('marts.quebrada', '')`,
    ),
  );

  test("before its first byte is a problem document, and no file", async () => {
    // A server of its own: another one may have read its catalogue before there was this view.
    const { url } = await start(database.pool);
    const path = `${url}/api/marts/quebrada?format=csv&order=numero&limit=5`;
    const { headers, body } = await request(path);
    expect(await body.json()).toMatchObject({
      status: 500,
      type: expect.stringMatching(/erro-interno$/),
    });
    expect(headers["content-type"]).toContain("application/problem+json");
    for (const name of ["content-disposition", "etag", "link"]) {
      expect(headers[name]).toBeUndefined();
    }
  });

  test("where values were sent is about the first of them", async () => {
    const { url } = await start(database.pool);
    const { body } = await request(`${url}/api/marts/quebrada?format=csv&order=numero&texto=neq.x`);
    expect(await body.json()).toMatchObject({ status: 400, parametro: "texto" });
  });

  test.each(["identity", "gzip", "br"])(
    "on its way is broken off, and tells nobody a value: %s",
    async (encoding) => {
      // Where it is "test", Express keeps to itself what it would write.
      vi.stubEnv("NODE_ENV", "production");
      const written = vi.spyOn(console, "error").mockImplementation(() => undefined);
      cleanups.push(async () => {
        vi.unstubAllEnvs();
        written.mockRestore();
      });
      const { url } = await start(database.pool);
      const { body } = await request(`${url}/api/marts/quebrada?format=csv`, {
        headers: { "accept-encoding": encoding },
      }).catch((error: Error) => ({ body: { bytes: () => Promise.reject(error) } }));
      await expect(body.bytes()).rejects.toThrow();
      expect(written).not.toHaveBeenCalled();
    },
  );
});

describe("a caller that does not take its export", () => {
  /** Asks and then reads nothing. */
  function askAndStall(url: string, path: string): ReturnType<typeof connect> {
    const { port } = new URL(url);
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", () => {});
    socket.pause();
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    cleanups.push(async () => socket.destroy());
    return socket;
  }

  const backends =
    "select from pg_stat_activity where datname = current_database() and query like 'copy %' and state = 'active'";

  test.each(["csv", "ndjson", "arrow"])(
    "holds no connection beyond the deadline: %s",
    async (format) => {
      const pool = ownPool();
      let cut = (_line: string) => {};
      const heard = new Promise<string>((resolve) => {
        cut = resolve;
      });
      const { url } = await start(pool, {
        stallMs: 300,
        log: (line) => {
          if (line.startsWith("Gave up")) cut(line);
        },
      });
      askAndStall(url, `/api/marts/enorme?format=${format}`);
      expect(await heard).toBe("Gave up an export of enorme: the caller took nothing more");
      while ((await database.pool.query(backends)).rows.length > 0);
      expect(pool.totalCount - pool.idleCount).toBe(1);
    },
  );

  test("at a trickle is given up when its time is over", async () => {
    const pool = ownPool();
    let cut = (_line: string) => {};
    const heard = new Promise<string>((resolve) => {
      cut = resolve;
    });
    const config = { host: "127.0.0.1", port: 0, apiKeys: [], exportMs: 700 };
    const { url } = await start(pool, {
      config,
      log: (line) => {
        if (line.startsWith("Gave up")) cut(line);
      },
    });
    const socket = askAndStall(url, "/api/marts/enorme?format=csv");
    const trickle = setInterval(() => socket.read(1), 10);
    cleanups.push(async () => clearInterval(trickle));
    expect(await heard).toMatch(/was not done within SERVER_EXPORT_SECONDS/);
    while ((await database.pool.query(backends)).rows.length > 0);
    expect(pool.totalCount - pool.idleCount).toBe(1);
  });

  test("and goes away frees what it held at once", async () => {
    const pool = ownPool();
    let cut = (_line: string) => {};
    const heard = new Promise<string>((resolve) => {
      cut = resolve;
    });
    const { url } = await start(pool, {
      log: (line) => {
        if (line.startsWith("Gave up")) cut(line);
      },
    });
    const socket = askAndStall(url, "/api/marts/enorme?format=csv");
    while ((await database.pool.query(backends)).rows.length === 0);
    socket.destroy();
    expect(await heard).toMatch(/the caller closed the connection/);
    while ((await database.pool.query(backends)).rows.length > 0);
  });

  test("is told by a broken connection, never by a file that looks whole", async () => {
    const { url } = await start(ownPool(), { stallMs: 200 });
    const { body } = await request(`${url}/api/marts/enorme?format=csv`);
    await new Promise<void>((resolve) => {
      body.once("readable", () => resolve());
    });
    const cut = new Promise((resolve) => body.once("error", resolve));
    while ((await database.pool.query(backends)).rows.length > 0);
    body.resume();
    expect(await cut).toBeInstanceOf(Error);
  });

  test("and others like it leave the small answers their connections", async () => {
    const { url } = await start(ownPool());
    for (let each = 0; each < 4; each++) askAndStall(url, "/api/marts/enorme?format=csv");
    while ((await database.pool.query(backends)).rows.length < 4);
    expect(await problemAt(`${url}/api/marts/vendas?format=csv`)).toMatchObject({
      status: 503,
      type: "urn:cvdw-elt:exportacoes-demais",
    });
    expect((await fetch(`${url}/api/kpis`)).status).toBe(200);
  });
});
