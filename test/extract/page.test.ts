import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PageSyntaxError, slicePage } from "../../extract/page.ts";

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
    ["a record that is no object", '{"dados":[1]}', "record 1"],
    ["text after the envelope", '{"dados":[]} <html>', "nothing after"],
  ])("says what is wrong with %s", (_, text, complaint) => {
    expect(() => slicePage(Buffer.from(text), [])).toThrow(complaint);
  });

  test("refuses bytes that are not UTF-8", () => {
    const bytes = Buffer.concat([Buffer.from('{"dados":[{"a":"'), Buffer.from([0xc3, 0x28])]);
    expect(() => slicePage(bytes, [])).toThrow("UTF-8");
  });
});
