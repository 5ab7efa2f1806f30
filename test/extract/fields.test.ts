import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createFieldObserver,
  type FieldObserver,
  type JsonType,
  jsonTypes,
  observedFields,
} from "../../extract/fields.ts";
import { slicePage } from "../../extract/page.ts";

type JsonObject = { readonly [name: string]: unknown };

function bodyOf(records: readonly string[]): Buffer {
  const total = `"total_de_registros":${records.length},"total_de_paginas":1`;
  return Buffer.from(`{"dados":[${records.join(",")}],${total}}`);
}

function observe(pages: readonly (readonly string[])[]): FieldObserver {
  const observer = createFieldObserver();
  for (const records of pages) slicePage(bodyOf(records), ["id"], observer);
  return observer;
}

function countsOf(observer: FieldObserver): Record<string, Partial<Record<JsonType, number>>> {
  return Object.fromEntries(
    observedFields(observer).map(({ name, counts }) => [
      name,
      Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ]),
  );
}

function typeOf(value: unknown): JsonType {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return jsonTypes.find((type) => type === typeof value) ?? "object";
}

/** The same counts by way of JSON.parse. */
function countedByParsing(records: readonly string[]) {
  const counts = new Map<string, Partial<Record<JsonType, number>>>();
  for (const record of records) {
    const parsed: JsonObject = JSON.parse(record);
    for (const [name, value] of Object.entries(parsed)) {
      const type = typeOf(value);
      const known = counts.get(name) ?? {};
      counts.set(name, { ...known, [type]: (known[type] ?? 0) + 1 });
    }
  }
  return Object.fromEntries(counts);
}

/** Names that end at every place of a word of four bytes, contain each other, and need escapes. */
const fieldName = fc.oneof(
  fc.constantFrom("", "i", "id", "idr", "idre", "idreserva", "idreserva_", "idreservb", "ação"),
  fc.constantFrom('com "aspas"', "barra\\", "linha\n", "ç", "😀", "valor"),
  fc.string({ unit: "grapheme", maxLength: 9 }).filter((name) => !name.includes("\0")),
);

describe("the fields of records", () => {
  test("are counted by type as a parser would count them, whatever their order and form", () => {
    const record = fc.dictionary(fieldName, fc.jsonValue()).chain((fields) =>
      fc.record({
        names: fc.shuffledSubarray(Object.keys(fields), { minLength: 0 }),
        indent: fc.constantFrom(undefined, 1),
        fields: fc.constant(fields),
      }),
    );
    const text = record.map(({ names, fields, indent }) =>
      JSON.stringify(Object.fromEntries(names.map((name) => [name, fields[name]])), null, indent),
    );
    fc.assert(
      fc.property(fc.array(fc.array(text, { maxLength: 6 }), { maxLength: 3 }), (pages) => {
        const observer = observe(pages);
        expect(observer.records).toBe(pages.flat().length);
        expect(countsOf(observer)).toEqual(countedByParsing(pages.flat()));
      }),
      { numRuns: 300 },
    );
  });

  test("that come in the usual order are told from names that begin or end alike", () => {
    const usual = '{"idreserva":1,"valor":2.5,"ativo":true}';
    const odd = '{"idreservas":1,"valo":2.5,"ativo ":true}';
    const observer = observe([[usual, usual, odd, usual]]);
    expect(countsOf(observer)).toEqual({
      idreserva: { number: 3 },
      valor: { number: 3 },
      ativo: { boolean: 3 },
      idreservas: { number: 1 },
      valo: { number: 1 },
      "ativo ": { boolean: 1 },
    });
  });

  test("count once by name, however their name is written", () => {
    const observer = observe([['{"ação":1}', '{"a\\u00e7\\u00e3o":"x"}']]);
    expect(countsOf(observer)).toEqual({ ação: { number: 1, string: 1 } });
  });

  test("below the top are not counted", () => {
    expect(countsOf(observe([['{"a":{"b":1,"c":[{"d":2}]},"e":null}']]))).toEqual({
      a: { object: 1 },
      e: { null: 1 },
    });
  });

  test("have names that PostgreSQL can keep", () => {
    const long = "n".repeat(5_000);
    const observer = observe([[`{"a\\u0000b":1,"c\\ud800d":2,"${long}":3}`]]);
    expect(observedFields(observer).map(({ name }) => name)).toEqual([
      "a\ufffdb",
      "c\ufffdd",
      "n".repeat(200),
    ]);
  });

  test("do not fill the memory when a source puts values where names belong", () => {
    const records = Array.from({ length: 5_000 }, (_, i) => `{"id":${i},"cliente${i}":1}`);
    const observer = observe([records]);
    expect(observedFields(observer)).toHaveLength(1_000);
    expect(countsOf(observer).id).toEqual({ number: 5_000 });
  });

  test("of a page that is cut in the middle of the usual key are not read past its end", () => {
    const observer = observe([['{"id":1,"idempreendimento":2}']]);
    const whole = bodyOf(['{"id":1,"idempreendimento":2}']);
    const end = whole.indexOf("idempreendimento");
    for (let length = end; length < end + 20; length++) {
      expect(() => slicePage(whole.subarray(0, length), ["id"], observer)).toThrow();
    }
  });
});
