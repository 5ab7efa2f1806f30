import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { BuildResult } from "../../../../runner/models/build.ts";
import { mart, openPessoas, staging, view } from "../pessoas.ts";

const { pool, build, drop, events, failure, land, remove, reset, rows } = await openPessoas();
afterAll(drop);
beforeEach(reset);

const modes = ({ models }: BuildResult) =>
  Object.fromEntries(models.map(({ model, mode }) => [model.split(".")[1] ?? "", mode]));
const modesOf = (result: BuildResult, stage: string) =>
  result.models.find(({ model }) => model === `${stage}.pessoas`)?.mode;

/** Enough people that a few of them are a small share. */
async function landMany(): Promise<void> {
  for (let id = 10; id < 40; id++) await land(id, { nome: `Pessoa ${id}`, valor: id });
}

describe("a build without changes", () => {
  test("asks for no table at all", async () => {
    await build();
    const other = await pool.connect();
    try {
      await other.query("begin");
      await other.query(
        "lock table staging.pessoas, marts.pessoas, marts_pii.pessoas, landing.demandas",
      );
      const result = await build();
      expect(new Set(result.models.map(({ mode }) => mode))).toEqual(new Set(["unchanged"]));
      expect(result.tests).toEqual([]);
    } finally {
      await other.query("rollback");
      other.release();
    }
  });
});

describe("what is computed", () => {
  test("is the keys that changed, and why it is more is told", async () => {
    await landMany();
    const first = await build();
    expect([modesOf(first, "staging"), modesOf(first, "marts")]).toEqual(["first", "first"]);
    await land(1, { nome: "Maria", valor: "11" });
    const second = await build();
    expect([modesOf(second, "staging"), modesOf(second, "marts")]).toEqual([
      "incremental",
      "incremental",
    ]);
    expect(second.changes).toMatchObject({ added: 0, changed: 1, removed: 0 });
    const full = await build({}, { fullRefresh: true });
    expect(
      full.models.filter(({ mode }) => mode === "whole").map(({ because }) => because),
    ).toEqual(["--full-refresh", "--full-refresh"]);
    expect(full.changes).toMatchObject({ added: 0, changed: 0, removed: 0 });
    for (let id = 10; id < 25; id++) await land(id, { nome: "outro", valor: 1 });
    const many = await build();
    expect(many.models.find(({ model }) => model === "staging.pessoas")).toMatchObject({
      mode: "whole",
      because: "15 keys changed",
    });
  });

  test("is nothing where only columns changed that a model does not look at", async () => {
    await landMany();
    const soma =
      "-- @key conta\nselect p.conta, sum(p.valor)::numeric(18, 2) as total from staging.pessoas as p group by p.conta";
    await build({ "models/marts/soma.sql": soma });
    await land(1, { nome: "Outro Nome", valor: "10.50" });
    expect(modes(await build({ "models/marts/soma.sql": soma }))).toMatchObject({
      soma: "unchanged",
      pessoas: "incremental",
    });
    await land(1, { nome: "Outro Nome", valor: "10.51" });
    expect(modes(await build({ "models/marts/soma.sql": soma })).soma).toBe("whole");
    expect(await rows("select total - 1234.56 as t from marts.soma")).toMatchObject([{}]);
  });

  test("is all of a model whose text, mapping, function or inputs' columns changed", async () => {
    const files = {
      "models/seeds/mapa.csv": "conta,fator\n*,2\n",
      "models/marts/m.sql":
        "-- @key conta, pessoa_id\nselect p.conta, p.pessoa_id, elt.fator_de_teste(m.fator) * p.valor as valor from staging.pessoas as p cross join seeds.mapa as m",
    };
    const define = (body: string) =>
      pool.query(
        `create or replace function elt.fator_de_teste(value text) returns numeric
         language sql immutable parallel safe return ${body}`,
      );
    await define("value::numeric");
    await landMany();
    await build(files);
    const mode = async (changes: Readonly<Record<string, string>>) =>
      (await build({ ...files, ...changes })).models.find(({ model }) => model === "marts.m");
    expect(await mode({})).toMatchObject({ mode: "unchanged" });
    expect(await mode({ "models/seeds/mapa.csv": "conta,fator\n*,3\n" })).toMatchObject({
      mode: "whole",
      because: "seeds.mapa changed",
    });
    expect(
      await mode({ "models/marts/m.sql": `${files["models/marts/m.sql"]} where true` }),
    ).toMatchObject({
      mode: "whole",
    });
    await define("value::numeric * 10");
    expect(await mode({})).toMatchObject({
      mode: "whole",
      because: "its text, or a function or view that it uses, changed",
    });
    const wider = staging.replace("as valor", "as valor, 1 as novo");
    expect(await mode({ "models/staging/pessoas.sql": wider })).toMatchObject({
      because: "staging.pessoas has other columns than before",
    });
  });

  test("is nothing when only the header changed, but comments, indexes and tests follow it", async () => {
    await build();
    const headed = mart
      .replace("Pessoas publicadas.", "Outra descrição.")
      .replace("-- @key ", "-- @index valor\n-- @warn check(valor > 1000)\n-- @key ");
    const result = await build({ "models/marts/pessoas.sql": headed });
    expect(modesOf(result, "marts")).toBe("unchanged");
    expect(
      await rows(
        `select obj_description('marts.pessoas'::regclass) as text,
           (select count(*)::int from pg_index where indrelid = 'marts.pessoas'::regclass) as indexes`,
      ),
    ).toEqual([{ text: "Outra descrição.", indexes: 2 }]);
    expect(result.tests).toMatchObject([{ test: "check(valor > 1000)", failures: 1 }]);
  });

  test("follows the date where a model asks for it, and the moment at every build", async () => {
    const files = {
      "models/marts/dia.sql":
        "-- @key conta, pessoa_id\nselect p.conta, p.pessoa_id, elt.hoje() as dia from staging.pessoas as p",
      "models/marts/escrito.sql":
        "-- @key conta, pessoa_id\nselect p.conta, p.pessoa_id, (now() at time zone 'America/Sao_Paulo')::date as dia from staging.pessoas as p",
      "models/marts/momento.sql":
        "-- @key conta, pessoa_id\nselect p.conta, p.pessoa_id, now() as agora from staging.pessoas as p",
    };
    await build(files);
    expect(modes(await build(files))).toMatchObject({
      dia: "unchanged",
      escrito: "unchanged",
      momento: "whole",
    });
    await pool.query("update elt.relations set day = '2020-01-01'");
    const result = await build(files);
    expect(modes(result)).toMatchObject({ dia: "whole", escrito: "whole", pessoas: "unchanged" });
  });

  test("is all of it when a build without the model came between", async () => {
    await landMany();
    await build();
    await land(1, { nome: "Maria", valor: "11" });
    await build({}, { only: new Set(["staging.pessoas"]) });
    await land(2, { nome: "João", valor: "12" });
    const result = await build();
    expect(result.models.find(({ model }) => model === "marts.pessoas")).toMatchObject({
      mode: "whole",
      because: "staging.pessoas changed in a build without it",
    });
    expect(
      await rows("select valor from marts.pessoas where pessoa_id in (1, 2) order by 1"),
    ).toEqual([{ valor: "11.00" }, { valor: "12.00" }]);
  });

  test("reads a view as its file says, before readers see it", async () => {
    const files = {
      "models/staging/vista.sql":
        "-- @build view\nselect l.conta, l.chave from landing.demandas_atual as l",
      "models/marts/m.sql": "-- @key conta, chave\nselect v.conta, v.chave from staging.vista as v",
    };
    await build(files);
    await land(3, { nome: "Ana" });
    expect(modes(await build(files)).m).toBe("whole");
    expect(await rows("select count(*)::int as n from marts.m")).toEqual([{ n: 3 }]);
    const narrower = `${files["models/staging/vista.sql"]} where l.chave <> '3'`;
    expect(modes(await build({ ...files, "models/staging/vista.sql": narrower })).m).toBe("whole");
    expect(await rows("select count(*)::int as n from marts.m")).toEqual([{ n: 2 }]);
    expect(await rows("select nspname from pg_namespace where nspname like 'elt\\_next%'")).toEqual(
      [],
    );
  });
});

describe("loads", () => {
  test("that end after the build that saw them begin are looked at by the next", async () => {
    await build();
    const { rows: loads } = await pool.query(
      "insert into elt.loads (conta, objeto, mode) values ('acme', 'demandas', 'full') returning load_id",
    );
    const add = (id: number) =>
      pool.query(
        `insert into landing.demandas (conta, chave, load_id, seq, hash, payload)
         values ('acme', $1::text, $2, 1, gen_random_uuid(), jsonb_build_object('id', $1::int, 'valor', 1))`,
        [id, loads[0].load_id],
      );
    await add(50);
    await build();
    await add(51);
    await build();
    await add(52);
    await pool.query("update elt.loads set verdict = 'proven'");
    await build();
    expect(
      await rows("select pessoa_id::int as id from marts.pessoas where pessoa_id >= 50 order by 1"),
    ).toEqual([{ id: 50 }, { id: 51 }, { id: 52 }]);
    expect(modesOf(await build(), "staging")).toBe("unchanged");
  });

  test("that two accounts commit out of order are both seen, whatever their numbers", async () => {
    await build();
    const slow = await pool.connect();
    try {
      await slow.query("begin");
      await slow.query(
        `with load as (
           insert into elt.loads (conta, objeto, mode, verdict) values ('beta', 'demandas', 'full', 'proven')
           returning load_id
         )
         insert into landing.demandas (conta, chave, load_id, seq, hash, payload)
         select 'beta', '7', load_id, 1, gen_random_uuid(), '{"id": 7, "valor": 7}' from load`,
      );
      await land(8, { nome: "Ana", valor: 8 });
      await build();
      expect(await rows("select conta from marts.pessoas where pessoa_id in (7, 8)")).toEqual([
        { conta: "acme" },
      ]);
      await slow.query("commit");
    } finally {
      slow.release();
    }
    await build();
    expect(
      await rows("select conta from marts.pessoas where pessoa_id in (7, 8) order by 1"),
    ).toEqual([{ conta: "acme" }, { conta: "beta" }]);
  });

  test("take records away and bring them back", async () => {
    await build();
    await remove(2);
    await build();
    expect(await rows("select pessoa_id::int as id from marts.pessoas")).toEqual([{ id: 1 }]);
    const { rows: loads } = await pool.query(
      "insert into elt.loads (conta, objeto, mode, verdict) values ('acme', 'demandas', 'full', 'proven') returning load_id",
    );
    await pool.query("update landing.demandas set removed_at = null");
    await pool.query("update elt.removals set returned_in = $1, returned_at = now()", [
      loads[0].load_id,
    ]);
    await build();
    expect(await rows("select count(*)::int as n from marts.pessoas")).toEqual([{ n: 2 }]);
  });
});

describe("a table that is not as a build left it", () => {
  test.each([
    ["its clear values are gone", "drop table marts_pii.pessoas", "marts"],
    ["its key is gone", "alter table marts.pessoas drop constraint pessoas_pkey", "marts"],
    [
      "the key of its clear values is",
      "alter table marts_pii.pessoas drop constraint pessoas_pkey",
      "marts",
    ],
    [
      "a column was added to what it reads",
      "alter table staging.pessoas add column nota text",
      "staging",
    ],
    [
      "a column was retyped",
      "alter table staging.pessoas alter column pessoa_id type numeric",
      "staging",
    ],
  ] as const)("is computed whole, and has all its rows: %s", async (_, change, schema) => {
    await landMany();
    await build();
    const count = () =>
      rows(`
        select (select count(*) from staging.pessoas)::int as staging,
          (select count(*) from marts.pessoas)::int as marts,
          (select count(*) from marts_pii.pessoas)::int as pii,
          (select sum(total) from marts.vw_soma) as soma`);
    const [before] = await count();
    await pool.query("drop view marts.vw_soma");
    await pool.query(change);
    await land(1, { nome: "Mara Lima", valor: "11.50" });
    const result = await build();
    expect(modesOf(result, schema)).toContain("whole");
    expect(await count()).toEqual([{ ...before, soma: (Number(before?.soma) + 1).toFixed(2) }]);
    expect(await rows("select nome from marts_pii.pessoas where pessoa_id = 1")).toEqual([
      { nome: "Mara Lima" },
    ]);
  });
});

describe("tests", () => {
  test("look at the rows that changed, and at those that point at what is gone", async () => {
    const files = {
      "models/marts/filhos.sql": `-- @key conta, chave
-- @test references(pessoa_id, marts.pessoas)
-- @warn check(valor < 100)
select p.conta, p.chave, p.pessoa_id, p.valor from staging.pessoas as p`,
    };
    await landMany();
    await build(files);
    await land(1, { nome: "Maria", valor: "500" });
    const { tests } = await build(files);
    // João's 1.234,56 was told of by the first build.
    expect(tests.filter(({ failures }) => failures > 0)).toMatchObject([
      { test: "check(valor < 100)", failures: 1 },
    ]);
    const error = await failure({
      ...files,
      "models/marts/pessoas.sql": `${mart} where p.pessoa_id <> 2`,
    });
    expect(error.message).toContain(
      'marts.filhos: 1 row fails references(pessoa_id, marts.pessoas)\n    {"chave":"2"',
    );
    expect(await rows("select count(*)::int as n from marts.pessoas where pessoa_id = 2")).toEqual([
      { n: 1 },
    ]);
  });

  test("find a value that a cast lost though the row is as it was", async () => {
    await landMany();
    await land(5, { nome: "Ana", valor: "" });
    await build();
    await land(5, { nome: "Ana", valor: "cinco" });
    const result = await build();
    expect(modesOf(result, "staging")).toBe("incremental");
    expect(result.changes).toMatchObject({ added: 0, changed: 0, removed: 0 });
    expect(events()).toContainEqual(
      expect.objectContaining({ test: "lossless(valor, valor)", failures: 1 }),
    );
  });

  test("count all rows where some may fail, and all rows that share a value", async () => {
    const files = {
      "models/marts/pessoas.sql": mart.replace(
        "-- @key ",
        "-- @test check(valor > 1) > 1 rows\n-- @warn unique(valor)\n-- @key ",
      ),
    };
    await landMany();
    await land(5, { nome: "Ana", valor: "0.5" });
    await build(files);
    await land(1, { nome: "Maria", valor: "10" });
    const { tests } = await build(files);
    expect(tests.find(({ test: label }) => label === "unique(valor)")).toMatchObject({
      failures: 2,
    });
    await land(6, { nome: "Rui", valor: "0.6" });
    const error = await failure(files);
    expect(error.message).toContain("2 rows fail check(valor > 1) > 1 rows");
  });
});

describe("elt.changes", () => {
  const changes = () =>
    rows(
      `select model, key ->> 'pessoa_id' as id, action, column_name, old, new
       from elt.changes order by action desc, column_name, change_id`,
    );

  test("remembers each cell, and each row that came or went, without personal values", async () => {
    await landMany();
    await build();
    expect(await changes()).toEqual([]);
    await land(1, { nome: "Mário dos Santos", valor: "11" });
    await land(3, { nome: "Ana", valor: 5 });
    await remove(2);
    const { publicationId } = await build();
    expect(Number(publicationId)).toBeGreaterThan(0);
    const of = (id: string) => ({ model: "marts.pessoas", id });
    expect(await changes()).toEqual([
      { ...of("2"), action: "removed", column_name: null, old: { valor: 1234.56 }, new: null },
      { ...of("1"), action: "changed", column_name: "nome", old: null, new: null },
      { ...of("1"), action: "changed", column_name: "valor", old: 10.5, new: 11 },
      { ...of("3"), action: "added", column_name: null, old: null, new: { valor: 5 } },
    ]);
    expect(
      await rows(
        "select distinct run_id = (select max(run_id) from elt.runs) as last from elt.changes",
      ),
    ).toEqual([{ last: true }]);
  });

  test("lets go of what is older than asked for", async () => {
    await build();
    await land(1, { nome: "Maria da Silva", valor: "11" });
    await build();
    await pool.query("update elt.changes set changed_at = now() - interval '91 days'");
    await land(1, { nome: "Maria da Silva", valor: "12" });
    await build();
    expect((await changes()).map((change) => change.new)).toEqual([12]);
    await land(1, { nome: "Maria da Silva", valor: "13" });
    await build({}, { keepChangesDays: 0 });
    expect((await changes()).map((change) => change.new)).toEqual([13]);
  });

  test("keeps nothing of a build that failed", async () => {
    await build();
    await land(1, { nome: "Maria da Silva", valor: "11" });
    await failure({
      "views/vw_soma.sql": view.replace("-- Soma.", "-- Soma.\n-- @test check(total > 99999)"),
    });
    expect(await changes()).toEqual([]);
    await build();
    expect(await changes()).toHaveLength(1);
  });
});
