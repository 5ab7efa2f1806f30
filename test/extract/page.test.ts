import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PageSyntaxError, sliceItem, slicePage } from "../../extract/page.ts";

const envelope = { pagina: 1, registros: 500, total_de_registros: 2, total_de_paginas: 1 };

function body(records: readonly unknown[]): Buffer {
  return Buffer.from(JSON.stringify({ ...envelope, dados: records }));
}

describe("slicing a page", () => {
  test("gives back every record byte for byte, whatever it holds", () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue())),
        fc.constantFrom(undefined, 2, "\t"),
        (records, indent) => {
          const texts = records.map((record) => JSON.stringify(record, undefined, indent));
          const sent = `{"dados" : [ ${texts.join(" ,\n")} ], "total_de_registros":"7","total_de_paginas":1}`;
          const page = slicePage(Buffer.from(sent), []);
          expect(page.records.map((record) => record.json.toString())).toEqual(texts);
          expect(page.totalRecords).toBe(7);
        },
      ),
    );
  });

  test("finds the raw value of a wanted field at the top of a record only", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (others, value) => {
        const record = { nested: { id: "no" }, ...others, id: value };
        const [sliced] = slicePage(body([record]), ["absent-field", "id"]).records;
        const absent = others["absent-field"];
        expect(sliced?.fields[1]).toBe(JSON.stringify(value));
        expect(sliced?.fields[0]).toBe(absent === undefined ? undefined : JSON.stringify(absent));
      }),
    );
  });

  test("keeps numbers that JavaScript would round", () => {
    const sent = `{"dados":[{"id":12345678901234567890123456,"v":1e400}],"total_de_registros":1,"total_de_paginas":1}`;
    const [record] = slicePage(Buffer.from(sent), ["id"]).records;
    expect(record?.fields).toEqual(["12345678901234567890123456"]);
    expect(record?.json.toString()).toContain("1e400");
  });

  test("refuses every body that was cut short", () => {
    const whole = body([
      { id: 1, nome: 'aspas " e \\ barra' },
      { id: 2, lista: [[{}], "]"] },
    ]);
    for (let end = 0; end < whole.length; end++) {
      expect(() => slicePage(whole.subarray(0, end), ["id"])).toThrow(PageSyntaxError);
    }
    expect(slicePage(whole, ["id"]).records).toHaveLength(2);
  });

  test.each([
    ["an HTML page", "<html><body>erro</body></html>", "byte 0"],
    ["a list", "[]", "byte 0"],
    ["an envelope without dados", '{"total_de_registros":0,"total_de_paginas":0}', "`dados`"],
    ["a total that is no count", '{"dados":[],"total_de_registros":null}', "total_de_registros"],
    ["an item that is no value", '{"dados":[{},,{}]}', "a value"],
    ["a broken record that has no end", '{"dados":[{"a" 1],"b":2}', "a colon"],
    ["text after the envelope", '{"dados":[]} <html>', "nothing after"],
  ])("says what is wrong with %s", (_, text, complaint) => {
    expect(() => slicePage(Buffer.from(text), [])).toThrow(complaint);
  });
});

describe("a damaged record costs no other one", () => {
  const totals = '"total_de_registros":3,"total_de_paginas":1';
  const good = ['{"id":1,"nome":"Ana"}', '{"id":3,"nome":"Eva"}'];

  function sliceBetween(damaged: string | Buffer, encoding: "utf8" | "latin1" = "utf8") {
    const [first, last] = good;
    const text = `{"dados":[${first}, ${damaged.toString(encoding)} ,${last}],${totals}}`;
    return slicePage(Buffer.from(text, encoding), ["id"]).records;
  }

  test.each([
    ["null", "not-an-object", "null"],
    ["a text", "not-an-object", '"a, {b] \\" c"'],
    ["a list of objects", "not-an-object", '[{"id":2}]'],
    ["a key without quotes", "broken-json", "{id:2}"],
    ["no colon", "broken-json", '{"id" 2}'],
    ["no comma", "broken-json", '{"id":2 "nome":"Bia"}'],
    ["no value", "broken-json", '{"id":2,"nome":}'],
    ["a quote too many", "broken-json", '{"id":2,"nome":"B"ia"}'],
    ["a quote too few", "broken-json", '{"id":2,"nome":"Bia}'],
    ["a brace too few", "broken-json", '{"id":2,"mais":{"nome":"Bia"'],
    ["a brace too many", "broken-json", '{"id":2,"nome":"B"ia" {}'],
  ])("when it is %s", (_, damage, text) => {
    // Braces that do not match close with the record's own.
    const damaged = text.endsWith("}") || damage !== "broken-json" ? text : `${text}}`;
    const records = sliceBetween(damaged);
    expect(records.map(({ json }) => json.toString())).toEqual([good[0], damaged, good[1]]);
    expect(records.map(({ damage }) => damage)).toEqual([undefined, damage, undefined]);
  });

  test("when its last quote is missing and it is the last one", () => {
    const text = `{"dados":[${good[0]},{"id":3,"nome":"Eva}],${totals}}`;
    expect(slicePage(Buffer.from(text), []).records.map(({ damage }) => damage)).toEqual([
      undefined,
      "broken-json",
    ]);
  });

  test("when it has bytes that are not UTF-8", () => {
    const records = sliceBetween(Buffer.from('{"id":2,"nome":"Jos\xe9"}', "latin1"), "latin1");
    expect(records.map(({ damage }) => damage)).toEqual([undefined, "invalid-utf8", undefined]);
    expect(records.map(({ fields }) => fields[0])).toEqual(["1", "2", "3"]);
  });

  test.each([
    ["null", "not-an-object"],
    ['{"id":2}', undefined],
    ['{"id" 2}', "broken-json"],
    ['{"id":2}}', "broken-json"],
    ['{"id":2,"nome":"Bia', "broken-json"],
  ])("and %s sliced again by itself keeps its damage", (item, damage) => {
    const record = sliceItem(Buffer.from(item), ["id"]);
    expect(record.json.toString()).toBe(item);
    expect(record.damage).toBe(damage);
    expect(record.fields).toEqual([item.startsWith('{"id":2') ? "2" : undefined]);
  });
});
