import { describe, expect, test } from "vitest";
import { parseSelect } from "../../../runner/models/select.ts";

async function reads(text: string): Promise<string[]> {
  const parsed = await parseSelect(text);
  if (parsed.status === "invalid") throw new Error(parsed.message);
  return parsed.references.map(({ schema, relation, position }) =>
    [schema ?? "?", relation, `${position.line}:${position.column}`].join(" "),
  );
}

describe("parsing a model", () => {
  test("finds every relation where its name stands, after accents and emoji too", async () => {
    const text = "-- ção 🏠\nselect 'ção 🏠', *\nfrom marts.a inner join staging.b using (conta)";
    expect(await reads(text)).toEqual(["marts a 3:6", "staging b 3:25"]);
  });

  test("leaves out the names of CTEs where they are in scope", async () => {
    expect(
      await reads(
        `with a as (select * from marts.x), b as (select * from a)
         select * from b where exists (select from a) and v in (select v from marts.y)`,
      ),
    ).toEqual(["marts x 1:26", "marts y 2:79"]);
  });

  test("does not mistake a relation for a CTE that is defined elsewhere", async () => {
    expect(
      await reads(
        "select * from (with inner_one as (select 1) select * from inner_one) as s, inner_one",
      ),
    ).toEqual(["? inner_one 1:76"]);
    expect(await reads("with a as (select * from b), b as (select 1) select * from a, b")).toEqual([
      "? b 1:26",
    ]);
  });

  test("sees relations in every arm and lateral of a statement", async () => {
    expect(
      (
        await reads(
          `select 1 from marts.a union all select 2 from marts.b
           cross join lateral (select from marts.c) as l where (select max(x) from marts.d) > 0`,
        )
      ).map((read) => read.split(" ")[1]),
    ).toEqual(["a", "b", "c", "d"]);
  });

  test.each(["select 1 as ção from marts.a", "-- ção; 🏠\n\n/* ; */ select 1 as ção from marts.a"])(
    "ends before semicolons and what follows them: %s",
    async (text) => {
      for (const end of ["", ";", ";;", " ;\n;\n", "; -- fim\n"]) {
        const parsed = await parseSelect(`${text}${end}`);
        if (parsed.status === "invalid") throw new Error(parsed.message);
        expect(`${text}${end}`.slice(0, parsed.end).trimEnd()).toBe(text);
      }
    },
  );

  test.each([
    ["a semicolon before it", "-- a;b\n;\nselect 1", "2:1", "a semicolon stands before"],
    ["a syntax error", "select ção, from x fro y", "1:13", "syntax error"],
    ["a second statement", "select 1;\n  select 2", "2:3", "one SELECT"],
    ["an insert", "insert into a values (1)", "1:1", "one SELECT"],
    [
      "a CTE that writes",
      "with w as (delete from marts.a returning *) select * from w",
      "1:12",
      "only reads",
    ],
    ["an empty file", "", "1:1", "the file is empty"],
    ["a file of blanks", "\n  \n", "1:1", "the file is empty"],
    ["a file of comments", "-- Vendas\n", "1:10", "a model is one SELECT"],
    ["select into", "select 1 into t", "1:10", "only reads"],
  ])("refuses %s at its place", async (_, text, place, message) => {
    const parsed = await parseSelect(text);
    expect(parsed.status).toBe("invalid");
    if (parsed.status !== "invalid") return;
    expect(`${parsed.position.line}:${parsed.position.column}`).toBe(place);
    expect(parsed.message).toContain(message);
  });
});
