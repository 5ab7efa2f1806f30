import { type Column, type Table, tableFromIPC } from "@uwdata/flechette";
import { tableFromIPC as readWithArrow } from "apache-arrow";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningServer } from "../../../server/serve.ts";
import type { TestDatabase } from "../../postgres.ts";
import { createPublishedDatabase, serve } from "../published.ts";
import { publishTable } from "./published-table.ts";

let database: TestDatabase;
let server: RunningServer;
beforeAll(async () => {
  database = await createPublishedDatabase();
  await publishTable(
    database,
    "tipos",
    `(
        conta text, n integer, money numeric(15, 2), big numeric(38, 10), whole numeric(20, 0),
        free numeric, huge numeric, id bigint, small smallint, flag boolean, day date,
        instant timestamptz, text text, single real, double double precision, status text,
        word varchar(10), primary key (conta, n)
    );
    insert into marts.tipos values
        ('a', 1, -0.01, -1234567890123456789012345678.0123456789, 99999999999999999999, 1.5,
            1e30, 9223372036854775807, 32767, true, '0001-01-01', '2026-01-31 12:00:00.000001-03',
            'maçã 🏠', 0.5, 0.1, 'Vendida', 'curto'),
        ('a', 2, -9999999999999.99, 9999999999999999999999999999.9999999999, -1, -0.00001, 1e-30,
            -9223372036854775808, -32768, false, '9999-12-31', '1969-12-31 23:59:59.5+00', '',
            -1.25, -1e300, 'Ação', ''),
        ('a', 3, null, null, null, null, null, null, null, null, null, null, null, null, null,
            null, null),
        ('a', 4, 9999999999999.99, 0, 0, 100000, 0, 0, 0, null, '1969-12-31', 'infinity', E'a\\n"',
            'NaN', 'Infinity', 'Vendida', 'ç'),
        ('a', 5, 10000.00, 0.0000000001, 10000, 'NaN', 1, -1, 1, true, '2000-01-01',
            '2000-01-01 00:00:00+00', 'fim', 1, 1, '', 'x')`,
  );
  await publishTable(
    database,
    "longa",
    `as
    select
        'exemplo' as conta,
        n,
        case when n % 7 > 0 then (n * 1000003.17 * (n % 2 - 0.5))::numeric(18, 2) end as valor,
        case when n % 5 > 0 then repeat('é', n % 300) end as texto,
        'status ' || n % 3 + n / 20000 as status,
        date '2000-01-01' + n as dia
    from generate_series(1, 40000) as n;
    alter table marts.longa add primary key (conta, n)`,
  );
  server = await serve(database.pool);
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

async function bytesAt(path: string): Promise<Uint8Array> {
  const response = await fetch(`${server.url}/api/marts/${path}`, {
    headers: { accept: "application/vnd.apache.arrow.stream" },
  });
  expect(response.status).toBe(200);
  return new Uint8Array(await response.arrayBuffer());
}

function read(bytes: Uint8Array): Table {
  return tableFromIPC(bytes, { useBigInt: true, useDecimalInt: true });
}

function values(table: Table, name: string): unknown[] {
  const column: Column<unknown> = table.getChild(name);
  return [...column];
}

test("values at the edges of their types arrive as they are, read by another program", async () => {
  const bytes = await bytesAt("tipos?order=n");
  const table = read(bytes);
  const types = Object.fromEntries(
    readWithArrow(bytes).schema.fields.map(({ name, type }) => [name, `${type}`]),
  );
  expect(types).toEqual({
    conta: "Dictionary<Int32, Utf8>",
    n: "Int32",
    money: "Decimal[15e+2]",
    big: "Decimal[38e+10]",
    whole: "Decimal[20e0]",
    free: "Decimal[38e+5]",
    // Thirty digits on each side of the point are more than 38.
    huge: "Utf8",
    id: "Int64",
    small: "Int32",
    flag: "Bool",
    day: "Date32<DAY>",
    instant: "Timestamp<MICROSECOND, UTC>",
    text: "Utf8",
    single: "Float64",
    double: "Float64",
    status: "Dictionary<Int32, Utf8>",
    word: "Utf8",
  });
  expect(values(table, "n")).toEqual([1, 2, 3, 4, 5]);
  expect(values(table, "money")).toEqual([
    -1n,
    -999999999999999n,
    null,
    999999999999999n,
    1000000n,
  ]);
  expect(values(table, "big")).toEqual([
    -12345678901234567890123456780123456789n,
    99999999999999999999999999999999999999n,
    null,
    0n,
    1n,
  ]);
  expect(values(table, "whole")).toEqual([99999999999999999999n, -1n, null, 0n, 10000n]);
  expect(values(table, "free")).toEqual([150000n, -1n, null, 10000000000n, null]);
  expect(values(table, "id")).toEqual([9223372036854775807n, -9223372036854775808n, null, 0n, -1n]);
  expect(values(table, "small")).toEqual([32767, -32768, null, 0, 1]);
  expect(values(table, "flag")).toEqual([true, false, null, null, true]);
  expect(
    values(table, "day").map((day) => (day === null ? null : Number(day) / 86_400_000)),
  ).toEqual([-719162, 2932896, null, -1, 10957]);
  const instants = readWithArrow(bytes).getChild("instant");
  expect(instants?.data[0]?.values).toEqual(
    BigInt64Array.of(
      1769871600000001n,
      -500000n,
      0n,
      9223372036854775807n + 946684800000000n,
      946684800000000n,
    ),
  );
  expect([...(instants ?? [])].map((value) => value === null)).toEqual([
    false,
    false,
    true,
    true,
    false,
  ]);
  expect(values(table, "text")).toEqual(["maçã 🏠", "", null, 'a\n"', "fim"]);
  expect(values(table, "single")).toEqual([0.5, -1.25, null, Number.NaN, 1]);
  expect(values(table, "double")).toEqual([0.1, -1e300, null, Number.POSITIVE_INFINITY, 1]);
  expect(values(table, "status")).toEqual(["Vendida", "Ação", null, "Vendida", ""]);
  expect(values(table, "conta")).toEqual(["a", "a", "a", "a", "a"]);
});

test("many batches with growing dictionaries are one table, equal to the database's", async () => {
  const table = read(await bytesAt("longa?order=n"));
  const { rows } = await database.pool.query(
    `select
         array_agg(n order by n) as n,
         array_agg((valor * 100)::bigint::text order by n) as valor,
         array_agg(texto order by n) as texto,
         array_agg(status order by n) as status,
         array_agg((dia - date '1970-01-01') order by n) as dia
     from marts.longa`,
  );
  expect(table.numRows).toBe(40_000);
  expect(values(table, "n")).toEqual(rows[0].n);
  expect(values(table, "valor").map((value) => (value === null ? null : `${value}`))).toEqual(
    rows[0].valor,
  );
  expect(values(table, "texto")).toEqual(rows[0].texto);
  expect(values(table, "status")).toEqual(rows[0].status);
  expect(values(table, "dia").map((day) => Number(day) / 86_400_000)).toEqual(rows[0].dia);
});

test("pages of one publication have one schema", async () => {
  const first = read(await bytesAt("tipos?limit=1&select=free,huge"));
  const last = read(await bytesAt("tipos?offset=3&limit=1&select=free,huge"));
  expect(last.schema.fields.map(({ type }) => type)).toEqual(
    first.schema.fields.map(({ type }) => type),
  );
});

test("no rows are a stream with a schema", async () => {
  const table = read(await bytesAt("tipos?n=eq.0"));
  expect(table.numRows).toBe(0);
  expect(table.names).toHaveLength(17);
  expect(table.schema.metadata?.get("publicacao_id")).toMatch(/^\d+$/);
});

function decimalText(unscaled: bigint, scale: number): string {
  const digits = `${unscaled < 0n ? -unscaled : unscaled}`.padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0n ? "-" : ""}${whole}.${digits.slice(digits.length - scale)}`;
}

test("any decimal of any width arrives digit for digit", async () => {
  const widths = [
    [15, 2],
    [18, 2],
    [38, 10],
    [38, 0],
    [9, 9],
    [20, 3],
  ] as const;
  const decimal = fc.constantFrom(...widths).chain(([precision, scale]) =>
    fc
      .tuple(
        fc.bigInt({ min: 0n, max: 10n ** BigInt(precision) - 1n }),
        fc.boolean(),
        fc.nat(precision),
      )
      .map(([digits, isNegative, drop]) => {
        const unscaled = (digits / 10n ** BigInt(drop)) * (isNegative ? -1n : 1n);
        return { precision, scale, unscaled };
      }),
  );
  const cases = fc.sample(decimal, { numRuns: 600, seed: 7 });
  const columns = widths.map(
    ([precision, scale]) => `d${precision}_${scale} numeric(${precision}, ${scale})`,
  );
  await publishTable(
    database,
    "decimais",
    `(conta text, n integer primary key, ${columns.join(", ")})`,
  );
  for (const [n, { precision, scale, unscaled }] of cases.entries()) {
    await database.pool.query(
      `insert into marts.decimais (conta, n, d${precision}_${scale}) values ('a', ${n}, ${decimalText(unscaled, scale)})`,
    );
  }
  const own = await serve(database.pool);
  try {
    const response = await fetch(`${own.url}/api/marts/decimais?format=arrow&order=n`);
    const table = read(new Uint8Array(await response.arrayBuffer()));
    for (const [precision, scale] of widths) {
      const name = `d${precision}_${scale}`;
      expect(values(table, name)).toEqual(
        cases.map((each) =>
          each.precision === precision && each.scale === scale ? each.unscaled : null,
        ),
      );
    }
  } finally {
    await own.close();
  }
});
