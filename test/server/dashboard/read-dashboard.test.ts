import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateAccount } from "../../../emulator/generate-account.ts";
import type { Filters, TableView } from "../../../server/dashboard/filters.ts";
import {
  createDashboardMemory,
  type Dashboard,
  readDashboard,
} from "../../../server/dashboard/read-dashboard.ts";
import { readPublished } from "../../../server/read-published.ts";
import { onDays } from "../../models/moment.ts";
import { runPipeline } from "../../pipeline.ts";
import { createTestDatabase, type TestDatabase } from "../../postgres.ts";

const HOJE = "2026-03-31";
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await runPipeline(database, [
    generateAccount({ conta: "a", seed: 11, reservas: 900, hoje: HOJE }),
    generateAccount({
      conta: "b",
      email: "b@b.com",
      token: "b",
      seed: 12,
      reservas: 400,
      hoje: HOJE,
    }),
  ]);
  await database.pool.query(
    `create or replace function elt.hoje() returns date
     language sql stable parallel safe return date '${HOJE}'`,
  );
});
afterAll(() => database.drop());

const table: TableView = { ordem: { column: "data", direction: "desc" }, pagina: 1 };

function read(filters: Filters, view: Partial<TableView> = {}): Promise<Dashboard> {
  return readPublished(database.pool, { contas: undefined }, (snapshot) =>
    readDashboard(
      snapshot,
      { filters, table: { ...table, ...view } },
      { seesClients: false, memory: createDashboardMemory(), scope: "" },
    ),
  );
}

/** Rows of a query, numbers as numbers. */
async function rows(text: string, values: readonly unknown[] = []) {
  const result = await database.pool.query<Record<string, string | null>>({
    text,
    values: [...values],
    types: { getTypeParser: () => (value: string) => value },
  });
  return result.rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        value !== null && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value,
      ]),
    ),
  );
}

const cents = (value: number) => Math.round(value * 100) / 100;

describe("the page without filters", () => {
  test("has the numbers of the eight views, of each account and of both", async () => {
    for (const conta of ["a", "b", undefined]) {
      const { sales, rankings, table: sold } = await read({ conta });
      const of = conta === undefined ? "" : `where conta = '${conta}'`;
      const [now, before] = await rows(
        `select sum(quantidade_mesmo_periodo) as vendas, sum(valor_mesmo_periodo) as valor
         from marts.vw_vendas_ano_atual_vs_passado ${of} group by ano order by ano desc`,
      );
      expect({ vendas: sales.compared.vendas, valor: cents(sales.compared.valor) }).toEqual(now);
      expect({
        vendas: sales.comparedBefore.vendas,
        valor: cents(sales.comparedBefore.valor),
      }).toEqual(before);

      const months = await rows(
        `select mes, sum(quantidade_vendas) as vendas, sum(valor_total_vendas) as valor
         from marts.vw_vendas_mensais ${of} group by mes order by mes`,
      );
      const shown = sales.months.flatMap(({ mes, vendas, valor, vendasBefore, valorBefore }) => [
        { mes, vendas, valor: cents(valor) },
        {
          mes: `${Number(mes.slice(0, 4)) - 1}${mes.slice(4)}`,
          vendas: vendasBefore,
          valor: cents(valorBefore),
        },
      ]);
      const inView = months.filter(({ mes }) => String(mes) >= "2025-01-01");
      expect(inView).toHaveLength(15);
      expect(shown).toEqual(expect.arrayContaining(inView));

      const vso = await rows(
        `select mes, sum(quantidade_vendas) as vendas, sum(vso_valor) as valor,
             sum(oferta) as oferta, max(vso_percentual) as percentual
         from marts.vw_vso_mensal ${of} group by mes order by mes`,
      );
      expect(
        sales.vso.map(({ mes, vendas, valor, oferta, percentual }, nth) => ({
          mes,
          vendas,
          valor: cents(valor),
          oferta,
          // Percentages of accounts do not add up.
          percentual:
            conta === undefined || percentual === null ? vso[nth]?.percentual : cents(percentual),
        })),
      ).toEqual(vso);

      const prosoluto = await rows(
        `select mes, sum(quantidade_prosoluto) as "comProsoluto",
             sum(valor_total_prosoluto) as prosoluto
         from marts.vw_prosoluto_analise ${of} group by mes order by mes`,
      );
      expect(
        sales.vso.map(({ mes, comProsoluto, prosoluto }) => ({
          mes,
          comProsoluto,
          prosoluto: cents(prosoluto),
        })),
      ).toEqual(prosoluto);

      expect(
        rankings.corretores.map(({ conta, id, nome, time, vendas, valor, ticketMedio }) => ({
          conta,
          id: Number(id),
          nome,
          time,
          vendas,
          valor,
          ticketMedio,
        })),
      ).toEqual(
        await rows(
          `select conta, corretor_id as id, corretor as nome, coalesce(time_corretor, '') as time,
               quantidade_vendas as vendas, valor_total_vendas as valor,
               ticket_medio as "ticketMedio"
           from marts.vw_vendas_por_corretor ${of}
           order by valor_total_vendas desc, conta, corretor_id limit 8`,
        ),
      );
      const developments = await rows(
        `select conta, cvcrm_id as id, empreendimento as nome, quantidade_vendas as vendas,
             valor_total_vendas as valor
         from marts.vw_vendas_por_empreendimento ${of}
         order by valor_total_vendas desc, conta, cvcrm_id limit 8`,
      );
      expect(
        rankings.empreendimentos.map(({ conta, id, nome, vendas, valor }) => ({
          conta,
          id: Number(id),
          nome,
          vendas,
          valor,
        })),
      ).toEqual(developments.filter(({ vendas }) => vendas !== 0));
      expect(
        rankings.times.map(({ conta, nome, vendas, valor }) => ({ conta, nome, vendas, valor })),
      ).toEqual(
        await rows(
          `select conta, time_corretor as nome, quantidade_vendas as vendas,
               valor_total_vendas as valor
           from marts.vw_vendas_por_time ${of}
           order by valor_total_vendas desc, conta, time_corretor limit 8`,
        ),
      );
      const [general] = await rows(
        `select count(*) as total, sum(valor) as valor from marts.vw_tabela_geral_vendas ${of}`,
      );
      expect({ total: sold.total, valor: cents(sold.valor) }).toEqual(general);
    }
  });

  test("compares with the views' stretches on the edges of the calendar", async () => {
    const days = ["2026-01-01", "2025-12-31", "2026-03-01", "2024-02-29", "2025-02-28"];
    await onDays(database, days, async (client, hoje) => {
      await client.query("select set_config('elt.contas', '', true)");
      const dashboard = await readDashboard(
        {
          publication: { id: "1", em: "2026-01-01T00:00:00.000Z" },
          hoje,
          select: async (statement) => {
            const { text, values } = statement.format({
              escapeIdentifier: (name) => `"${name}"`,
              formatValue: (value, index) => ({ placeholder: `$${index + 1}`, value }),
            });
            const result = await client.query<(string | null)[]>({
              text,
              values: [...values],
              rowMode: "array",
              types: { getTypeParser: () => (value: string) => value },
            });
            const columns = result.fields.map(({ name }) => ({
              name,
              type: { kind: "text" as const },
            }));
            return { columns, rows: result.rows };
          },
          batches: () => {
            throw new Error("not asked for");
          },
          copy: () => {
            throw new Error("not asked for");
          },
        },
        { filters: {}, table },
        { seesClients: false, memory: createDashboardMemory(), scope: "" },
      );
      const { rows: expected } = await client.query(
        `select sum(quantidade_mesmo_periodo)::int as vendas
         from marts.vw_vendas_ano_atual_vs_passado group by ano order by ano desc`,
      );
      const { sales, stretches } = dashboard;
      expect([hoje, sales.compared.vendas, sales.comparedBefore.vendas]).toEqual([
        hoje,
        expected[0].vendas,
        expected[1].vendas,
      ]);
      const { rows: general } = await client.query(
        "select count(*)::int as total from marts.vw_tabela_geral_vendas",
      );
      expect(dashboard.table.total).toBe(general[0].total);
      expect(stretches.vsoMonths).toHaveLength(12);
    });
  });
});

describe("the page with filters", () => {
  const direct = (where: string) =>
    rows(
      `select count(*) as vendas, coalesce(sum(valor), 0) as valor,
           coalesce(sum(comissao_valor), 0) as comissoes
       from marts.vendas where ${where}`,
    );
  const summed = ({ vendas, valor, comissoes }: Dashboard["sales"]["compared"]) => ({
    vendas,
    valor: cents(valor),
    comissoes: cents(comissoes),
  });

  test("counts what a direct query counts, in every part", async () => {
    const [popular] = await rows(
      `select corretor_id, empreendimento_id, coalesce(time_corretor, 'Sem Time') as time
       from marts.vendas
       where conta = 'a' and data_venda between '2025-06-15' and '2026-02-10'
           and corretor_id is not null
       group by 1, 2, 3 order by count(*) desc limit 1`,
    );
    const corretor = { conta: "a", id: String(popular?.corretor_id) };
    const empreendimento = { conta: undefined, id: String(popular?.empreendimento_id) };
    const time = String(popular?.time);
    const cases: readonly (readonly [Filters, string])[] = [
      [{ conta: "b" }, "conta = 'b'"],
      [{ corretor }, `conta = 'a' and corretor_id = ${corretor.id}`],
      [{ empreendimento }, `empreendimento_id = ${empreendimento.id}`],
      [{ time }, `coalesce(time_corretor, 'Sem Time') = '${time}'`],
      [{ time: "Sem Time" }, "time_corretor is null"],
      [
        { corretor, empreendimento, time, conta: "a" },
        `conta = 'a' and corretor_id = ${corretor.id} and empreendimento_id = ${empreendimento.id}
         and coalesce(time_corretor, 'Sem Time') = '${time}'`,
      ],
    ];
    for (const [filters, where] of cases) {
      const dashboard = await read({ ...filters, de: "2025-06-15", ate: "2026-02-10" });
      const [now] = await direct(`data_venda between '2025-06-15' and '2026-02-10' and ${where}`);
      const [before] = await direct(
        `data_venda between '2024-06-15' and '2025-02-10' and ${where}`,
      );
      expect(now?.vendas).toBeGreaterThan(0);
      expect(summed(dashboard.sales.compared)).toEqual(now);
      expect(summed(dashboard.sales.comparedBefore)).toEqual(before);
      const sumOf = (counts: readonly { readonly vendas: number }[]) =>
        counts.reduce((sum, { vendas }) => sum + vendas, 0);
      expect(sumOf(dashboard.sales.months)).toBe(now?.vendas);
      expect(sumOf(dashboard.sales.vso)).toBe(now?.vendas);
      expect(dashboard.table.total).toBe(now?.vendas);
      expect(dashboard.stretches.months[0]).toBe("2025-06-01");
      expect(dashboard.stretches.months.at(-1)).toBe("2026-02-01");
      expect(dashboard.total).toBeUndefined();
      const offer = await rows(
        `select count(*) as oferta from marts.unidades
         where situacao_codigo is distinct from 4
             and (primeira_venda is null or primeira_venda >= '2025-10-01')
             ${filters.conta === undefined ? "" : `and conta = '${filters.conta}'`}
             ${filters.empreendimento === undefined ? "" : `and empreendimento_id = ${filters.empreendimento.id}`}`,
      );
      const october = dashboard.sales.vso.find(({ mes }) => mes === "2025-10-01");
      expect({ oferta: october?.oferta }).toEqual(offer[0]);
    }
  });

  test("shows at most twelve months of a long period, and all its sales in the table", async () => {
    const dashboard = await read({ de: "2023-01-01", ate: "2026-02-15" });
    expect(dashboard.stretches.months).toHaveLength(12);
    expect(dashboard.stretches.months[0]).toBe("2025-03-01");
    const [now] = await direct("data_venda between '2023-01-01' and '2026-02-15'");
    expect(summed(dashboard.sales.compared)).toEqual(now);
    expect(dashboard.table.total).toBe(now?.vendas);
  });

  test("counts up to today when a period ends later, and nothing when it begins later", async () => {
    const { stretches } = await read({ de: "2026-03-01", ate: "2027-01-01" });
    expect(stretches.compared).toEqual({ de: "2026-03-01", ate: HOJE });
    const later = await read({ de: "2026-05-01" });
    expect(later.table.total).toBe(0);
    expect(later.sales.months).toEqual([]);
  });
});

describe("the table of sales", () => {
  test("finds words in any case, with or without accents, and every one of them", async () => {
    const [sale] = await rows(
      `select corretor, empreendimento from marts.vendas
       where corretor ~ '[áéíóúãç]' and data_venda between '2025-01-01' and '${HOJE}'
       order by reserva_id limit 1`,
    );
    const corretor = String(sale?.corretor);
    const plain = corretor.normalize("NFD").replace(/[\u0300-\u036f]/g, "");
    const [word = ""] = String(sale?.empreendimento).split(" ").slice(-1);
    const exact = await read({}, { busca: `${corretor} ${word}` });
    const found = await read({}, { busca: ` ${plain.toUpperCase()}  ${word.toLowerCase()} ` });
    expect(exact.table.total).toBeGreaterThan(0);
    expect(found.table.rows).toEqual(exact.table.rows);
    expect((await read({}, { busca: "(.*" })).table.total).toBe(0);
  });

  test("sorts by any column, and never shows a sale twice on its pages", async () => {
    const first = await read({}, { ordem: { column: "valor", direction: "desc" } });
    const values = first.table.rows.map(({ valor }) => valor ?? 0);
    expect(values).toEqual([...values].sort((a, b) => b - a));
    const seen = new Set<string>();
    for (let pagina = 1; pagina <= first.table.paginas; pagina++) {
      const page = await read({}, { pagina, ordem: { column: "situacao", direction: "asc" } });
      for (const { conta, reserva } of page.table.rows) seen.add(`${conta} ${reserva}`);
    }
    expect(seen.size).toBe(first.table.total);
    const beyond = await read({}, { pagina: 9_999 });
    expect(beyond.table.pagina).toBe(first.table.paginas);
  });

  test("lists what is unclassified", async () => {
    const { unclassified } = await read({ conta: "a" });
    const kinds = await rows(
      `select tipo, count(*) as textos, sum(linhas) as linhas
       from marts.nao_classificados where conta = 'a' group by tipo order by tipo`,
    );
    expect(
      unclassified
        .map(({ tipo, textos, linhas }) => ({ tipo, textos, linhas }))
        .sort((a, b) => a.tipo.localeCompare(b.tipo)),
    ).toEqual(kinds);
    expect(kinds.length).toBeGreaterThan(1);
  });
});
