import { describe, expect, test } from "vitest";
import { parseHeader } from "../../../runner/models/header.ts";
import { loadProject } from "../../../runner/models/project.ts";
import { withFiles } from "../../project.ts";

const guardsOf = (value: string) => {
  const { header, problems } = parseHeader(`-- Vendas.\n-- @guard ${value}\nselect 1`);
  return { guards: header.guards, problems };
};
const problemOf = (value: string) => guardsOf(value).problems[0];

describe("a @guard", () => {
  test("names a number, shares and an aggregate; rows and from have defaults", () => {
    expect(guardsOf("valor_total 12.5 %, from 50 rows, rows 40% = sum(valor) ").guards).toEqual([
      {
        ...{ kpi: "valor_total", sharePercent: "12.5", rowsPercent: "40", fromRows: 50, line: 2 },
        expression: "sum(valor)",
      },
    ]);
    expect(guardsOf("v 1% = count(*) filter (where a = 'x, y')").guards).toMatchObject([
      { rowsPercent: "25", fromRows: 20, expression: "count(*) filter (where a = 'x, y')" },
    ]);
  });

  test.each([
    ["", 4, '@guard begins with the name of a number, found ""'],
    ["10% = sum(x)", 11, '@guard begins with the name of a number, found "10%"'],
    ["v = sum(x)", 11, 'v needs a share above zero, as in v 10%, found ""'],
    ["v 0% = sum(x)", 13, 'v needs a share above zero, as in v 10%, found "0%"'],
    ["v 10 = sum(x)", 13, 'v needs a share above zero, as in v 10%, found "10"'],
    ["v 10%, rows = sum(x)", 18, 'rows needs a share above zero, as in rows 10%, found ""'],
    ["v 10%, from 5 = sum(x)", 23, 'from needs a number, as in from 20 rows, found "5"'],
    ["v 10%, row 5% = sum(x)", 18, '@guard knows rows <share>% and from <n> rows, not "row 5%"'],
    ["v 10%, rows 5%, rows 6% = sum(x)", 27, "rows stands here a second time"],
    ["v 10%", 11, "@guard v ends with what it counts, after ="],
  ])("%s is told at its place", (value, column, message) => {
    expect(problemOf(value)).toMatchObject({ line: 2, column, message });
  });

  test("stands once for each number", () => {
    const text = "-- V.\n-- @guard v 1% = sum(x)\n-- @guard v 2% = sum(y)\nselect 1";
    expect(parseHeader(text).problems).toMatchObject([
      { line: 3, message: "@guard v stands here a second time" },
    ]);
  });
});

describe("the expression of a @guard", () => {
  const problemsOf = (guard: string, { folder = "marts", key = "conta, id" } = {}) =>
    withFiles(
      {
        [`models/${folder}/a.sql`]: `-- A.\n-- @key ${key}\n-- @guard v 10% = ${guard}\nselect 'x' as conta, 1 as id`,
      },
      async (root) =>
        (await loadProject(root)).problems.map(
          ({ position, message }) => `${position.line}:${position.column} ${message}`,
        ),
    );

  test("is one aggregate over the columns of its model", async () => {
    expect(await problemsOf("sum(id)")).toEqual([]);
    for (const wrong of [
      ...["sum(id), sum(id)", "sum(id)) from b as b group by (conta", "sum(id)); select (1"],
      ...["(select sum(id) from marts.b)", "sum(id)) where (true"],
    ]) {
      expect(await problemsOf(wrong)).toEqual([
        "3:19 @guard v: after = stands one aggregate over the columns of this model, like sum(valor)",
      ]);
    }
    expect(await problemsOf("sum(id")).toEqual([
      expect.stringMatching(/^3:19 @guard v: syntax error/),
    ]);
  });

  test("is about a table of marts with the account in its key", async () => {
    const about = "3:11 @guard is about the rows of a table of marts that has conta in its @key";
    expect(await problemsOf("sum(id)", { folder: "staging" })).toContain(about);
    expect(await problemsOf("sum(id)", { key: "id" })).toEqual([about]);
  });
});
