import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { checkProject } from "../../../runner/models/check.ts";
import { formatProblem } from "../../../runner/models/problem.ts";
import { mart, openPessoas } from "./pessoas.ts";

const { build, drop, failure, land, pool, project, reset, rows } = await openPessoas();
afterAll(drop);
beforeEach(reset);

const given = `given staging.pessoas

| conta | pessoa_id | nome  | valor |
|-------|-----------|-------|-------|
| acme  | 1         | Ana   | 10    |
| acme  | 2         | ''    |       |
`;

/** What `elt check` tells of the project with this test beside marts.pessoas. */
async function told(text: string, changes: Record<string, string> = {}): Promise<string> {
  const found = await project({ "models/marts/pessoas.test.md": text, ...changes });
  const { problems, unitTests } = await checkProject(pool, found);
  return [...problems.map(formatProblem), `${unitTests} ran`].join("\n");
}

describe("a unit test", () => {
  test("gives rows, expects rows, and touches nothing real", async () => {
    await build();
    const before = await rows("select * from marts.pessoas order by 1, 2");
    expect(
      await told(`# Pessoas\n\n## passa tudo adiante\n\n${given}\nexpect\n
| pessoa_id | nome | valor |
|-----------|------|-------|
| 2         | ''   |       |
| 1         | Ana  | 10.00 |
`),
    ).toBe("1 ran");
    expect(await rows("select * from marts.pessoas order by 1, 2")).toEqual(before);
    expect(
      await rows("select nspname from pg_namespace where nspname like 'elt\\_draft%'"),
    ).toEqual([]);
  });

  test("points to the cell that differs", async () => {
    const text = `## dobra\n\n${given}\nexpect\n
| conta | pessoa_id | valor |
| acme  | 1         | 20.00 |
| acme  | 2         |       |
`;
    expect(await told(text)).toBe(
      `models/marts/pessoas.test.md:13:23: dobra: valor is 10.00, expected 20.00
11 | 
12 | | conta | pessoa_id | valor |
13 | | acme  | 1         | 20.00 |
   |                       ^
1 ran`,
    );
  });

  test("tells of rows that are missing, not expected, or there twice", async () => {
    const found = await told(`## linhas\n\n${given}\nexpect\n
| pessoa_id | valor |
| 1         | 10    |
| 1         | 10    |
| 3         | 5     |
`);
    expect(found).toContain("pessoas.test.md:14:3: linhas: the model gives no such row");
    expect(found).toContain("pessoas.test.md:15:3: linhas: the model gives no such row");
    expect(found).toContain(
      "pessoas.test.md:10:1: linhas: a row that is not expected: pessoa_id 2",
    );
  });

  test("says the day, and puts the fields of a record into landing", async () => {
    const found = await told("", {
      "models/marts/pessoas.test.md": "",
      "models/staging/pessoas.sql": `-- Pessoas.
-- @key conta, chave
select l.conta, l.chave, (l.payload ->> 'id')::bigint as pessoa_id, l.payload ->> 'nome' as nome,
    elt.as_money(l.payload ->> 'valor')::numeric(15, 2) as valor,
    elt.hoje() - elt.as_date(l.payload ->> 'desde') as dias
from landing.demandas_atual as l`,
      "models/staging/pessoas.test.md": `## conta os dias
today 2026-03-15
given landing.demandas_atual

| chave | id | valor    | desde      |
|-------|----|----------|------------|
| a     | 7  | 1.234,50 | 2026-03-01 |

expect

| conta   | chave | pessoa_id | valor  | dias |
|---------|-------|-----------|--------|------|
| exemplo | a     | 7         | 1234.5 | 14   |
`,
    });
    expect(found).toBe("1 ran");
  });

  test.each([
    [
      "a relation that the model does not read",
      "## a\ngiven staging.pesoas\n| conta |\n| x |\nexpect\n| conta |\n",
      "2:7: marts.pessoas does not read staging.pesoas",
      "did you mean staging.pessoas?",
    ],
    [
      "a column that there is not",
      "## a\ngiven staging.pessoas\n| conta | nme |\n| x | y |\nexpect\n| conta |\n",
      "3:11: staging.pessoas has no column nme",
      "did you mean nome?",
    ],
    [
      "a cell that is no value of its type",
      "## a\ngiven staging.pessoas\n| conta | pessoa_id |\n| x | doze |\nexpect\n| conta |\n",
      '4:7: "doze" is no bigint',
      "",
    ],
    [
      "a row that is too short",
      "## a\ngiven staging.pessoas\n| conta | pessoa_id |\n| x |\nexpect\n| conta |\n",
      "4:1: 1 cells where the table has 2 columns",
      "",
    ],
    [
      "a test that expects nothing",
      "## a\ngiven staging.pessoas\n| conta |\n",
      "1:1: this test expects nothing",
      "",
    ],
    [
      "a table without its announcement",
      "given staging.pessoas\n",
      "1:1: a test begins with a heading",
      "",
    ],
    [
      "a day that is no date",
      "## a\ntoday amanhã\nexpect\n| conta |\n",
      '2:1: write today 2026-03-15, found "amanhã"',
      "",
    ],
    [
      "an expected column that there is not",
      "## a\nexpect\n| total |\n",
      "3:3: marts.pessoas has no column total",
      "",
    ],
  ])("refuses %s at its place", async (_, text, message, hint) => {
    const found = await told(text);
    expect(found).toContain(`models/marts/pessoas.test.md:${message}`);
    expect(found).toContain(hint);
  });

  test("whose rows make the model fail is told with the record", async () => {
    const zero = await told(
      `## zero\n\n${given.replace("10    |", "0     |")}\nexpect\n\n| conta |\n`,
      {
        "models/marts/pessoas.sql": mart.replace("p.valor from", "10 / p.valor as valor from"),
      },
    );
    expect(zero).toContain(
      "pessoas.test.md:1:4: marts.pessoas fails on these rows: division by zero",
    );
  });
});

test("a file beside a model without any test is told of", async () => {
  const { problems } = await project({ "models/marts/pessoas.test.md": "# Pessoas\n| a |\n" });
  expect(problems.map(formatProblem).join("\n")).toContain(
    "models/marts/pessoas.test.md:1:1: there is no test in this file",
  );
});

test("a file of tests beside no model is told of", async () => {
  const { problems } = await project({ "models/marts/pesoas.test.md": "## x\nexpect\n| a |\n" });
  const told = problems.map(formatProblem).join("\n");
  expect(told).toContain("models/marts/pesoas.test.md:1:1: there is no model of this file's name");
  expect(told).toContain("did you mean models/marts/pessoas.test.md?");
});

describe("a test that is a file", () => {
  const file = "models/tests/sem_valor.sql";

  test("fails the build with its place and the rows, but not their personal columns", async () => {
    const error = await failure({
      [file]:
        "-- Toda pessoa vale mais que mil.\nselect p.conta, p.pessoa_id, s.nome, upper(s.nome) as grita from marts.pessoas as p inner join staging.pessoas as s using (conta, pessoa_id) where p.valor < 1000",
    });
    expect(error.message).toBe('tests: 1 row fails sem_valor\n    {"conta":"acme","pessoa_id":1}');
    expect(await rows("select fields from elt.failing_rows where test = 'sem_valor'")).toEqual([
      { fields: { conta: "acme", pessoa_id: 1 } },
    ]);
  });

  test("runs when something landed that reached no table", async () => {
    const files = {
      [file]: "-- @warn\nselect l.chave from landing.demandas_atual as l where l.payload ? 'outro'",
    };
    await build(files);
    await land(1, { nome: "Maria da Silva", valor: "10.50", outro: 1 });
    const { changes, tests } = await build(files);
    expect(changes).toMatchObject({ added: 0, changed: 0, removed: 0 });
    expect(tests).toContainEqual(expect.objectContaining({ test: "sem_valor", failures: 1 }));
  });

  test("only warns, and allows as many rows as it says", async () => {
    await build({ [file]: "-- @warn\nselect conta from marts.pessoas" });
    await build({ [file]: "-- @test > 2 rows\nselect conta from marts.pessoas" });
    const error = await failure({ [file]: "-- @test > 1 row\nselect conta from marts.pessoas" });
    expect(error.message).toContain("tests: 2 rows fail sem_valor");
  });

  test.each([
    ["an unknown model", "select * from marts.pesoas", "1:15: there is no marts.pesoas"],
    [
      "an unknown column",
      "select p.nada from marts.pessoas as p",
      "1:8: column p.nada does not exist",
    ],
    ["a statement", "delete from marts.pessoas", "1:1: a model is one SELECT"],
    ["an unknown header line", "-- @severity warn\nselect 1", "1:4: @severity is not known"],
  ])("with %s is told of by check", async (_, text, message) => {
    const { problems } = await checkProject(pool, await project({ [file]: text }));
    expect(problems.map(formatProblem).join("\n")).toContain(`${file}:${message}`);
  });
});

describe("a threshold", () => {
  test("lets so many rows fail and no more", async () => {
    const text = (rule: string) => ({
      "models/marts/pessoas.sql": mart.replace("-- @pii", `-- @test ${rule}\n-- @pii`),
    });
    await build(text("check(valor > 11) > 1 row"));
    const error = await failure(text("check(valor > 5000) > 1 row"));
    expect(error.message).toContain("2 rows fail check(valor > 5000) > 1 row");
  });

  test.each([
    ["check(valor > 1) > ten rows", '"> ten rows" after the test is not understood'],
    ["chek(valor > 1)", "did you mean check?"],
    ["references", "write references(column, schema.table[, column])"],
  ])("%s is refused", async (rule, message) => {
    const { problems } = await checkProject(
      pool,
      await project({
        "models/marts/pessoas.sql": mart.replace("-- @pii", `-- @test ${rule}\n-- @pii`),
      }),
    );
    expect(problems.map(formatProblem).join("\n")).toContain(message);
  });
});
