import { describe, expect, test } from "vitest";
import { orderModels } from "../../../runner/models/order.ts";
import { formatProblem } from "../../../runner/models/problem.ts";
import { projectOf } from "../../project.ts";

const key = "-- @key conta\n";
const staging = { "models/staging/reservas.sql": `${key}select * from landing.reservas_atual` };

async function problemsOf(files: Record<string, string>): Promise<string> {
  const project = await projectOf(files);
  const { problems } = orderModels(project);
  return [...project.problems, ...problems].map(formatProblem).join("\n");
}

describe("the order of models", () => {
  test("follows what they read, whatever their names", async () => {
    const project = await projectOf({
      ...staging,
      "models/marts/a.sql": `${key}select * from marts.z`,
      "models/marts/z.sql": `${key}select * from staging.reservas`,
      "views/vw_a.sql": "select * from marts.a",
    });
    const { order, problems } = orderModels(project);
    expect(problems).toEqual([]);
    expect(order.map((model) => model.name)).toEqual([
      "staging.reservas",
      "marts.z",
      "marts.a",
      "marts.vw_a",
    ]);
  });

  test("names the circle in which models read each other", async () => {
    expect(
      await problemsOf({
        "models/marts/a.sql": `${key}select * from marts.b`,
        "models/marts/b.sql": `${key}select * from marts.a`,
      }),
    ).toContain(
      "models/marts/b.sql:2:15: models read each other in a circle: marts.a → marts.b → marts.a",
    );
  });

  test.each([
    [
      "an unknown model",
      "select * from marts.nada",
      "there is no model marts.nada (no file models/marts/nada.sql)",
    ],
    ["an unknown seed", "select * from seeds.nada", "there is no file models/seeds/nada.csv"],
    ["a name without schema", "select * from reservas", "reservas has no schema"],
    [
      "a read past staging",
      "select * from landing.reservas_atual",
      "marts reads staging, seeds, marts, not landing.reservas_atual",
    ],
    [
      "an engine table",
      "select * from elt.runs",
      "marts reads staging, seeds, marts, not elt.runs",
    ],
  ])("refuses %s before anything runs", async (_, text, message) => {
    expect(await problemsOf({ ...staging, "models/marts/a.sql": key + text })).toContain(
      `models/marts/a.sql:2:15: ${message}`,
    );
  });

  test("refuses an object that CVDW does not have, and two objects in one staging model", async () => {
    const found = await problemsOf({
      "models/staging/a.sql": `${key}select * from landing.empreendimentos_atual`,
      "models/staging/b.sql": `${key}select * from landing.leads_atual, landing.vendas_atual`,
    });
    expect(found).toContain("CVDW has no object empreendimentos_atual");
    expect(found).toContain("a staging model reads one landing object");
  });

  test("refuses two files of one name", async () => {
    expect(
      await problemsOf({
        ...staging,
        "models/marts/vendas/x.sql": `${key}select * from staging.reservas`,
        "models/marts/x.sql": `${key}select * from staging.reservas`,
      }),
    ).toContain("marts.x is already the name of models/marts/vendas/x.sql");
  });

  test.each(["Vendas", "1a", "vendas 2", "b-c", "a".repeat(51)])(
    "refuses a file whose name is no name of a relation: %s",
    async (name) => {
      expect(
        await problemsOf({ ...staging, [`models/marts/${name}.sql`]: `${key}select 1` }),
      ).toContain(
        `the file's name is the relation's, and "${name}" is none that SQL reads without quotes`,
      );
    },
  );

  test("tells every header problem with its line", async () => {
    const found = await problemsOf({
      "models/marts/a.sql": "-- @biuld table\n-- @test required()\n-- @pii nome\nselect 1 as conta",
    });
    expect(found).toContain("models/marts/a.sql:1:4: @biuld is not known");
    expect(found).toContain("models/marts/a.sql:2:10: write required(column)");
    expect(found).toContain("models/marts/a.sql:3:9: @pii names a column and its mask");
    expect(found).toContain("a table needs a line `-- @key column, …`");
  });

  test("tells where a csv is wrong", async () => {
    const found = await problemsOf({
      "models/seeds/times.csv": "conta,corretor_id,time\n*,doze,Alpha\n",
      "models/seeds/series.csv": 'conta,prefixo\n*,"aberto\n',
    });
    expect(found).toContain('models/seeds/times.csv:2:1: corretor_id is a number, found "doze"');
    expect(found).toContain("models/seeds/series.csv:");
  });

  test.each([
    ["a,a", "1:1: column 2 of the first line: there is already a a"],
    ["a,,b", "1:1: column 2 of the first line has no name"],
    ["a,origem", "1:1: column 2 of the first line: origem is added by itself"],
    [`a,${"b".repeat(64)}`, "1:1: column 2 of the first line: the name is longer than 63 bytes"],
  ])("refuses a csv whose first line is %s", async (head, message) => {
    const cells = head.split(",").map(() => "1");
    const found = await problemsOf({ ...staging, "models/seeds/mapa.csv": `${head}\n${cells}\n` });
    expect(found).toContain(`models/seeds/mapa.csv:${message}`);
  });

  test("refuses a csv whose name is no name of a relation", async () => {
    const found = await problemsOf({ ...staging, "models/seeds/Meu Mapa.csv": "a\n1\n" });
    expect(found).toContain('"Meu Mapa" is none that SQL reads without quotes');
  });

  test.each([
    "\n-- @key conta\n",
    " -- @key conta\n",
    "/* @key conta */\n",
    "/*\n * @key conta\n */\n",
  ])("says where a header stands that is not looked for: %j", async (header) => {
    const found = await problemsOf({
      ...staging,
      "models/marts/a.sql": `${header}select 1 as conta`,
    });
    expect(found).toMatch(
      /the @key in line [12] is not in the header: that is the lines at the very top/,
    );
  });

  test("refuses tests that cannot run: of a relation that is not there, of landing far from it", async () => {
    const found = await problemsOf({
      ...staging,
      "models/marts/a.sql":
        "-- @key conta\n-- @test references(conta, staging.reserva)\n-- @test lossless(conta, conta)\nselect r.conta from staging.reservas as r",
    });
    expect(found).toContain(
      "models/marts/a.sql:2:28: references(conta, staging.reserva): there is no staging.reserva",
    );
    expect(found).toContain("did you mean staging.reservas?");
    expect(found).toContain(
      "models/marts/a.sql:3:10: lossless(conta, conta): lossless compares with landing",
    );
  });

  test("refuses a customer's csv that no mapping has the name of", async () => {
    expect(
      await problemsOf({
        "models/seeds/series.csv": "conta,prefixo,classe\n",
        "models/seeds/clientes/serie.csv": "conta,prefixo,classe\n*,x,parcelas\n",
      }),
    ).toContain("models/seeds/clientes/serie.csv:1:1: there is no mapping of that name");
  });

  test("tells how to save a csv that a spreadsheet saved in another way", async () => {
    const found = await problemsOf({
      "models/seeds/series.csv": "conta,prefixo,classe\n",
      "models/seeds/clientes/series.csv": "conta;prefixo;classe\n",
      "models/seeds/times.csv": "conta,corretor_id,time\n*,1\n",
    });
    expect(found).toContain("clientes/series.csv:1:1: the cells are parted by semicolons");
    expect(found).toContain("times.csv:2:1: 2 cells where the first line names 3 columns");
  });
});
