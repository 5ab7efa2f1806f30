import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { jsonProblems } from "../../extract/quarantine-record.ts";
import { repairJson } from "../../extract/repair.ts";
import { createTestDatabase } from "../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());

async function problemsOf(texts: readonly (string | Buffer)[]) {
  return jsonProblems(
    database.pool,
    texts.map((text) => Buffer.from(text)),
  );
}

function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

describe("repairing", () => {
  test.each([
    ["\\u0000", '{"v":"a\\u0000b"}', '{"v":"a\\ufffdb"}', "nul-character"],
    ["\\u0000 in a name", '{"a\\u0000":1}', '{"a\\ufffd":1}', "nul-character"],
    ["a high surrogate alone", '"\\ud83d."', '"\\ufffd."', "lone-surrogate"],
    ["a high surrogate at the end", '"\\uD83D"', '"\\ufffd"', "lone-surrogate"],
    ["a low surrogate alone", '"\\uDE00"', '"\\ufffd"', "lone-surrogate"],
    ["a pair in the wrong order", '"\\ude00\\ud83d"', '"\\ufffd\\ufffd"', "lone-surrogate"],
    [
      "a high one before a pair",
      '"\\ud83d\\ud83d\\ude00"',
      '"\\ufffd\\ud83d\\ude00"',
      "lone-surrogate",
    ],
    ["a raw NUL", '"a\0b"', '"a\\ufffdb"', "nul-character"],
    ["a raw line break", '"a\nb"', '"a\\u000ab"', "control-character"],
    ["a number too large", '{"v":1e400000,"w":2}', '{"v":"1e400000","w":2}', "number-out-of-range"],
    ["a number too fine", "[-1.5E-20000]", '["-1.5E-20000"]', "number-out-of-range"],
  ])("changes %s and nothing else", async (_, raw, repaired, kind) => {
    const repair = repairJson(Buffer.from(raw));
    expect(repair?.json.toString()).toBe(repaired);
    expect(repair?.kind).toBe(kind);
    expect(await problemsOf([raw, repaired])).toEqual([expect.any(String), null]);
  });

  test("puts U+FFFD where bytes are not UTF-8 and keeps the rest", () => {
    const repair = repairJson(latin1('{"nome":"Jos\xe9","outro":"\xc3\xa7"}'));
    expect(repair?.json.toString()).toBe('{"nome":"Jos\ufffd","outro":"ç"}');
    expect(repair?.kind).toBe("invalid-utf8");
  });

  test.each([
    ["an escaped backslash before u0000", '"a\\\\u0000"'],
    ["an escaped backslash before a surrogate", '"\\\\ud83d"'],
    ["a whole pair", '"\\ud83d\\ude00"'],
    [
      "the largest numbers",
      `[1e131071,-9e131071,1E-16383,${"9".repeat(131_072)},0e-16383,0e99999]`,
    ],
    ["digits inside texts", '{"1e400000":"1e400000"}'],
  ])("leaves %s alone", async (_, text) => {
    expect(repairJson(Buffer.from(text))).toBeUndefined();
    expect(await problemsOf([text])).toEqual([null]);
  });

  test("knows the numbers that PostgreSQL cannot hold, to the last digit", async () => {
    const near = (limit: number) => fc.integer({ min: limit - 4, max: limit + 4 });
    const digits = fc.oneof(near(131_072), near(16_383), fc.integer({ min: 1, max: 9 }));
    const exponent = fc.oneof(
      fc.constant(undefined),
      near(131_071),
      near(-16_383),
      fc.constantFrom(2 ** 30 - 9, 2 ** 30 + 9, 9 - 2 ** 30, -9 - 2 ** 30, 10 ** 20),
      fc.integer({ min: -20, max: 20 }),
    );
    const number = fc
      .record({
        first: fc.constantFrom("0", "0", "1", "9"),
        integers: digits,
        zeros: fc.integer({ min: 0, max: 3 }),
        fraction: fc.oneof(fc.constant(0), digits),
        exponent,
        sign: fc.constantFrom("", "-"),
      })
      .map(({ first, integers, zeros, fraction, exponent, sign }) => {
        const integer = first === "0" ? "0" : first.repeat(integers);
        const part = fraction === 0 ? "" : `.${"0".repeat(Math.min(zeros, fraction))}`;
        const rest = fraction === 0 ? "" : "7".repeat(Math.max(1, fraction - zeros));
        return `${sign}${integer}${part}${rest}${exponent === undefined ? "" : `e${exponent}`}`;
      });
    await fc.assert(
      fc.asyncProperty(fc.array(number, { minLength: 1, maxLength: 20 }), async (numbers) => {
        const refused = (await problemsOf(numbers)).map((problem) => problem !== null);
        const repaired = numbers.map((text) => repairJson(Buffer.from(text)) !== undefined);
        expect(repaired).toEqual(refused);
      }),
      { numRuns: 60 },
    );
  });

  test("of any text that was JSON before characters were damaged gives what PostgreSQL takes", async () => {
    const piece = fc.constantFrom(
      ...["\\u0000", "\\ud800", "\\udfff", "\\ud83d\\ude00", "\\\\", '\\"', "\\u00e7", "ç", "\x01"],
      ...["\0", "u0000", "a", "\n", "\\n", "🏠", "1e999999"],
    );
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => `"${pieces.join("")}"`);
    const value = fc.oneof(text, fc.constantFrom("1", "1e999999", "-0.5", "null", "[1e-99999,{}]"));
    const record = fc
      .array(fc.tuple(text, value), { maxLength: 5 })
      .map((fields) => `{${fields.map(([name, of]) => `${name} : ${of}`).join(" ,")}}`);
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 30 }), async (records) => {
        const raw = await problemsOf(records);
        const repairs = records.map((one) => repairJson(Buffer.from(one)));
        expect(repairs.map((repair) => repair !== undefined)).toEqual(raw.map((p) => p !== null));
        const repaired = repairs.map((repair, i) => repair?.json ?? records[i] ?? "");
        expect(await problemsOf(repaired)).toEqual(records.map(() => null));
      }),
      { numRuns: 60 },
    );
  });
});
