import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../emulator/account.ts";
import { exemplo } from "../emulator/exemplo.ts";
import { startServer } from "../server/serve.ts";
import { runPipeline } from "./pipeline.ts";
import { createTestDatabase } from "./postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
let account: Account;

const views = [
  "vw_vendas_ano_atual_vs_passado",
  "vw_vendas_mensais",
  "vw_vendas_por_empreendimento",
  "vw_vendas_por_corretor",
  "vw_vendas_por_time",
  "vw_vso_mensal",
  "vw_prosoluto_analise",
  "vw_tabela_geral_vendas",
];

async function value(statement: string): Promise<unknown> {
  const { rows } = await pool.query({ text: statement, rowMode: "array" });
  return rows[0]?.[0];
}

/** Every view as one text each, to see which of them a change reached. */
async function everyView(): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const view of views) {
    texts[view] = String(
      await value(`select string_agg(row::text, ' ' order by row::text) from marts.${view} as row`),
    );
  }
  return texts;
}

/** One whole run of the product; what it landed and what it published. */
async function run(): Promise<{ readonly versions: number; readonly published: number }> {
  const { scans, build } = await runPipeline(database, account);
  const results = [...scans.values()].flat();
  expect(results.map((scan) => scan.verdict)).toEqual(results.map(() => "proven"));
  const { added, changed, removed } = build.changes;
  return {
    versions: results.reduce((sum, scan) => sum + scan.newVersions, 0),
    published: added + changed + removed,
  };
}

beforeAll(async () => {
  account = exemplo({ hoje: String(await value("select elt.hoje()::text")) });
  await run();
});

describe("a second run", () => {
  test("of an unchanged source adds no version and publishes no row", async () => {
    const before = await everyView();
    expect(await run()).toEqual({ versions: 0, published: 0 });
    expect(await everyView()).toEqual(before);
  });

  test("after one edited reserva adds one version, and its change reaches every view", async () => {
    const before = await everyView();
    const sale = String(
      await value("select reserva_id from marts.vendas order by data_venda desc limit 1"),
    );
    account.edit("reservas", sale, { valor_contrato: 930_000 });
    expect((await run()).versions).toBe(1);
    const after = await everyView();
    for (const view of views) expect([view, after[view] !== before[view]]).toEqual([view, true]);
    expect(await value(`select valor from marts.vendas where reserva_id = ${sale}`)).toBe(
      "930000.00",
    );
  });

  test("shows A after a value went A → B → A, and keeps the three versions", async () => {
    const sale = String(
      await value("select reserva_id from marts.vendas order by data_venda limit 1"),
    );
    const shown = () => value(`select tipo_venda from marts.vendas where reserva_id = ${sale}`);
    for (const tipovenda of ["A", "B", "A"]) {
      account.edit("reservas", sale, { tipovenda });
      expect((await run()).versions).toBe(1);
      expect(await shown()).toBe(tipovenda);
    }
    const { rows } = await pool.query(
      "select payload ->> 'tipovenda' as tipo from landing.reservas where chave = $1 order by load_id, seq",
      [sale],
    );
    expect(rows.slice(-3).map((row) => row.tipo)).toEqual(["A", "B", "A"]);
  });
});

test("the known answer of account exemplo is what /api/kpis says", async () => {
  const known = await createTestDatabase();
  try {
    const { rows } = await known.pool.query("select elt.hoje()::text as hoje");
    await runPipeline(known, exemplo({ hoje: rows[0].hoje }));
    const server = await startServer({
      pool: known.pool,
      config: { host: "127.0.0.1", port: 0, apiKeys: [] },
      log: () => undefined,
    });
    try {
      const answer = await fetch(new URL("/api/kpis", server.url));
      expect(await answer.json()).toMatchObject({
        dados: {
          quantidade_vendas: 5,
          valor_total: 3_425_000,
          ticket_medio: 685_000,
          total_comissoes: 171_250,
          empreendimentos: 3,
          corretores: 4,
        },
      });
    } finally {
      await server.close();
    }
  } finally {
    await known.drop();
  }
});
