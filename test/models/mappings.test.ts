import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadProject, type Project } from "../../runner/models/project.ts";
import { buildModels, projectRoot } from "../pipeline.ts";
import { createTestDatabase, type TestDatabase } from "../postgres.ts";

let database: TestDatabase;
let shipped: Project;
beforeAll(async () => {
  database = await createTestDatabase();
  shipped = await loadProject(projectRoot);
});
afterAll(() => database.drop());

type CvdwRow = Readonly<Record<string, string | number | null>>;

/** Lands records by hand, the newest version of each key. */
async function land(objeto: string, key: string, conta: string, rows: readonly CvdwRow[]) {
  await database.pool.query("select landing.create_object($1)", [objeto]);
  const { rows: loads } = await database.pool.query(
    `insert into elt.loads (conta, objeto, mode, verdict) values ($1, $2, 'full', 'proven')
     returning load_id`,
    [conta, objeto],
  );
  await database.pool.query(
    `insert into landing.${objeto} (conta, chave, load_id, seq, hash, payload)
     select $1, payload ->> $2, $4, n, md5(payload::text)::uuid, payload
     from jsonb_array_elements($3::jsonb) with ordinality as t (payload, n)`,
    [conta, key, JSON.stringify(rows), loads[0].load_id],
  );
}

/** The shipped project with rows of a customer in its mappings. */
function withCustomerRows(rows: Readonly<Record<string, readonly (readonly string[])[]>>): Project {
  const seeds = shipped.seeds.map((seed) => ({
    ...seed,
    rows: [...seed.rows, ...(rows[seed.relation] ?? []).map((row) => [...row, "cliente"])],
  }));
  return { ...shipped, seeds };
}

/** One condition per series text, all of one reservation. */
function conditions(series: readonly string[]): CvdwRow[] {
  return series.map((serie, index) => ({
    idreservascondicoes: index + 1,
    idreserva: 1,
    ativo: "S",
    serie,
    valor: 100,
  }));
}

/** Sales of 1000, each paid in ten instalments: `valor` as the account under test writes it. */
function salesPaidInTen(count: number, valor: number): { reservas: CvdwRow[]; rows: CvdwRow[] } {
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  return {
    reservas: ids.map((id) => ({
      idreserva: id,
      ativo: "S",
      situacao: "Vendida",
      data_venda: "2024-05-10 00:00:00",
      valor_contrato: 1000,
    })),
    rows: ids.map((id) => ({
      idreservascondicoes: id,
      idreserva: id,
      ativo: "S",
      serie: "Mensais",
      parcela_quantidade: 10,
      valor,
    })),
  };
}

async function classesOf(conta: string): Promise<Record<string, string>> {
  const { rows } = await database.pool.query<{ serie: string; classe: string }>(
    "select serie, classe from marts.classes_de_serie where conta = $1",
    [conta],
  );
  return Object.fromEntries(rows.map(({ serie, classe }) => [serie, classe]));
}

describe("series.csv", () => {
  const texts = ["ATO/SINAL", "atomo", "  Pró-Soluto 2 ", "Comissão", "Valor de Venda", "Permuta"];

  test("a prefix matches folded text up to the end of a word", async () => {
    await land("reservas", "idreserva", "praia", [{ idreserva: 1, ativo: "S" }]);
    await land("reservas_condicoes", "idreservascondicoes", "praia", conditions(texts));
    await buildModels(database);
    expect(await classesOf("praia")).toEqual({
      "ATO/SINAL": "entrada",
      atomo: "nao_classificada",
      "Pró-Soluto 2": "parcelas",
      Comissão: "fora_do_preco",
      "Valor de Venda": "fora_do_preco",
      Permuta: "nao_classificada",
    });
  });

  test("what no mapping knows is listed with its rows and value", async () => {
    const { rows } = await database.pool.query(
      "select texto, linhas, valor from marts.nao_classificados where tipo = 'serie' order by linhas, lower(texto)",
    );
    expect(rows).toEqual([
      { texto: "atomo", linhas: 1, valor: "100.00" },
      { texto: "Permuta", linhas: 1, valor: "100.00" },
    ]);
  });

  test("a customer's rows come before longer shipped ones, and the own account before all", async () => {
    await land("reservas", "idreserva", "serra", [{ idreserva: 1, ativo: "S" }]);
    await land("reservas_condicoes", "idreservascondicoes", "serra", conditions(texts));
    const project = withCustomerRows({
      series: [
        ["*", "Valor", "entrada"],
        ["serra", "permuta", "entrada"],
        ["*", "permuta", "subsidio"],
        ["*", "permuta lote", "fgts"],
      ],
    });
    await buildModels(database, { project });
    expect(await classesOf("praia")).toMatchObject({
      "Valor de Venda": "entrada",
      Permuta: "subsidio",
    });
    expect(await classesOf("serra")).toMatchObject({
      "Valor de Venda": "entrada",
      Permuta: "entrada",
    });
  });
});

describe("two rows of one mapping", () => {
  const contradictions = async (rows: Parameters<typeof withCustomerRows>[0]) => {
    const { build } = await buildModels(database, { project: withCustomerRows(rows) });
    const found = build.tests.find(({ test }) => test === "mapeamentos_sem_contradicao");
    return { severity: found?.severity, rows: found?.sample };
  };

  test("are told of when they say two things of the same text", async () => {
    const series = [
      ["*", "Permuta", "parcelas"],
      ["*", " permuta", "entrada"],
    ];
    const times = [
      ["praia", "7", "Time A"],
      ["praia", "7", "Time B"],
    ];
    expect(await contradictions({ series, times })).toEqual({
      severity: "warn",
      rows: [
        { mapeamento: "series", conta: "*", texto: "permuta", valem: "entrada, parcelas" },
        { mapeamento: "times", conta: "praia", texto: "7", valem: "Time A, Time B" },
      ],
    });
  });

  test("may repeat each other, say otherwise of one account, and overrule what was shipped", async () => {
    const series = [
      ["*", "permuta", "parcelas"],
      ["*", "Permuta", "Parcelas"],
      ["praia", "permuta", "entrada"],
      ["*", "ato", "parcelas"],
    ];
    expect((await contradictions({ series })).rows).toEqual([]);
  });
});

describe("the reading of condicoes.valor", () => {
  beforeAll(async () => {
    for (const [conta, count, valor] of [
      ["parcelada", 20, 100],
      ["inteira", 20, 1000],
      ["pequena", 19, 100],
      ["forcada", 20, 100],
    ] as const) {
      const { reservas, rows } = salesPaidInTen(count, valor);
      await land("reservas", "idreserva", conta, reservas);
      await land("reservas_condicoes", "idreservascondicoes", conta, rows);
    }
    const project = withCustomerRows({ leitura_condicoes: [["forcada", "total"]] });
    await buildModels(database, { project });
  });

  async function readingOf(conta: string): Promise<unknown> {
    const { rows } = await database.pool.query(
      `select leitura.leitura, leitura.forcada, leitura.vendas_comparadas as vendas,
         (select sum(valor_total) from marts.condicoes where condicoes.conta = leitura.conta) as soma
       from marts.leitura_condicoes as leitura where conta = $1`,
      [conta],
    );
    return rows[0];
  }

  test("is the one whose sums meet the contracts", async () => {
    expect(await readingOf("parcelada")).toEqual({
      leitura: "parcela",
      forcada: false,
      vendas: 20,
      soma: "20000.00",
    });
    expect(await readingOf("inteira")).toMatchObject({ leitura: "total", soma: "20000.00" });
  });

  test("is the whole row with fewer than 20 sales to compare", async () => {
    expect(await readingOf("pequena")).toMatchObject({ leitura: "total", vendas: 19 });
  });

  test("is what a customer's mapping says", async () => {
    expect(await readingOf("forcada")).toMatchObject({ leitura: "total", forcada: true });
  });
});
