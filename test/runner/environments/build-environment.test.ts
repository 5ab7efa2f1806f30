import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EnvironmentReport } from "../../../runner/environments/build-environment.ts";
import { listEnvironments } from "../../../runner/environments/list-environments.ts";
import { testEnvironment } from "../../../runner/environments/test-environment.ts";
import { ConfigError } from "../../../runner/errors.ts";
import { startRun } from "../../../runner/run-record.ts";
import { mart } from "../models/pessoas.ts";
import { databasePrint } from "./database-print.ts";
import {
  cents,
  doubled,
  modesOf,
  openPessoasEnvironments,
  withSeed,
} from "./pessoas-environments.ts";

const {
  build,
  buildIn,
  drop,
  dropEnvironments,
  failureIn,
  land,
  pool,
  project,
  relationsOf,
  remove,
  reset,
  rows,
  warnings,
} = await openPessoasEnvironments();
afterAll(drop);
beforeEach(reset);
afterEach(dropEnvironments);

describe("what is built", () => {
  test("is what differs and all that reads it; the rest is read where it is published", async () => {
    await build(withSeed);
    const before = await databasePrint(pool, "ana");
    const report = await buildIn("ana", { ...withSeed, ...doubled });
    expect(modesOf(report)).toEqual({
      "ana_marts.pessoas": "first",
      "ana_marts.pesos": "first",
      "ana_marts.vw_soma": "first",
    });
    expect(await relationsOf("ana")).toEqual([
      "ana_marts.pesos",
      "ana_marts.pessoas",
      "ana_marts.vw_soma",
      "ana_marts_pii.pessoas",
    ]);
    expect(await rows("select total from ana_marts.vw_soma")).toEqual([{ total: "2490.12" }]);
    expect(await rows("select peso from ana_marts.pesos")).toEqual([{ peso: "4980.24" }]);
    expect(await rows("select total from marts.vw_soma")).toEqual([{ total: "1245.06" }]);
    expect(await databasePrint(pool, "ana")).toEqual(before);
  });

  test("is told beside what is published: rows by table, numbers by view", async () => {
    await build(withSeed);
    const report = await buildIn("ana", { ...withSeed, ...doubled });
    expect(report.tables).toEqual([
      {
        model: "marts.pessoas",
        status: "compared",
        rows: 2,
        added: 0,
        changed: 2,
        removed: 0,
        columns: ["column valor is numeric(15,2) and becomes numeric"],
      },
      {
        model: "marts.pesos",
        status: "compared",
        rows: 1,
        added: 0,
        changed: 1,
        removed: 0,
        columns: [],
      },
    ]);
    expect(report.kpis).toMatchObject([
      {
        view: "marts.vw_soma",
        differing: 1,
        totals: { total: ["1245.06", "2490.12"] },
        rows: [{ label: { conta: "acme" } }],
      },
    ]);
  });

  test("is a model with another test or comment alone: its rows are the published ones", async () => {
    await build();
    const report = await buildIn("ana", {
      "models/marts/pessoas.sql": mart.replace("-- @pii", "-- @test required(valor)\n-- @pii"),
    });
    expect(modesOf(report)).toEqual({ "ana_marts.pessoas": "first" });
    expect(report.tables).toMatchObject([{ status: "compared", added: 0, changed: 0, removed: 0 }]);
  });

  test("is a mapping of other rows, and what reads it", async () => {
    await build(withSeed);
    const report = await buildIn("ana", {
      ...withSeed,
      "models/seeds/fatores.csv": "conta,fator\n*,10\n",
    });
    expect(modesOf(report)).toEqual({ "ana_seeds.fatores": "seed", "ana_marts.pesos": "first" });
    expect(await rows("select peso from ana_marts.pesos")).toEqual([{ peso: "12450.60" }]);
    expect(await rows("select fator from seeds.fatores")).toEqual([{ fator: "2" }]);
  });

  test("is everything where nothing was ever published", async () => {
    const report = await buildIn("ana");
    expect(Object.keys(modesOf(report))).toEqual([
      "ana_staging.pessoas",
      "ana_marts.pessoas",
      "ana_marts.vw_soma",
    ]);
    expect(report.tables).toMatchObject([{ status: "new" }, { status: "new" }]);
    expect(await rows("select to_regclass('marts.pessoas') as published")).toEqual([
      { published: null },
    ]);
  });

  test("is nothing, not even an environment, where no file differs", async () => {
    await build();
    const report = await buildIn("ana");
    expect(report.models).toEqual([]);
    expect(await listEnvironments(pool)).toEqual([]);
  });

  test("has keys, comments, masks and clear values as a published table, and no reader of BI", async () => {
    await build();
    await buildIn("ana", doubled);
    expect(await rows("select nome from ana_marts.pessoas order by pessoa_id")).toEqual([
      { nome: "M. d. S." },
      { nome: "J." },
    ]);
    expect(await rows("select nome from ana_marts_pii.pessoas order by pessoa_id")).toEqual([
      { nome: "Maria da Silva" },
      { nome: "João" },
    ]);
    expect(
      await rows(`select
        col_description('ana_marts.pessoas'::regclass, 4) as comment,
        (select count(*)::int from pg_constraint where conrelid = 'ana_marts.pessoas'::regclass and contype = 'p') as keys,
        (select relrowsecurity from pg_class where oid = 'ana_marts.pessoas'::regclass) as rows,
        has_schema_privilege('bi_reader', 'ana_marts', 'usage') as bi,
        has_schema_privilege('bi_reader_pii', 'ana_marts_pii', 'usage') as pii`),
    ).toEqual([{ comment: "quanto vale, em reais", keys: 1, rows: true, bi: false, pii: false }]);
  });

  test("can be some models of a selection, which says what it lacks", async () => {
    await build();
    const files = {
      ...doubled,
      "models/marts/novo.sql": "-- @key conta\nselect distinct p.conta from marts.pessoas as p",
      "models/marts/outro.sql": "-- @key conta\nselect n.conta from marts.novo as n",
    };
    const report = await buildIn("ana", files, { only: new Set(["marts.novo"]) });
    expect(modesOf(report)).toEqual({ "ana_marts.novo": "first" });
    const error = await failureIn("ana2", files, { only: new Set(["marts.outro"]) });
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toBe(
      "marts.outro reads marts.novo, which was never built in ana2: select +marts.outro.",
    );
  });

  test("is told to hold records that are not published yet", async () => {
    await build();
    await buildIn("ana", cents);
    expect(warnings()).toEqual([]);
    await land(3, { nome: "Ana", valor: "1" });
    await buildIn("ana", cents);
    expect(warnings().join()).toContain(
      "Landing has records of demandas that are not published yet",
    );
  });

  test("can be planned, which leaves nothing and tells of failing tests", async () => {
    await build();
    const before = await databasePrint(pool);
    const failing = {
      "models/marts/pessoas.sql": doubled["models/marts/pessoas.sql"].replace(
        "-- @pii",
        "-- @test check(valor < 100)\n-- @pii",
      ),
    };
    const report = await buildIn("ana", failing, { end: "roll back" });
    expect(report.findings).toMatchObject([{ model: "marts.pessoas", failures: 1 }]);
    expect(report.kpis).toMatchObject([{ differing: 1 }]);
    expect(await databasePrint(pool)).toEqual(before);
    expect(await listEnvironments(pool)).toEqual([]);
  });
});

describe("a second build", () => {
  test("computes only what changed since, in files, in the environment or in what is published", async () => {
    await build(withSeed);
    const files = { ...withSeed, ...doubled };
    await buildIn("ana", files);
    expect(new Set(Object.values(modesOf(await buildIn("ana", files))))).toEqual(
      new Set(["unchanged"]),
    );

    const factor = { ...files, "models/seeds/fatores.csv": "conta,fator\n*,3\n" };
    expect(modesOf(await buildIn("ana", factor))).toEqual({
      "ana_seeds.fatores": "seed",
      "ana_marts.pessoas": "unchanged",
      "ana_marts.pesos": "whole",
      "ana_marts.vw_soma": "unchanged",
    });
    await land(1, { nome: "Maria da Silva", valor: "100" });
    await build(withSeed);
    const third = await buildIn("ana", factor);
    expect(third.models.find(({ model }) => model === "ana_marts.pessoas")).toMatchObject({
      mode: "whole",
      because: "staging.pessoas changed",
      changes: { added: 0, changed: 1, removed: 0 },
    });
    expect(await rows("select total from ana_marts.vw_soma")).toEqual([{ total: "2669.12" }]);
    expect(modesOf(await buildIn("ana", factor, { fullRefresh: true }))).toMatchObject({
      "ana_marts.pessoas": "whole",
    });
  });

  test("sees other rows of what it reads through a published view or a mapping", async () => {
    await build(withSeed);
    const files = {
      ...withSeed,
      "models/marts/novo.sql":
        "-- @key conta\nselect v.conta, v.total * max(f.fator::numeric) as total from marts.vw_soma as v cross join seeds.fatores as f group by v.conta, v.total",
    };
    await buildIn("ana", files);
    await land(1, { nome: "Maria da Silva", valor: "100" });
    await build(withSeed);
    expect(modesOf(await buildIn("ana", files))).toEqual({ "ana_marts.novo": "whole" });
    expect(await rows("select total from ana_marts.novo")).toEqual([{ total: "2669.12" }]);
    const factor = { "models/seeds/fatores.csv": "conta,fator\n*,4\n" };
    await build({ ...withSeed, ...factor });
    await buildIn("ana", { ...files, ...factor });
    expect(await rows("select total from ana_marts.novo")).toEqual([{ total: "5338.24" }]);
  });

  test("runs the tests that it may have broken: of other rows, of another header, of what is pointed at", async () => {
    await build(withSeed);
    const tested = (report: Promise<EnvironmentReport>) =>
      report.then(async () =>
        (
          await rows(`select model || ' ' || test as name from elt.test_results
            where run_id = (select max(run_id) from elt.runs) order by 1`)
        ).map(({ name }) => name),
      );
    const files = {
      ...withSeed,
      ...doubled,
      "models/marts/livre.sql":
        "-- @key conta\n-- @test required(total)\n-- @test check(total > (select 0))\n-- @test references(conta, marts.pesos)\nselect v.conta, 1 as total from staging.pessoas as v group by v.conta",
    };
    const livre = (test: string) => `ana_marts.livre ${test}`;
    const references = livre("references(conta, marts.pesos)");
    const subquery = livre("check(total > (select 0))");
    const pesos = "ana_marts.pesos references(conta, marts.pessoas)";
    expect(await tested(buildIn("ana", files))).toEqual(
      [subquery, references, livre("required(total)"), pesos].sort(),
    );
    expect(await tested(buildIn("ana", files))).toEqual([subquery]);
    const factor = { ...files, "models/seeds/fatores.csv": "conta,fator\n*,5\n" };
    expect(await tested(buildIn("ana", factor))).toEqual([subquery, references, pesos].sort());
    const header = {
      ...factor,
      "models/marts/livre.sql": files["models/marts/livre.sql"].replace("required", "unique"),
    };
    expect(await tested(buildIn("ana", header))).toEqual(
      [subquery, references, livre("unique(total)")].sort(),
    );
  });

  test("sees what was landed and removed where staging stands in the environment", async () => {
    await build();
    await buildIn("ana", cents);
    await land(3, { nome: "Ana", valor: "1" });
    await remove(2);
    await buildIn("ana", cents);
    expect(
      await rows("select pessoa_id::int as id, valor from ana_marts.pessoas order by 1"),
    ).toEqual([
      { id: 1, valor: "1050.00" },
      { id: 3, valor: "100.00" },
    ]);
  });

  test("counts as built when all of its models were, so that who was forgotten before is not in it", async () => {
    const longAgo = "update elt.environments set built_at = now() - interval '9 days'";
    const days = async () => (await listEnvironments(pool)).map(({ days }) => days);
    await build();
    await buildIn("ana", doubled);
    await pool.query(longAgo);
    await buildIn("ana", doubled, { only: new Set(["marts.pessoas"]) });
    expect(await days()).toEqual([9]);
    await buildIn("ana", doubled);
    expect(await days()).toEqual([0]);
  });

  // A list from elsewhere brings a receipt whose number is lower than that of the last.
  test.each([[8], [7]])("computes again what was read before receipt %d", async (receipt) => {
    const forget = (id: number) =>
      pool.query(
        "insert into elt.forgotten (receipt_id, receipt) overriding system value values ($1, '{}')",
        [id],
      );
    await pool.query("delete from elt.forgotten");
    await forget(receipt === 7 ? 8 : 1);
    await build();
    await buildIn("ana", cents);
    await pool.query("update landing.demandas set payload = payload || '{\"nome\": null}'");
    await forget(receipt);
    await buildIn("ana", cents);
    expect(await rows("select distinct nome from ana_staging.pessoas")).toEqual([{ nome: null }]);
    expect(await rows("select distinct nome from ana_marts_pii.pessoas")).toEqual([{ nome: null }]);
  });

  test("lets go what its file says again as it is published", async () => {
    await build(withSeed);
    const both = {
      ...withSeed,
      ...doubled,
      "models/marts/novo.sql": "-- @key conta\nselect distinct p.conta from staging.pessoas as p",
    };
    await buildIn("ana", both);
    const report = await buildIn("ana", { ...withSeed, ...doubled });
    expect(report.left).toEqual(["marts.novo"]);
    const reverted = await buildIn("ana", withSeed);
    expect(new Set(reverted.left)).toEqual(
      new Set(["marts.pessoas", "marts.pesos", "marts.vw_soma"]),
    );
    expect(await relationsOf("ana")).toEqual([]);
    expect(await listEnvironments(pool)).toMatchObject([{ name: "ana", models: [] }]);
  });

  test("takes other columns, no masks and a new header", async () => {
    await build();
    await buildIn("ana", doubled);
    await buildIn("ana", {
      "models/marts/pessoas.sql": mart
        .replace("-- @pii    nome nome\n", "-- @index valor\n")
        .replace("quanto vale", "o que vale")
        .replace("p.nome, ", ""),
    });
    expect(
      await rows(`select string_agg(attname, ' ' order by attnum) as columns,
        to_regclass('ana_marts_pii.pessoas') as clear,
        (select count(*)::int from pg_index where indrelid = 'ana_marts.pessoas'::regclass) as indexes
        from pg_attribute where attrelid = 'ana_marts.pessoas'::regclass and attnum > 0`),
    ).toEqual([{ columns: "conta pessoa_id valor", clear: null, indexes: 2 }]);
    await buildIn("ana", {
      "models/marts/pessoas.sql": mart
        .replace("-- @pii    nome nome\n", "-- @index valor\n")
        .replace("quanto vale", "valor da pessoa")
        .replace("p.nome, ", ""),
    });
    expect(await rows("select col_description('ana_marts.pessoas'::regclass, 3) as c")).toEqual([
      { c: "valor da pessoa, em reais" },
    ]);
  });
});

describe("of a day of the past", () => {
  const dayAgo = async (days: number) =>
    String((await rows(`select (elt.hoje() - ${days})::text as day`))[0]?.day);
  const backdate = () =>
    pool.query("update landing.demandas set landed_at = landed_at - interval '9 days'");

  test("today is that day for models, checks and files; what asks otherwise is named", async () => {
    await backdate();
    await build();
    const asOf = await dayAgo(3);
    const files = {
      "models/marts/hoje.sql": `-- @key conta\n-- @test check(dia = elt.hoje() and elt.hoje() = date '${asOf}')\nselect distinct p.conta, elt.hoje() as dia from staging.pessoas as p`,
      "models/marts/agora.sql":
        "-- @key conta\nselect distinct p.conta, now() as instante from staging.pessoas as p",
      "views/vw_hoje.sql": "select h.dia, elt . hoje() as hoje, h.conta from marts.hoje as h",
      "models/tests/hoje.sql": `-- @test\nselect h.conta from marts.vw_hoje as h where h.hoje <> date '${asOf}' or elt.hoje() <> h.hoje`,
    };
    await buildIn("x", files, { asOf });
    expect(await rows("select dia::text, hoje::text from x_marts.vw_hoje")).toEqual([
      { dia: asOf, hoje: asOf },
    ]);
    expect(warnings()).toEqual([
      "Mappings (models/seeds) are those of today: their past is not kept.",
      `Asked for otherwise than by elt.hoje(), the time is that of now and not of ${asOf}, in marts.agora.`,
    ]);
    const runId = await startRun(pool, { command: "env test", conta: null });
    const context = { pool, runId, emit: () => {} };
    const results = await testEnvironment(context, await project(files), { name: "x" });
    expect(results.map(({ failures }) => failures)).toEqual(results.map(() => 0));
    expect(results.map(({ test }) => test)).toContain("hoje");
  });

  test("a cast that loses a value is told of what was landed then", async () => {
    await backdate();
    await build();
    await land(2, { nome: "João", valor: "nada" });
    const asOf = await dayAgo(3);
    expect((await buildIn("x", {}, { asOf })).findings).toEqual([]);
    const today = await buildIn("y", {}, { asOf: await dayAgo(0) });
    expect(today.findings).toMatchObject([{ test: "lossless(valor, valor)", failures: 1 }]);
  });

  test("is refused with the day that can be told", async () => {
    await build();
    await backdate();
    await land(1, { nome: "Maria da Silva", valor: "11" });
    await pool.query(
      "update landing.demandas set landed_at = landed_at - interval '5 days' where supersedes_load_id is not null",
    );
    const refusal = async (days: number) =>
      (await failureIn("x", {}, { asOf: await dayAgo(days) })).message;
    expect(await refusal(10)).toBe(
      `--as-of ${await dayAgo(10)} is before the first record was landed: the first day known is ${await dayAgo(9)}.`,
    );
    expect(await refusal(-1)).toBe(
      `--as-of ${await dayAgo(-1)} is in the future: today is ${await dayAgo(0)}.`,
    );
    await pool.query(
      "delete from landing.demandas where chave = '1' and load_id in (select supersedes_load_id from landing.demandas)",
    );
    expect(await refusal(9)).toBe(
      `--as-of ${await dayAgo(9)} cannot be told any more: versions of that time were deleted from demandas. The first day known whole is ${await dayAgo(5)}.`,
    );
    await buildIn("x", {}, { asOf: await dayAgo(5) });
    await pool.query("truncate landing.demandas");
    expect(await refusal(9)).toBe(
      "Nothing was landed yet, so no day is known: npm run elt -- extract.",
    );
  });

  test("is not mixed with what is published: a selection must bring what it reads", async () => {
    await backdate();
    await build();
    const asOf = await dayAgo(3);
    const only = (...names: readonly string[]) => ({ asOf, only: new Set(names) });
    expect((await failureIn("x", {}, only("marts.pessoas"))).message).toBe(
      "marts.pessoas reads staging.pessoas, which was never built in x: select +marts.pessoas.",
    );
    await buildIn("x", {}, only("marts.pessoas", "staging.pessoas"));
    expect(await rows("select count(*)::int as n from x_marts.pessoas")).toEqual([{ n: 2 }]);
  });

  test("an environment is of one day: all of it, and never of today and the past", async () => {
    await backdate();
    await build();
    const asOf = await dayAgo(3);
    await buildIn("x", {}, { asOf });
    const only = new Set(["marts.pessoas"]);
    expect((await failureIn("x", {}, { asOf: await dayAgo(2), only })).message).toBe(
      `The environment x shows ${asOf}, and another day is another for all of its models: leave --select out.`,
    );
    expect((await buildIn("x", {}, { only })).asOf).toBe(asOf);
    await buildIn("ana", doubled);
    expect((await failureIn("ana", doubled, { asOf })).message).toContain(
      "The environment ana shows what is landed now: give another name",
    );
  });
});
