import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  buildEnvironment,
  type EnvironmentReport,
  type EnvironmentRequest,
} from "../../../runner/environments/build-environment.ts";
import { dropEnvironment } from "../../../runner/environments/drop-environment.ts";
import { listEnvironments } from "../../../runner/environments/list-environments.ts";
import { seeEnvironment } from "../../../runner/environments/see-environment.ts";
import { testEnvironment } from "../../../runner/environments/test-environment.ts";
import { ConfigError } from "../../../runner/errors.ts";
import type { BuildEvent } from "../../../runner/events.ts";
import { findModel } from "../../../runner/models/selection.ts";
import { showModel } from "../../../runner/models/show-model.ts";
import { TestFailure } from "../../../runner/models/test-failure.ts";
import { startRun } from "../../../runner/run-record.ts";
import { mart, openPessoas, staging, view } from "../models/pessoas.ts";
import { databasePrint } from "./database-print.ts";

const { pool, build, drop, land, project, remove, reset, rows } = await openPessoas();
afterAll(drop);
beforeEach(reset);
afterEach(async () => {
  const { rows: left } = await pool.query("select name from elt.environments");
  for (const { name } of left) await dropEnvironment(pool, name);
});

let events: BuildEvent[] = [];

type Files = Readonly<Record<string, string>>;

async function buildIn(
  name: string,
  changes: Files = {},
  request: Partial<EnvironmentRequest> = {},
): Promise<EnvironmentReport> {
  events = [];
  const runId = await startRun(pool, { command: "env build", conta: null });
  const context = { pool, runId, emit: (event: BuildEvent) => events.push(event) };
  return buildEnvironment(context, await project(changes), { name, end: "commit", ...request });
}

const failureIn = (...call: Parameters<typeof buildIn>): Promise<Error> =>
  buildIn(...call).then(
    () => Promise.reject(new Error("the build did not fail")),
    (error: Error) => error,
  );
const modes = ({ models }: EnvironmentReport) =>
  Object.fromEntries(models.map(({ model, mode }) => [model, mode]));
const relationsOf = async (name: string) =>
  (
    await rows(`
      select format('%s.%s', nspname, relname) as name
      from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace
      where nspname like '${name}\\_%' and relkind in ('r', 'v') order by 1`)
  ).map((row) => row.name);
const warnings = () => events.flatMap((event) => (event.type === "warning" ? [event.message] : []));

const doubled = {
  "models/marts/pessoas.sql": mart.replace("p.valor from", "p.valor * 2 as valor from"),
};
const cents = {
  "models/staging/pessoas.sql": staging.replace(
    "elt.as_money(l.payload ->> 'valor')::numeric(15, 2) as valor",
    "(elt.as_money(l.payload ->> 'valor') * 100)::numeric(15, 2) as valor",
  ),
};
const seed = { "models/seeds/fatores.csv": "conta,fator\n*,2\n" };
const withSeed = {
  ...seed,
  "models/marts/pesos.sql":
    "-- @key conta\n-- @test references(conta, marts.pessoas)\nselect p.conta, (sum(p.valor) * max(f.fator::numeric))::numeric(15, 2) as peso from marts.pessoas as p cross join seeds.fatores as f group by p.conta",
};

describe("what is built", () => {
  test("is what differs and all that reads it; the rest is read where it is published", async () => {
    await build(withSeed);
    const before = await databasePrint(pool, "ana");
    const report = await buildIn("ana", { ...withSeed, ...doubled });
    expect(modes(report)).toEqual({
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
    expect(modes(report)).toEqual({ "ana_marts.pessoas": "first" });
    expect(report.tables).toMatchObject([{ status: "compared", added: 0, changed: 0, removed: 0 }]);
  });

  test("is a mapping of other rows, and what reads it", async () => {
    await build(withSeed);
    const report = await buildIn("ana", {
      ...withSeed,
      "models/seeds/fatores.csv": "conta,fator\n*,10\n",
    });
    expect(modes(report)).toEqual({ "ana_seeds.fatores": "seed", "ana_marts.pesos": "first" });
    expect(await rows("select peso from ana_marts.pesos")).toEqual([{ peso: "12450.60" }]);
    expect(await rows("select fator from seeds.fatores")).toEqual([{ fator: "2" }]);
  });

  test("is everything where nothing was ever published", async () => {
    const report = await buildIn("ana");
    expect(Object.keys(modes(report))).toEqual([
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
    expect(modes(report)).toEqual({ "ana_marts.novo": "first" });
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
    expect(new Set(Object.values(modes(await buildIn("ana", files))))).toEqual(
      new Set(["unchanged"]),
    );

    const factor = { ...files, "models/seeds/fatores.csv": "conta,fator\n*,3\n" };
    expect(modes(await buildIn("ana", factor))).toEqual({
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
    expect(modes(await buildIn("ana", factor, { fullRefresh: true }))).toMatchObject({
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
    expect(modes(await buildIn("ana", files))).toEqual({ "ana_marts.novo": "whole" });
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

  test("computes again what was read from landing before a person was forgotten", async () => {
    await build();
    await buildIn("ana", cents);
    await pool.query("update landing.demandas set payload = payload || '{\"nome\": null}'");
    await pool.query("insert into elt.forgotten (receipt) values ('{}')");
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

describe("what goes wrong", () => {
  test("a failing test leaves the environment as it was and its rows in the record", async () => {
    await build();
    await buildIn("ana", doubled);
    const failing = {
      "models/marts/pessoas.sql": mart
        .replace("p.valor from", "p.valor * 3 as valor from")
        .replace("-- @pii", "-- @test check(valor < 100)\n-- @pii"),
    };
    const error = await failureIn("ana", failing);
    expect(error).toBeInstanceOf(TestFailure);
    expect(await rows("select total from ana_marts.vw_soma")).toEqual([{ total: "2490.12" }]);
    expect(
      await rows("select model, failures::int from elt.failing_rows order by run_id desc limit 1"),
    ).toEqual([{ model: "ana_marts.pessoas", failures: 1 }]);
  });

  test("a wrong model points into its file, where it reads the environment, too", async () => {
    await build();
    const error = await failureIn("ana", {
      ...doubled,
      "models/marts/soma.sql":
        "-- @key conta\nselect p.conta, sum(p.vallor) as s from marts.pessoas as p group by p.conta",
    });
    expect(error.message).toContain("models/marts/soma.sql:2:21: column p.vallor does not exist");
    expect(await listEnvironments(pool)).toEqual([]);
  });

  test("a record that a cast refuses is looked for where the model read it", async () => {
    await build();
    const error = await failureIn("ana", {
      "models/staging/pessoas.sql": staging.replace(
        "l.payload ->> 'nome' as nome",
        "case when l.chave = '2' then 'n.d.' else l.chave end as nome",
      ),
      "models/marts/soma.sql":
        "-- @key conta, pessoa_id\nselect p.conta, p.pessoa_id, p.nome::integer as numero from staging.pessoas as p",
    });
    expect(error.message).toContain("models/marts/soma.sql:2:");
    expect(error.message).toContain('p.nome holds a text like "a.a." at conta acme, chave 2');
  });

  test("a key that is not unique stops it, at first and later", async () => {
    await build();
    const twice = { "models/marts/pessoas.sql": `${mart} cross join (values (1), (2)) as two` };
    expect((await failureIn("ana", twice)).message).toContain("key(conta, pessoa_id)");
    await buildIn("ana", { "models/marts/pessoas.sql": `${mart} where p.pessoa_id > 0` });
    expect((await failureIn("ana", twice)).message).toContain("key(conta, pessoa_id)");
  });

  test("a connection that dies leaves what is published and the environment as they were", async () => {
    await build();
    await buildIn("ana", doubled);
    const before = await databasePrint(pool);
    const blocker = await pool.connect();
    try {
      await blocker.query("begin; lock table staging.pessoas in access exclusive mode");
      const dying = failureIn("ana", {
        "models/marts/antes.sql": "-- @key conta\nselect distinct c.conta from marts.vw_soma as c",
        "models/marts/pessoas.sql": mart.replace("p.valor from", "p.valor * 5 as valor from"),
      });
      let waiting: { pid: number } | undefined;
      while (waiting === undefined) {
        const { rows: found } = await blocker.query(
          "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        );
        waiting = found[0];
      }
      await blocker.query("select pg_terminate_backend($1)", [waiting.pid]);
      expect((await dying).message).toMatch(/terminat/);
    } finally {
      await blocker.query("rollback");
      blocker.release();
    }
    expect(await databasePrint(pool)).toEqual(before);
  });

  test("names that cannot be are refused with a sentence", async () => {
    await build();
    await pool.query("create schema bia_marts");
    const messages = await Promise.all(
      ["bia"].map(async (name) => (await failureIn(name, doubled)).message),
    );
    expect(messages).toEqual([
      "The environment bia would need schema bia_marts, which stands in this database and is not an environment's: choose another name.",
    ]);
    await pool.query("drop schema bia_marts");
  });
});

describe("side by side", () => {
  test("two environments and a build of what is published do not touch each other", async () => {
    await build(withSeed);
    const beforeAll = await databasePrint(pool, "ana", "bia");
    await Promise.all([
      buildIn("ana", { ...withSeed, ...doubled }),
      buildIn("bia", { ...withSeed, ...cents }),
    ]);
    expect(await databasePrint(pool, "ana", "bia")).toEqual(beforeAll);
    expect(await rows("select total from ana_marts.vw_soma")).toEqual([{ total: "2490.12" }]);
    expect(await rows("select total from bia_marts.vw_soma")).toEqual([{ total: "124506.00" }]);
    const bia = await databasePrint(pool, "ana", "no");
    await Promise.all([
      buildIn("ana", {
        ...withSeed,
        "models/marts/pessoas.sql": mart.replace("p.valor from", "p.valor * 7 as valor from"),
      }),
      build(withSeed),
    ]);
    const after = await databasePrint(pool, "ana", "no");
    const ofBia = (print: Readonly<Record<string, string>>) =>
      Object.entries(print).filter(([name]) => name.startsWith("bia_"));
    expect(ofBia(after)).toEqual(ofBia(bia));
    expect(await rows("select total from marts.vw_soma")).toEqual([{ total: "1245.06" }]);
    expect(await rows("select total from ana_marts.vw_soma")).toEqual([{ total: "8715.42" }]);
  });

  test("nothing of an environment stands in the way of other columns of what is published", async () => {
    const ownView = { "views/vw_soma.sql": view.replace("sum(p.valor)", "sum(p.valor) + 1") };
    await build();
    await buildIn("ana", ownView);
    const other = {
      "models/marts/pessoas.sql": mart.replace("p.nome, p.valor", "p.nome, p.valor::text as valor"),
      "views/vw_soma.sql": view.replace("p.valor", "p.valor::numeric"),
    };
    await build(other, { allowDestructive: true });
    expect(await rows("select total from ana_marts.vw_soma")).toEqual([{ total: "1246.06" }]);
    expect(await rows("select total from marts.vw_soma")).toEqual([{ total: "1245.06" }]);
    expect(
      await rows(
        "select format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = 'marts.pessoas'::regclass and attname = 'valor'",
      ),
    ).toEqual([{ type: "text" }]);
  });
});

describe("drop", () => {
  test("takes what the environment made, and nothing else", async () => {
    await build();
    const before = await databasePrint(pool);
    await buildIn("ana", doubled);
    await buildIn("ana_2", cents);
    expect([...(await dropEnvironment(pool, "ana"))].sort()).toEqual([
      "ana_marts",
      "ana_marts_pii",
    ]);
    expect(await relationsOf("ana_2")).toHaveLength(4);
    await dropEnvironment(pool, "ana_2");
    expect(await databasePrint(pool)).toEqual(before);
    expect(await rows("select nspname from pg_namespace where nspname like 'ana%'")).toEqual([]);
  });

  test("names what somebody else put on its tables or into its schemas, and leaves all", async () => {
    await build();
    await buildIn("ana", doubled);
    const message = () =>
      dropEnvironment(pool, "ana").then(
        () => "dropped",
        (error: Error) => error.message,
      );
    await pool.query("create view public.minha as select * from ana_marts.pessoas");
    expect(await message()).toBe(
      "The environment ana was not dropped, since view minha depends on table ana_marts.pessoas. Drop that first: only what an environment made goes with it.",
    );
    expect(
      (
        await failureIn("ana", {
          "models/marts/pessoas.sql": mart
            .replace("p.nome, ", "")
            .replace("-- @pii    nome nome\n", ""),
        })
      ).message,
    ).toContain("view minha depends on table ana_marts.pessoas");
    await buildIn("ana");
    expect(warnings().join()).toContain("view minha depends on table ana_marts.pessoas");
    expect(await rows("select count(*)::int as n from public.minha")).toEqual([{ n: 2 }]);
    await pool.query("drop view public.minha; create table ana_marts.rascunho ()");
    expect(await message()).toContain(
      "since table ana_marts.rascunho depends on schema ana_marts.",
    );
    await pool.query("drop table ana_marts.rascunho");
    expect(await message()).toBe("dropped");
  });

  test("of an environment that is not there names those that are", async () => {
    await build();
    await buildIn("ana", doubled);
    await expect(dropEnvironment(pool, "anna")).rejects.toThrow(
      "There is no environment anna: did you mean ana.",
    );
  });
});

describe("show and test", () => {
  test("read the environment's tables, and files that changed since from their files", async () => {
    await build();
    await buildIn("ana", doubled);
    const files = {
      ...doubled,
      "models/marts/novo.sql": "-- @key conta\nselect v.conta, v.total from marts.vw_soma as v",
    };
    const opened = await project(files);
    const { environment, ...seen } = await seeEnvironment(pool, opened, "ana");
    const built = { ...seen, asOf: environment.asOf };
    const shown = (name: string, built_?: typeof built) =>
      showModel(pool, opened, findModel(opened, name), { limit: 5, built: built_ });
    expect((await shown("novo", built)).rows).toEqual([["acme", "2490.12"]]);
    expect((await shown("novo", built)).fromFiles).toEqual([]);
    expect((await shown("novo")).fromFiles).toEqual(["marts.pessoas", "marts.vw_soma"]);
    expect((await shown("pessoas", built)).rows[0]).toEqual(["acme", "1", "M. d. S.", "21.00"]);
  });

  test("run the tests of what stands there", async () => {
    await build();
    await buildIn("ana", doubled);
    await pool.query("update ana_marts.pessoas set valor = null where pessoa_id = 1");
    const runId = await startRun(pool, { command: "env test", conta: null });
    const context = { pool, runId, emit: () => {} };
    const files = {
      "models/marts/pessoas.sql": mart.replace("-- @pii", "-- @test required(valor)\n-- @pii"),
      "models/tests/negativa.sql":
        "-- @warn\nselect p.conta, p.pessoa_id from marts.pessoas as p where p.valor is null",
    };
    await expect(testEnvironment(context, await project(files), { name: "ana" })).rejects.toThrow(
      "marts.pessoas: 1 row fails required(valor)",
    );
    expect(
      await rows(
        `select model, failures::int from elt.test_results where run_id = ${runId} order by model`,
      ),
    ).toEqual([
      { model: "ana_marts.pessoas", failures: 1 },
      { model: "ana_tests", failures: 1 },
    ]);
  });
});
