import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { dropEnvironment } from "../../../runner/environments/drop-environment.ts";
import { listEnvironments } from "../../../runner/environments/list-environments.ts";
import { seeEnvironment } from "../../../runner/environments/see-environment.ts";
import { testEnvironment } from "../../../runner/environments/test-environment.ts";
import { findModel } from "../../../runner/models/selection.ts";
import { showModel } from "../../../runner/models/show-model.ts";
import { TestFailure } from "../../../runner/models/test-failure.ts";
import { startRun } from "../../../runner/run-record.ts";
import { mart, staging, view } from "../models/pessoas.ts";
import { databasePrint } from "./database-print.ts";
import { cents, doubled, openPessoasEnvironments, withSeed } from "./pessoas-environments.ts";

const {
  build,
  buildIn,
  drop,
  dropEnvironments,
  failureIn,
  pool,
  project,
  relationsOf,
  reset,
  rows,
  warnings,
} = await openPessoasEnvironments();
afterAll(drop);
beforeEach(reset);
afterEach(dropEnvironments);

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
