import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Account, createAccount } from "../../emulator/account.ts";
import { recordOf } from "../../emulator/record-of.ts";
import { dayNumber, dayText } from "../../emulator/wall-clock.ts";
import { kpiRoutes } from "../../server/kpi-routes.ts";
import type { RunningServer } from "../../server/serve.ts";
import { runPipeline } from "../pipeline.ts";
import { createTestDatabase, type TestDatabase } from "../postgres.ts";
import { createPublishedDatabase, dadosOf, serve } from "./published.ts";

let database: TestDatabase;
let server: RunningServer;
beforeAll(async () => {
  database = await createPublishedDatabase();
  server = await serve(database.pool);
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

const views = [
  { path: "/api/vendas-mensais", view: "vw_vendas_mensais" },
  { path: "/api/vendas-empreendimentos", view: "vw_vendas_por_empreendimento" },
  { path: "/api/vendas-corretores", view: "vw_vendas_por_corretor" },
  { path: "/api/vendas-times", view: "vw_vendas_por_time" },
  { path: "/api/vso-mensal", view: "vw_vso_mensal" },
  { path: "/api/prosoluto", view: "vw_prosoluto_analise" },
  { path: "/api/tabela-geral-vendas", view: "vw_tabela_geral_vendas" },
  { path: "/api/comparacao-anual", view: "vw_vendas_ano_atual_vs_passado" },
] as const;

function get(path: string): Promise<Response> {
  return fetch(server.url + path);
}

async function rowsOf(path: string): Promise<Record<string, unknown>[]> {
  const dados = await dadosOf(await get(path));
  expect(dados).toBeInstanceOf(Array);
  return dados as Record<string, unknown>[];
}

test("the KPIs cover every account, and one account when it is named", async () => {
  const one = {
    quantidade_vendas: 5,
    valor_total: 3_425_000,
    ticket_medio: 685_000,
    total_comissoes: 171_250,
    empreendimentos: 3,
    corretores: 4,
  };
  expect(await dadosOf(await get("/api/kpis?conta=exemplo"))).toEqual(one);
  expect(await dadosOf(await get("/api/kpis"))).toEqual({
    quantidade_vendas: 10,
    valor_total: 6_850_000,
    ticket_medio: 685_000,
    total_comissoes: 342_500,
    empreendimentos: 6,
    corretores: 8,
  });
});

test("a sale without valor counts in the average as 0, and no sale gives none, as in the views", async () => {
  const valuesOf = {
    metade: [100_000.01, null],
    nenhum: [null, null],
    nada: [],
  } as const;
  const own = await createTestDatabase();
  await runPipeline(
    own,
    Object.entries(valuesOf).map(([conta, values]) => salesAccount(conta, values)),
  );
  const other = await serve(own.pool);
  const averages = { metade: 50_000.01, nenhum: null, nada: null };
  for (const [conta, ticket_medio] of Object.entries(averages)) {
    const of = async (path: string) => dadosOf(await fetch(`${other.url}${path}?conta=${conta}`));
    expect(await of("/api/kpis")).toMatchObject({ ticket_medio });
    expect(await of("/api/vendas-empreendimentos")).toMatchObject([{ ticket_medio }]);
  }
  expect(await dadosOf(await fetch(`${other.url}/api/kpis`))).toMatchObject({
    quantidade_vendas: 4,
    ticket_medio: 25_000,
  });
  await other.close();
  await own.drop();
});

/** An account of one development: a reservation that is not sold, and sales worth these values. */
function salesAccount(conta: string, values: readonly (number | null)[]): Account {
  const day = `${dayText(dayNumber(new Date()) - 10)} 10:00:00`;
  const reserva = {
    ativo: "S",
    idempreendimento: 1,
    empreendimento: "Solar",
    data_cad: day,
    referencia_data: day,
  };
  const sales = values.map((valor_contrato, nth) => ({
    ...reserva,
    idreserva: 2 + nth,
    situacao: "Vendida",
    data_venda: day,
    valor_contrato,
  }));
  const reservas = [{ ...reserva, idreserva: 1 }, ...sales];
  return createAccount({
    conta,
    token: conta,
    objects: { reservas: reservas.map((record) => recordOf("reservas", record)) },
  });
}

test("every address but the KPIs stands for one of the eight views", () => {
  const paths = kpiRoutes.map(({ path }) => path).filter((path) => path !== "/api/kpis");
  expect(paths).toEqual(views.map(({ path }) => path));
});

describe.each(views)("$path", ({ path, view }) => {
  test("shows exactly the rows and columns of the view", async () => {
    const { rows, fields } = await database.pool.query(
      `select to_jsonb(kpi) as row, ${view}.* from marts.${view}, to_jsonb(${view}) as kpi`,
    );
    const shown = await rowsOf(path);
    expect(shown.length).toBeGreaterThan(0);
    expect(Object.keys(shown[0] ?? {})).toEqual(fields.slice(1).map(({ name }) => name));
    const expected = rows.map(({ row }) => row);
    expect(shown).toHaveLength(expected.length);
    expect(shown).toEqual(expect.arrayContaining(expected));
  });

  test("keeps the account in every row, and narrows to one", async () => {
    const both = await rowsOf(path);
    expect([...new Set(both.map(({ conta }) => conta))].sort()).toEqual(["exemplo", "outra"]);
    const one = await rowsOf(`${path}?conta=outra`);
    expect(one).toEqual(both.filter(({ conta }) => conta === "outra"));
  });
});

test("money keeps the digits that the database wrote, as a plain number", async () => {
  const text = await (await get("/api/kpis?conta=exemplo")).text();
  expect(text).toContain('"valor_total":3425000.00,"ticket_medio":685000.00');
});

test("days are written as days, whatever the database's own style says", async () => {
  await database.pool.query(
    `do $$ begin execute format('alter database %I set datestyle = ''SQL, DMY''', current_database()); end $$`,
  );
  const { rows } = await database.pool.query(
    "select to_char(max(data_venda), 'YYYY-MM-DD') as day from marts.vendas",
  );
  // The setting reaches only connections made after it.
  const pool = new pg.Pool({ connectionString: database.url });
  const other = await serve(pool);
  const dados = await dadosOf(await fetch(`${other.url}/api/tabela-geral-vendas`));
  await other.close();
  await pool.end();
  expect(dados).toEqual(
    expect.arrayContaining([expect.objectContaining({ data_venda: rows[0].day })]),
  );
});

test("an account without data is named as unknown", async () => {
  for (const path of ["/api/kpis", "/api/vso-mensal", "/api/tabela-geral-vendas"]) {
    const response = await get(`${path}?conta=exmplo`);
    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toContain("application/problem+json");
    expect(await response.json()).toMatchObject({ status: 404, parametro: "conta" });
  }
});

test("an account's name is only ever a value", async () => {
  const name = "exemplo' or '1'='1";
  const response = await get(`/api/vso-mensal?conta=${encodeURIComponent(name)}`);
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ detail: expect.stringContaining(name) });
});

test("HEAD gives the headers of GET without the rows", async () => {
  const got = await get("/api/vso-mensal");
  const headed = await fetch(`${server.url}/api/vso-mensal`, { method: "HEAD" });
  expect(headed.status).toBe(200);
  expect(await headed.text()).toBe("");
  for (const name of ["etag", "content-type", "content-length"]) {
    expect(headed.headers.get(name)).toBe(got.headers.get(name));
  }
});

test("an answer of more than a hundred thousand rows is cut, and says so", async () => {
  await database.pool.query(
    `create temp table extra as
         select venda.*, extra
         from marts.vendas as venda, generate_series(1, 100000) as extra
         where conta = 'outra' and reserva_id = (select min(reserva_id) from marts.vendas);
     update extra set reserva_id = 1000000 + extra;
     alter table extra drop column extra;
     insert into marts.vendas table extra;
     drop table extra`,
  );
  // No publication told the other server of these rows: it may go on with what it had.
  const fresh = await serve(database.pool);
  const address = `${fresh.url}/api/tabela-geral-vendas`;
  try {
    const whole = await dadosOf(await fetch(`${address}?conta=exemplo`));
    expect(whole).toHaveLength(5);
    const body: unknown = await (await fetch(`${address}?conta=outra`)).json();
    expect(body).toMatchObject({ truncado: true });
    expect(body).toHaveProperty("dados.length", 100_000);
  } finally {
    await fresh.close();
  }
});
