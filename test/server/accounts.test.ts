import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exemplo } from "../../emulator/exemplo.ts";
import type { RunningServer } from "../../server/serve.ts";
import { createKey } from "../../server/stored-keys.ts";
import { runPipeline } from "../pipeline.ts";
import { createTestDatabase, type TestDatabase } from "../postgres.ts";
import { serve } from "./published.ts";

/** A name that stands nowhere but in this account's rows. */
const hidden = "vizinha-sigilosa";
const formats = ["json", "ndjson", "csv", "arrow"];
const pages = { accept: "text/html" };

let database: TestDatabase;
let whole: string;
let narrow: string;
let clear: string;
beforeAll(async () => {
  database = await createTestDatabase();
  await runPipeline(database, [
    exemplo(),
    exemplo({ conta: hidden, email: "v@example.com", token: "other-token" }),
  ]);
  const make = async (
    name: string,
    contas: readonly string[],
    scopes: readonly ("read" | "pii")[],
  ) => (await createKey(database.pool, { name, scopes, contas, expiresAt: undefined })) ?? "";
  whole = await make("todas", [], ["read"]);
  narrow = await make("uma", ["exemplo"], ["read"]);
  clear = await make("uma-clara", ["exemplo"], ["read", "pii"]);
});
afterAll(() => database.drop());

/** Everything that answers rows, and every way to ask for those of another account. */
async function pathsOf(url: string): Promise<readonly string[]> {
  const response = await fetch(`${url}/api/marts`, { headers: { "x-api-key": whole } });
  const { dados } = (await response.json()) as { dados: { nome: string }[] };
  return [
    "/",
    "/?busca=sigilosa",
    `/?empreendimento=${hidden}:1`,
    "/?de=2000-01-01",
    "/vendas.csv",
    `/vendas.csv?empreendimento=${hidden}:1`,
    "/api/marts",
    "/api/openapi.json",
    "/api/docs",
    ...[
      "kpis",
      "vendas-mensais",
      "vendas-empreendimentos",
      "vendas-corretores",
      "vendas-times",
      "vso-mensal",
      "prosoluto",
      "tabela-geral-vendas",
      "comparacao-anual",
    ].flatMap((name) => [`/api/${name}`, `/api/${name}?format=arrow`]),
    ...dados.flatMap(({ nome }) => formats.map((format) => `/api/marts/${nome}?format=${format}`)),
    ...formats.flatMap((format) => [
      `/api/marts/vendas?format=${format}&conta=eq.${hidden}`,
      `/api/marts/vendas?format=${format}&or=(conta.eq.${hidden},conta.neq.x)&order=conta.desc`,
      `/api/marts/vendas?format=${format}&conta=not.eq.exemplo`,
    ]),
  ];
}

describe.each(["that may take on the roles of BI", "that may not"])(
  "a key of one account, before a database user %s",
  (user) => {
    let server: RunningServer;
    let pool: pg.Pool;
    let role: string | undefined;
    beforeAll(async () => {
      if (user === "that may not") {
        role = await createPlainOwner();
        const url = new URL(database.url);
        url.username = role;
        url.password = "plain";
        pool = new pg.Pool({ connectionString: url.href });
      } else pool = new pg.Pool({ connectionString: database.url });
      pool.on("error", () => {});
      server = await serve(pool);
    });
    afterAll(async () => {
      await server.close();
      await pool.end();
      if (role !== undefined) await dropPlainOwner(role);
    });

    const ask = (path: string, key: string, headers: Record<string, string> = {}) =>
      fetch(server.url + path, { headers: { "x-api-key": key, ...pages, ...headers } });

    test("is told nothing of another, also of what was made for others just before", async () => {
      for (const path of await pathsOf(server.url)) {
        const all = await ask(path, whole, { accept: "*/*" });
        const said = await all.text();
        expect(all.status, `${path} ${said.slice(0, 300)}`).toBe(200);
        const etag = all.headers.get("etag");
        for (const key of [narrow, clear]) {
          const headers = { accept: "*/*", ...(etag === null ? {} : { "if-none-match": etag }) };
          const mine = await ask(path, key, headers);
          const body = await mine.text();
          expect(mine.status, `${path} ${body.slice(0, 300)}`).toBe(200);
          // What was asked for may be repeated; nothing may be added to it.
          const text = body.replaceAll(new RegExp(`${hidden}(:|%3A)1`, "g"), "");
          expect(text, path).not.toContain(hidden);
        }
      }
    });

    test("has its own rows, and only those", async () => {
      for (const key of [narrow, clear]) {
        const response = await ask("/api/marts/vendas?select=conta", key, { accept: "*/*" });
        const { dados } = (await response.json()) as { dados: { conta: string }[] };
        expect(dados.map(({ conta }) => conta)).toEqual(Array(5).fill("exemplo"));
        const csv = await (await ask("/api/marts/vendas?format=csv", key)).text();
        expect(csv.trim().split("\n")).toHaveLength(6);
        const file = await (await ask("/vendas.csv", key)).text();
        expect(file.trim().split("\n")).toHaveLength(6);
        const kpis = await (await ask("/api/kpis", key, { accept: "*/*" })).json();
        expect(kpis).toMatchObject({ dados: { quantidade_vendas: 5, valor_total: 3_425_000 } });
      }
    });

    test("gets no row of another by a cursor that a key of all accounts was given", async () => {
      const first = await ask("/api/marts/vendas?order=conta.desc&limit=1", whole, {
        accept: "*/*",
      });
      const { proxima } = (await first.json()) as { proxima: string };
      const next = await ask(proxima, narrow, { accept: "*/*" });
      expect(next.status).toBe(200);
      expect(await next.text()).not.toContain(hidden);
    });

    test("cannot tell another account from none", async () => {
      for (const path of ["/", "/vendas.csv", "/api/kpis", "/api/tabela-geral-vendas"]) {
        const [other, none] = await Promise.all(
          [hidden, "nada"].map(async (conta) => {
            const response = await ask(`${path}?conta=${conta}`, narrow, { accept: "*/*" });
            return { status: response.status, text: (await response.text()).replaceAll(conta, "") };
          }),
        );
        expect(other).toEqual(none);
        expect(other?.status, path).toBe(404);
      }
    });

    test("is not told how many rows all accounts have, nor their metrics", async () => {
      await database.pool.query("analyze marts.vendas");
      const counts = async (key: string) => {
        const fresh = await serve(pool);
        const response = await fetch(`${fresh.url}/api/marts`, { headers: { "x-api-key": key } });
        const { dados } = (await response.json()) as {
          dados: { nome: string; linhas_estimadas: number | null }[];
        };
        await fresh.close();
        return dados.find(({ nome }) => nome === "vendas")?.linhas_estimadas;
      };
      expect(await counts(whole)).toBe(10);
      expect(await counts(narrow)).toBeNull();
      const metrics = await ask("/metrics", narrow, { accept: "*/*" });
      expect(metrics.status).toBe(403);
      expect(await metrics.text()).not.toContain(hidden);
      expect((await ask("/metrics", whole, { accept: "*/*" })).status).toBe(200);
    });

    test("without the scope sees no client in clear", async () => {
      const { rows } = await database.pool.query<{ name: string }>(
        "select distinct cliente as name from marts_pii.vendas where cliente is not null",
      );
      expect(rows.length).toBeGreaterThan(0);
      for (const path of await pathsOf(server.url)) {
        const text = await (await ask(path, narrow, { accept: "*/*" })).text();
        for (const { name } of rows) expect(text, path).not.toContain(name);
      }
      const seen = await (await ask("/vendas.csv", clear)).text();
      expect(rows.some(({ name }) => seen.includes(name))).toBe(true);
    });
  },
);

/** A login that owns marts, and with them is exempt from their policies, and has no other role. */
async function createPlainOwner(): Promise<string> {
  const name = `plain_${database.url.split("/").at(-1)}`;
  await database.pool.query(`create role ${name} login password 'plain'`);
  await database.pool.query(
    `do $$
     declare
         relation record;
     begin
         for relation in
             select oid::regclass as name
             from pg_class
             where relnamespace::regnamespace::text in ('marts', 'marts_pii')
                 and relkind in ('r', 'v')
         loop
             execute format('alter table %s owner to ${name}', relation.name);
         end loop;
     end
     $$;
     alter schema marts owner to ${name};
     alter schema marts_pii owner to ${name};
     grant usage on schema elt to ${name};
     grant select on all tables in schema elt to ${name}`,
  );
  const { rows } = await database.pool.query(
    `select pg_has_role('${name}', 'bi_reader', 'member') as may`,
  );
  expect(rows[0].may).toBe(false);
  return name;
}

async function dropPlainOwner(name: string): Promise<void> {
  await database.pool.query(`reassign owned by ${name} to current_user`);
  await database.pool.query(`drop owned by ${name}`);
  await database.pool.query(`drop role ${name}`);
}
