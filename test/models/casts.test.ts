import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../postgres.ts";
import { fixedPoint, flag, folded, plainText, wallClock, wholeNumber } from "./cast-reference.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Applies an expression over column `v` to every text, as a model applies it to rows. */
async function cast(expression: string, values: readonly (string | null)[]): Promise<unknown[]> {
  const { rows } = await database.pool.query({
    text: `select ${expression} from unnest($1::text[]) with ordinality as t (v, n) order by n`,
    values: [values],
    rowMode: "array",
  });
  return rows.map(([value]: unknown[]) => value);
}

const withoutNul = (text: string): string => text.replaceAll("\u0000", "");
const anyText = fc.string({ unit: "binary" }).map(withoutNul);
/** PostgreSQL and Node know different versions of Unicode: keep what both have known for long. */
const settled = (text: string): string => text.replace(/[\u3000-\u{10ffff}]/gu, "");
const blanks = fc.constantFrom("", "", "", " ", "\t", "\r\n", "  ");
const padded = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(blanks, text, blanks).map((parts) => parts.join(""));
const from = (alphabet: string, maxLength = 24): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...alphabet), maxLength });

const digits = from("0123456789", 22);
const number = padded(
  fc
    .oneof(
      from("0123456789.,-+"),
      fc.tuple(fc.constantFrom("", "-", "+"), digits, fc.constantFrom("", ".", ","), digits),
      fc.double().map(String),
      fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String),
      fc
        .double({ min: -1e14, max: 1e14, noNaN: true })
        .map((value) => value.toLocaleString("pt-BR", { maximumFractionDigits: 4 })),
      fc.constantFrom("NaN", "Infinity", "-inf", "1e5", "0x1f", "1_000", "9".repeat(500)),
    )
    .map((value) => (typeof value === "string" ? value : value.join(""))),
);

const orAny = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ weight: 4, arbitrary: text }, anyText);

const padTo = (length: number) => (value: number) => String(value).padStart(length, "0");
const ano = fc.oneof(fc.nat(9999), fc.integer({ min: 1890, max: 2110 })).map(padTo(4));
const time = fc.oneof(
  fc.constant(""),
  fc.constant(" 00:00:00"),
  fc
    .tuple(fc.constantFrom(" ", "T"), fc.nat(25), fc.nat(61), fc.nat(61))
    .map(([gap, h, m, s]) => `${gap}${padTo(2)(h)}:${padTo(2)(m)}:${padTo(2)(s)}`),
  from(" T0123456789:.", 18),
  fc.tuple(fc.constant(" 23:59:59."), digits).map((parts) => parts.join("")),
);
const date = padded(
  fc.oneof(
    fc
      .tuple(ano, fc.nat(13).map(padTo(2)), fc.nat(32).map(padTo(2)), time, fc.boolean())
      .map(([a, m, d, t, iso]) => (iso ? `${a}-${m}-${d}${t}` : `${d}/${m}/${a}${t}`)),
    from("0123456789-/: T"),
    fc.constantFrom("0000-00-00", "0000-00-00 00:00:00", "00/00/0000", "infinity", "now", "epoch"),
  ),
);

const entity = fc.constantFrom("&amp;", "&lt;", "&#39;", "&nbsp;", "&ccedil;", "&Atilde;", "&x;");
const name = padded(
  fc.array(fc.oneof(entity, from("aãÇé ºS&;", 6), anyText)).map((p) => p.join("")),
);

/** Every text is cast in one query, and each result is the reference's. */
async function agrees(
  text: fc.Arbitrary<string>,
  expression: string,
  reference: (value: string) => unknown,
): Promise<void> {
  const batch = fc.array(text, { maxLength: 300, size: "max" });
  await fc.assert(
    fc.asyncProperty(batch, async (values) => {
      expect(await cast(expression, values)).toEqual(values.map(reference));
    }),
    { numRuns: 60 },
  );
}

describe("a cast never raises and equals its reference, whatever the text", () => {
  test("as_money", () =>
    agrees(orAny(number), "elt.as_money(v)::text", (v) => fixedPoint(v, 15, 2)));
  test("as_numeric", () =>
    agrees(orAny(number), "elt.as_numeric(v)::text", (v) => fixedPoint(v, 12, 2)));
  test("as_percent", () =>
    agrees(orAny(number), "elt.as_percent(v)::text", (v) => fixedPoint(v, 7, 2)));
  test("as_bigint", () =>
    agrees(orAny(number), "elt.as_bigint(v)::text", (v) => wholeNumber(v, 64)));
  test("as_integer", () =>
    agrees(orAny(number), "elt.as_integer(v)::text", (v) => wholeNumber(v, 32)));
  test("as_date", () =>
    agrees(
      orAny(date),
      "to_char(elt.as_date(v), 'YYYY-MM-DD')",
      (v) => wallClock(v)?.slice(0, 10) ?? null,
    ));
  test("as_text", () => agrees(orAny(name), "elt.as_text(v)", plainText));
  test("fold", () => agrees(orAny(name).map(settled), "elt.fold(v)", folded));
  test("as_flag", () =>
    agrees(
      padded(fc.constantFrom("S", "n", "Sim", "NÃO", "nao", "true", "0")),
      "elt.as_flag(v)",
      flag,
    ));

  test("as_timestamp, in Brasília wall clock", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(orAny(date), { maxLength: 300, size: "max" }), async (values) => {
        const { rows } = await database.pool.query(
          `select v, elt.as_timestamp(v) as found
           from unnest($1::text[], $2::timestamp[]) as t (v, wall)
           where elt.as_timestamp(v) is distinct from wall at time zone 'America/Sao_Paulo'`,
          [values, values.map(wallClock)],
        );
        expect(rows).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

describe("what the casts mean", () => {
  test("null stays null", async () => {
    const casts = ["text", "flag", "money", "numeric", "percent", "bigint", "integer", "date"];
    for (const kind of [...casts, "timestamp"]) {
      expect(await cast(`elt.as_${kind}(v)`, [null])).toEqual([null]);
    }
  });

  test("a comma makes a number Brazilian, and a dot alone is decimal", async () => {
    expect(
      await cast("elt.as_money(v)::text", ["1.234,56", "1234,5", "4181.82", "1.234", "1,234.56"]),
    ).toEqual(["1234.56", "1234.50", "4181.82", "1.23", null]);
  });

  test("an amount that numeric(15,2) cannot hold is null", async () => {
    expect(
      await cast("elt.as_money(v)::text", [
        "9999999999999.99",
        "9999999999999.995",
        "1e400",
        "NaN",
      ]),
    ).toEqual(["9999999999999.99", null, null, null]);
  });

  test("a list of ids is no id", async () => {
    expect(await cast("elt.as_bigint(v)", ["12,15", "193_30", "false", "12"])).toEqual([
      null,
      null,
      null,
      "12",
    ]);
  });

  test("zero dates and days that do not exist are null, and the year 0001 is real", async () => {
    expect(
      await cast("elt.as_date(v)::text", [
        "0000-00-00 00:00:00",
        "2023-02-29",
        "29/02/2024",
        "0001-01-01",
        "2024-05-10 23:59:59",
      ]),
    ).toEqual([null, null, "2024-02-29", "0001-01-01", "2024-05-10"]);
  });

  test("an instant is Brasília wall clock, whatever the session's zone", async () => {
    const client = await database.pool.connect();
    try {
      for (const zone of ["UTC", "Asia/Tokyo", "America/Sao_Paulo"]) {
        await client.query("select set_config('timezone', $1, false)", [zone]);
        const { rows } = await client.query(
          "select elt.as_timestamp(v) as em from (select $1 as v) as t",
          ["2024-05-10 22:30:00"],
        );
        expect(rows).toEqual([{ em: new Date("2024-05-11T01:30:00Z") }]);
      }
    } finally {
      client.release(true);
    }
  });

  test("hoje is the day in Brasília", async () => {
    const { rows } = await database.pool.query(
      "select elt.hoje() = (now() at time zone 'America/Sao_Paulo')::date as igual",
    );
    expect(rows).toEqual([{ igual: true }]);
  });

  test("the casts can run in parallel workers and inside models", async () => {
    const { rows } = await database.pool.query(
      `select proname from pg_proc
       where pronamespace = 'elt'::regnamespace and proname ~ '^(as|read|fit)_|^(fold|hoje)$'
         and (proparallel <> 's' or provolatile = 'v' or obj_description(oid, 'pg_proc') is null)`,
    );
    expect(rows).toEqual([]);
  });
});
