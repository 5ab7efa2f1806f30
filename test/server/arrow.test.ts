import { type DataType, type StructRowProxy as Row, type Table, tableFromIPC } from "apache-arrow";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sql } from "../../extract/query.ts";
import { createEncoder } from "../../server/encoder.ts";
import { kpiRoutes } from "../../server/kpi-routes.ts";
import type { Publication } from "../../server/publication.ts";
import { readPublished } from "../../server/read-published.ts";
import type { ResultSet } from "../../server/result-set.ts";
import type { RunningServer } from "../../server/serve.ts";
import type { TestDatabase } from "../postgres.ts";
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

const mediaType = "application/vnd.apache.arrow.stream";

async function tableAt(path: string): Promise<Table> {
  const response = await fetch(`${server.url}${path}`, { headers: { accept: mediaType } });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe(mediaType);
  return tableFromIPC(new Uint8Array(await response.arrayBuffer()));
}

function typesOf(table: Table): Record<string, string> {
  return Object.fromEntries(
    table.schema.fields.map(({ name, type }: { name: string; type: DataType }) => [
      name,
      `${type}`,
    ]),
  );
}

/** The value of a decimal: Arrow's own text drops the scale. */
function decimalText(value: unknown, scale: number): string {
  if (!(value instanceof Uint32Array)) throw new Error(`not a decimal: ${String(value)}`);
  const unsigned = [...value].reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n);
  const digits = BigInt.asIntN(128, unsigned);
  const text = `${digits < 0n ? -digits : digits}`.padStart(scale + 1, "0");
  return `${digits < 0n ? "-" : ""}${text.slice(0, -scale)}.${text.slice(-scale)}`;
}

/** A body of several batches, marked as cut. */
function encode(
  format: "json" | "arrow",
  publication: Publication,
  batches: readonly ResultSet[],
): Buffer {
  const encoder = createEncoder(format, { publication, single: false });
  for (const batch of batches) encoder.add(batch);
  return Buffer.concat(encoder.finish({ truncated: true }));
}

test("the monthly sales keep their exact types", async () => {
  const table = await tableAt("/api/vendas-mensais");
  expect(typesOf(table)).toEqual({
    mes: "Date32<DAY>",
    ano: "Int32",
    mes_numero: "Int32",
    quantidade_vendas: "Int32",
    valor_total_vendas: "Decimal[18e+2]",
    ticket_medio: "Decimal[15e+2]",
    vgv_total: "Decimal[18e+2]",
    total_comissoes: "Decimal[18e+2]",
    media_comissoes: "Decimal[15e+2]",
    conta: "Utf8",
  });
});

test("ids are 64 bits wide and percentages decimals", async () => {
  expect(typesOf(await tableAt("/api/tabela-geral-vendas"))).toMatchObject({
    cvcrm_id: "Int64",
    cliente: "Utf8",
    data_venda: "Date32<DAY>",
    percentual_prosoluto: "Decimal[7e+2]",
  });
});

test("every address says the same in Arrow as in JSON", async () => {
  for (const { path, single } of kpiRoutes) {
    const table = await tableAt(path);
    const dados = await dadosOf(await fetch(server.url + path));
    const rows = (single ? [dados] : dados) as Record<string, unknown>[];
    expect(table.numRows).toBe(rows.length);
    for (const { name, type } of table.schema.fields) {
      const column = table.getChild(name);
      const scale = /^Decimal\[\d+e\+(\d+)\]$/.exec(`${type}`)?.[1];
      const values = rows.map((_row, index) => {
        const value: unknown = column?.get(index);
        if (value === null) return null;
        if (scale !== undefined) return Number(decimalText(value, Number(scale)));
        if (`${type}` === "Int64") return Number(value);
        if (`${type}` === "Date32<DAY>") return new Date(Number(value)).toISOString().slice(0, 10);
        return value;
      });
      expect(values, `${path} ${name}`).toEqual(rows.map((row) => row[name]));
    }
  }
});

test("the publication stands in the schema's metadata", async () => {
  const { publicacao } = (await (await fetch(`${server.url}/api/kpis`)).json()) as {
    publicacao: { id: number; em: string };
  };
  const { schema } = await tableAt("/api/kpis");
  expect(Object.fromEntries(schema.metadata)).toEqual({
    publicacao_id: `${publicacao.id}`,
    publicacao_em: publicacao.em,
  });
});

test("values at the edges of their types survive", async () => {
  const { publication, result } = await readPublished(
    database.pool,
    { contas: undefined },
    async ({ publication, select }) => ({
      publication,
      result: await select(sql`
        select money::numeric(18, 2) as money, id, day, flag, instant, text, free, float
        from (values
            (-0.01, 9223372036854775807::bigint, date '0001-01-01', true,
                timestamptz '2026-01-31 12:00:00.000001-03', 'maçã 🏠', 1.5, 0.5::float8),
            (-9999999999999999.99, -9223372036854775808, date '9999-12-31', false,
                timestamptz '1969-12-31 23:59:59.5+00', '', 1e30, -1),
            (null, null, null, null, null, null, null, null),
            (9999999999999999.99, 0, date '1969-12-31', null, null, 'fim', 'NaN', 'NaN')
        ) as edges (money, id, day, flag, instant, text, free, float)`),
    }),
  );
  const table = tableFromIPC(encode("arrow", publication, [result]));
  const column = (name: string) => [...(table.getChild(name) ?? [])] as unknown[];
  expect(typesOf(table)).toMatchObject({ instant: "Timestamp<MICROSECOND, UTC>", free: "Utf8" });
  expect(column("money").map((value) => (value === null ? null : decimalText(value, 2)))).toEqual([
    "-0.01",
    "-9999999999999999.99",
    null,
    "9999999999999999.99",
  ]);
  expect(column("id")).toEqual([9223372036854775807n, -9223372036854775808n, null, 0n]);
  expect(
    column("day").map((day) => (day === null ? null : new Date(Number(day)).toISOString())),
  ).toEqual([
    "0001-01-01T00:00:00.000Z",
    "9999-12-31T00:00:00.000Z",
    null,
    "1969-12-31T00:00:00.000Z",
  ]);
  expect(column("flag")).toEqual([true, false, null, null]);
  expect(table.getChild("instant")?.data[0]?.values).toEqual(
    BigInt64Array.of(1769871600000001n, -500000n, 0n, 0n),
  );
  expect(column("text")).toEqual(["maçã 🏠", "", null, "fim"]);
  expect(column("free")).toEqual(["1.5", "1000000000000000000000000000000", null, "NaN"]);
  expect(column("float")).toEqual([0.5, -1, null, Number.NaN]);
  expect(table.schema.metadata.get("truncado")).toBe("true");

  const json: unknown = JSON.parse(encode("json", publication, [result]).toString());
  expect(json).toMatchObject({
    truncado: true,
    dados: [
      { money: -0.01, day: "0001-01-01", flag: true, instant: "2026-01-31T15:00:00.000001Z" },
      { text: "", flag: false },
      { money: null, flag: null },
      { free: null, float: null },
    ],
  });
});

test("no rows are still a stream with a schema", async () => {
  const { publication, result } = await readPublished(
    database.pool,
    { contas: undefined },
    async ({ publication, select }) => ({
      publication,
      result: await select(sql`select mes, conta from marts.vw_vso_mensal where false`),
    }),
  );
  const table = tableFromIPC(encode("arrow", publication, [result]));
  expect(table.numRows).toBe(0);
  expect(typesOf(table)).toEqual({ mes: "Date32<DAY>", conta: "Utf8" });
});

test("several batches are one list, and one table", async () => {
  const { publication, first, none, second } = await readPublished(
    database.pool,
    { contas: undefined },
    async ({ publication, select }) => ({
      publication,
      first: await select(sql`select n, n::text as name from generate_series(1, 2) as n`),
      none: await select(sql`select n, n::text as name from generate_series(1, 0) as n`),
      second: await select(sql`select n, n::text as name from generate_series(3, 3) as n`),
    }),
  );
  const batches = [none, first, none, second];
  const rows = [1, 2, 3].map((n) => ({ n, name: `${n}` }));
  const table = tableFromIPC(encode("arrow", publication, batches));
  expect(table.toArray().map((row: Row) => row.toJSON())).toEqual(rows);
  const json: unknown = JSON.parse(encode("json", publication, batches).toString());
  expect(json).toMatchObject({ dados: rows });
});
