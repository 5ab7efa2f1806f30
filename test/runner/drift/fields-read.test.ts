import { describe, expect, test } from "vitest";
import { fieldsRead } from "../../../runner/drift/fields-read.ts";
import { projectOf } from "../../project.ts";

const candidates = ["a", "b", "c", "d", "com.ponto", "com"];

/** Which of the candidates staging models with these SELECTs read of `reservas`. */
async function readBy(...selects: readonly string[]): Promise<readonly string[]> {
  const files = selects.map((select, i) => [
    `models/staging/r${i}.sql`,
    `-- Reservas.\n-- @key chave\n${select}`,
  ]);
  const project = await projectOf(Object.fromEntries(files));
  expect(project.problems).toEqual([]);
  const readers = fieldsRead(project).get("reservas");
  return candidates.filter((field) => (readers?.readersOf(field).length ?? 0) > 0);
}

const atual = "landing.reservas_atual as l";

describe("a field is read", () => {
  test.each([
    [
      "by a column of an unfolded record, when the SELECT uses it",
      `select l.chave, elt.as_text(r.a) as x from ${atual} cross join lateral jsonb_to_record(l.payload) as r(a text, b text) where r.c is null`,
      ["a"],
    ],
    [
      "by an unfolded record's column in a condition",
      `select l.chave from ${atual} cross join lateral jsonb_to_record(l.payload) as r(a text, b text) where r.b = 'S'`,
      ["b"],
    ],
    ["by ->>", `select l.chave, l.payload ->> 'a' as x from ${atual}`, ["a"]],
    [
      "at the top, not below it",
      `select l.chave, l.payload -> 'a' ->> 'b' as x from ${atual}`,
      ["a"],
    ],
    [
      "with a point in its name, not what stands before the point",
      `select l.chave, l.payload ->> 'com.ponto' as x from ${atual}`,
      ["com.ponto", "com"],
    ],
    [
      "through a CTE that renames the payload",
      `with bruto as (select chave, payload as p from ${atual}) select chave, p ->> 'a' as x from bruto`,
      ["a"],
    ],
    ["by a subscript", `select l.chave, l.payload['a'] as x from ${atual}`, ["a"]],
    [
      "by a function that takes its name",
      `select l.chave, jsonb_extract_path_text(l.payload, 'a', 'b') as x from ${atual}`,
      ["a", "b"],
    ],
    ["by the operator ?", `select l.chave from ${atual} where l.payload ? 'a'`, ["a"]],
    ["by no model that hands on the record", `select l.chave, l.payload from ${atual}`, []],
    [
      "by no text of a model that unfolds the record",
      `select l.chave, 'b' as x, r.a from ${atual} cross join lateral jsonb_to_record(l.payload) as r(a text)`,
      ["a"],
    ],
  ])("%s", async (_, select, read) => {
    expect(await readBy(select)).toEqual(read);
  });

  test("when one of several models of the object reads it", async () => {
    const one = `select l.chave, l.payload ->> 'a' as x from ${atual}`;
    const other = `select l.chave, l.payload ->> 'b' as x from ${atual}`;
    expect(await readBy(one, other)).toEqual(["a", "b"]);
  });
});
