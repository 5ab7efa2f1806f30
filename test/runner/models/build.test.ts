import { createHash } from "node:crypto";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { ConfigError } from "../../../runner/errors.ts";
import { checkProject } from "../../../runner/models/check.ts";
import { formatProblem, ModelError } from "../../../runner/models/problem.ts";
import { TestFailure } from "../../../runner/models/test-failure.ts";
import { mart, openPessoas, staging, view } from "./pessoas.ts";

const { pool, build, drop, events, failure, land, project, remove, reset, rows } =
  await openPessoas();
afterAll(drop);
beforeEach(reset);

describe("a build", () => {
  test("publishes tables, views, keys and comments", async () => {
    await build();
    expect(await rows("select pessoa_id, valor from marts.pessoas order by 1")).toEqual([
      { pessoa_id: "1", valor: "10.50" },
      { pessoa_id: "2", valor: "1234.56" },
    ]);
    expect(await rows("select * from marts.vw_soma")).toEqual([
      { total: "1245.06", conta: "acme" },
    ]);
    expect(
      await rows(
        `select obj_description('marts.pessoas'::regclass) as t, col_description('marts.pessoas'::regclass, 4) as c,
           (select count(*)::int from pg_index where indrelid = 'marts.pessoas'::regclass and indisprimary) as keys`,
      ),
    ).toEqual([{ t: "Pessoas publicadas.", c: "quanto vale, em reais", keys: 1 }]);
  });

  test("without changes writes no row and touches no relation", async () => {
    await build();
    const state = () =>
      rows(
        `select relname, pg_class.xmin::text, pg_class.oid::int from pg_class
         where relnamespace in ('marts'::regnamespace, 'marts_pii'::regnamespace) order by relname`,
      );
    const rowState = () => rows("select ctid::text, xmin::text from marts.pessoas order by 1");
    const [before, rowsBefore] = [await state(), await rowState()];
    const { changes } = await build();
    expect(changes).toMatchObject({ added: 0, changed: 0, removed: 0 });
    expect(await state()).toEqual(before);
    expect(await rowState()).toEqual(rowsBefore);
  });

  test("writes exactly the rows that differ", async () => {
    await build();
    await land(1, { nome: "Maria da Silva", valor: "11.00" });
    await land(3, { nome: "Ana", valor: 5 });
    await remove(2);
    const { changes } = await build();
    expect(changes).toMatchObject({ added: 1, changed: 1, removed: 1 });
    expect(await rows("select pessoa_id, valor from marts.pessoas order by 1")).toEqual([
      { pessoa_id: "1", valor: "11.00" },
      { pessoa_id: "3", valor: "5.00" },
    ]);
  });

  test("compares values as they are stored: of types without equality, of scale, of case", async () => {
    await pool.query(`
      create collation if not exists public.sem_caixa
        (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`);
    const odd = {
      "models/marts/estranhos.sql": `-- @key conta, chave_texto
-- @test required(texto)
select
    p.conta,
    (case p.pessoa_id when 1 then left(p.nome, 1) else 'z' end) collate public.sem_caixa as chave_texto,
    json_build_object('valor', p.valor) as documento,
    point(p.valor, 0) as ponto,
    xmlelement(name valor, p.valor) as marca,
    trim_scale(p.valor) * 1.0 as escala,
    p.nome collate public.sem_caixa as texto
from staging.pessoas as p`,
    };
    const one = () =>
      rows(
        "select documento ->> 'valor' as a, ponto[0] as b, marca::text as c, texto::text as d, chave_texto::text as k from marts.estranhos where chave_texto = 'm'",
      );
    await build(odd);
    expect((await build(odd)).changes).toMatchObject({ added: 0, changed: 0, removed: 0 });
    await land(1, { nome: "maria da Silva", valor: "11.50" });
    await build(odd);
    expect(await one()).toEqual([
      { a: "11.50", b: 11.5, c: "<valor>11.50</valor>", d: "maria da Silva", k: "m" },
    ]);
    await build(odd, { fullRefresh: true });
    expect(
      await rows(
        "select model, column_name from elt.changes where model = 'marts.estranhos' order by column_name",
      ),
    ).toEqual(
      ["documento", "escala", "marca", "ponto", "texto"].map((column_name) => ({
        model: "marts.estranhos",
        column_name,
      })),
    );
  });

  test("keeps the views and grants that people put on top of a mart", async () => {
    await build();
    await pool.query(`
      create schema if not exists analista;
      create view analista.minha as select valor from marts.pessoas;
      create view analista.outra as select total from marts.vw_soma;
      grant select on marts.pessoas to public`);
    await land(3, { nome: "Ana", valor: 5 });
    await build({
      "models/marts/pessoas.sql": mart.replace("p.valor from", "p.valor, 1 as novo from"),
      "views/vw_soma.sql": view.replace("sum(p.valor)", "sum(p.valor + 0)"),
    });
    expect(await rows("select count(*)::int as n from analista.minha")).toEqual([{ n: 3 }]);
    expect(await rows("select total::text from analista.outra")).toEqual([{ total: "1250.06" }]);
    expect(await rows("select novo from marts.pessoas limit 1")).toEqual([{ novo: 1 }]);
    expect(
      await rows(
        "select array_to_string(relacl, ' ') like '%=r/%' as granted from pg_class where oid = 'marts.pessoas'::regclass",
      ),
    ).toEqual([{ granted: true }]);
    await pool.query("drop schema analista cascade");
  });

  test("refuses to take a published column away", async () => {
    await build();
    const error = await failure({
      "models/marts/pessoas.sql": mart.replace("p.nome, p.valor", "p.nome, p.valor::text as valor"),
    });
    expect(error.message).toContain(
      "marts.pessoas: column valor is numeric(15,2) and becomes text",
    );
    expect(await rows("select count(*)::int as n from marts.pessoas")).toEqual([{ n: 2 }]);
  });

  test("shows readers the old state until everything is tested, and nothing of a failed one", async () => {
    await build();
    await land(3, { nome: "Ana", valor: 5 });
    const error = await failure({
      "models/marts/pessoas.sql": mart.replace("-- @key ", "-- @test check(valor > 7)\n-- @key "),
    });
    expect(error).toBeInstanceOf(TestFailure);
    expect(error.message).toBe(
      'marts.pessoas: 1 row fails check(valor > 7)\n    {"conta":"acme","valor":5,"pessoa_id":3}',
    );
    expect(await rows("select count(*)::int as n from staging.pessoas")).toEqual([{ n: 2 }]);
    expect(await rows("select count(*)::int as n from marts.pessoas")).toEqual([{ n: 2 }]);
    expect(
      await rows(
        "select failures::int, severity from elt.test_results order by run_id desc, severity limit 1",
      ),
    ).toEqual([{ failures: 1, severity: "error" }]);
  });

  test("reports a warning and publishes", async () => {
    await land(3, { nome: "Ana", valor: "doze" });
    await build();
    expect(events()).toContainEqual({
      type: "test-failed",
      model: "staging.pessoas",
      test: "lossless(valor, valor)",
      severity: "warn",
      failures: 1,
      allowed: 0,
      sample: [{ conta: "acme", chave: "3" }],
      place: "models/staging/pessoas.sql:3:10",
      excerpt: expect.stringContaining("@warn lossless(valor, valor)\n  |          ^"),
    });
  });

  test("stops on a key that is not unique and names it", async () => {
    const error = await failure({
      "models/marts/pessoas.sql": mart.replace("p.pessoa_id,", "1 as pessoa_id,"),
    });
    expect(error.message).toContain("marts.pessoas: 1 row fails key(conta, pessoa_id)");
    expect(error.message).toContain('{"conta":"acme","pessoa_id":1}');
  });

  test("runs every kind of test", async () => {
    await land(3, { nome: null, valor: 5 });
    await land(4, { nome: "João", valor: 5 });
    await build({
      "models/staging/pessoas.sql": `-- @warn required(nome)
-- @warn unique(conta, nome)
-- @warn accepted(nome, João, Ana)
-- @warn references(pessoa_id, staging.outras, chefe_id)
${staging}`,
      "models/staging/outras.sql":
        "-- @key conta\nselect l.conta, 2::bigint as chefe_id from landing.leads_atual as l",
    });
    const failing = events().flatMap((event) =>
      event.type === "test-failed" ? [[event.test, event.failures]] : [],
    );
    expect(failing).toEqual([
      ["required(nome)", 1],
      ["accepted(nome, João, Ana)", 1],
      ["unique(conta, nome)", 2],
      ["references(pessoa_id, staging.outras, chefe_id)", 4],
    ]);
  });
});

describe("errors in models", () => {
  test.each([
    [
      "an unknown column",
      "p.valor from",
      "p.valr from",
      "models/marts/pessoas.sql:5:38: column p.valr does not exist",
      "Perhaps you meant",
    ],
    [
      "a wrong type",
      "p.valor from",
      "p.nome + 1 as valor from",
      "models/marts/pessoas.sql:5:45: operator does not exist",
      "",
    ],
  ])("%s points to the line, in check and in build", async (_, from, to, message, hint) => {
    const changes = { "models/marts/pessoas.sql": mart.replace(from, to) };
    const { problems } = await checkProject(pool, await project(changes));
    const shown = problems.map(formatProblem).join("\n");
    expect(shown).toContain(message);
    expect(shown).toContain(hint);
    expect(shown).toMatch(/\n {2}\| +\^/);
    const error = await failure(changes);
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toContain(message);
  });

  test("are all told in one pass, and check leaves nothing behind", async () => {
    const { problems } = await checkProject(
      pool,
      await project({
        "models/marts/um.sql": "-- @key conta\nselect conta, nada from staging.pessoas",
        "models/marts/dois.sql":
          "-- @key conta\n-- @test check(nada > 1)\nselect conta from staging.pessoas",
        "models/marts/tres.sql": "-- @key conta\nselect conta from marts.quatro",
        "models/marts/cinco.sql": "-- @key conta\nselect conta fro marts.um",
        "models/marts/seis.sql": "-- @key conta\nselect conta from marts.um",
      }),
    );
    expect(problems.map((problem) => `${problem.file}:${problem.position.line}`).sort()).toEqual([
      "models/marts/cinco.sql:2",
      "models/marts/dois.sql:2",
      "models/marts/tres.sql:2",
      "models/marts/um.sql:2",
    ]);
    expect(
      await rows("select nspname from pg_namespace where nspname like 'elt\\_draft%'"),
    ).toEqual([]);
  });

  test("a header that names a column the SELECT does not give is told at its line", async () => {
    const error = await failure({
      "models/marts/pessoas.sql": mart.replace("@column valor", "@column valr"),
    });
    expect(error.message).toContain(
      "models/marts/pessoas.sql:4:12: @column names valr, which the SELECT does not give",
    );
  });
});

describe("a mapping whose csv gets or loses a column", () => {
  const files = (csv: string, columns: string) => ({
    "models/seeds/mapa.csv": csv,
    "models/marts/mapa.sql": `-- @build view\nselect '*'::text as conta, ${columns} from seeds.mapa as m`,
    "models/marts/mapa_guardado.sql": `-- @key conta, a\nselect '*'::text as conta, ${columns} from seeds.mapa as m`,
  });
  const both = () =>
    rows(
      "select to_jsonb(v) as v, to_jsonb(t) as t from marts.mapa as v, marts.mapa_guardado as t",
    );

  test("keeps what reads it, and shows the column at once", async () => {
    await build(files("a\nx\n", "m.a"));
    await pool.query("create view marts.de_alguem as select a from seeds.mapa");
    await build(files("a,b_id\nx,7\n", "m.a, m.b_id"));
    const row = { conta: "*", a: "x", b_id: 7 };
    expect(await both()).toEqual([{ v: row, t: row }]);
    expect(await rows("select * from marts.de_alguem")).toEqual([{ a: "x" }]);
    expect((await build(files("b_id,a\n7,x\n", "m.a, m.b_id"))).changes).toMatchObject({
      changed: 0,
    });
    expect(await both()).toEqual([{ v: row, t: row }]);
  });

  test("names what still reads a column that goes, and says what to do", async () => {
    await build(files("a,b\nx,y\n", "m.a"));
    await pool.query("create view marts.de_alguem as select b from seeds.mapa");
    const error = await failure(files("a\nx\n", "m.a"));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain("models/seeds/mapa.csv no longer has b");
    expect(error.message).toContain("view marts.de_alguem depends on column b");
    await pool.query("drop view marts.de_alguem");
    await build(files("a\nx\n", "m.a"));
    expect(await rows("select * from seeds.mapa")).toEqual([{ a: "x", origem: "padrao" }]);
  });
});

describe("check and build say the same of", () => {
  test.each([
    [
      "a column without a name",
      "models/marts/m.sql",
      "-- @key conta, id\nselect p.conta, p.pessoa_id as id, p.valor * 2 from staging.pessoas as p",
      "models/marts/m.sql:2:1: column 3 of the SELECT has no name",
    ],
    [
      "a view that does not say whose its rows are",
      "views/vw_m.sql",
      "select count(*) as n from marts.pessoas as p",
      "views/vw_m.sql:1:1: a view of marts gives the column conta",
    ],
  ])("%s", async (_, file, text, message) => {
    const { problems } = await checkProject(pool, await project({ [file]: text }));
    expect(problems.map(formatProblem).join("\n")).toContain(message);
    expect((await failure({ [file]: text })).message).toContain(message);
  });
});

test("accepted values may be written as SQL writes them", async () => {
  const files = (values: string) => ({
    "models/marts/pessoas.sql": mart.replace(
      "-- @key ",
      `-- @test accepted(valor, ${values})\n-- @key `,
    ),
  });
  await build(files("10.50, '1234.56'"));
  expect((await failure(files("'10.50'"))).message).toContain("1 row fails");
});

describe("what no index takes is told at the header's line:", () => {
  const long =
    "repeat(md5(p.nome), 1) || (select string_agg(md5(i::text), '') from generate_series(1, 600) as i)";
  test.each([
    [
      "a key that is too long",
      `-- @key conta, k\nselect p.conta, ${long} as k from staging.pessoas as p`,
      "models/marts/m.sql:1:9: @key conta, k: a value is longer than an index takes",
    ],
    [
      "an index of it",
      `-- @key conta, id\n-- @index k\nselect p.conta, p.pessoa_id as id, ${long} as k from staging.pessoas as p`,
      "models/marts/m.sql:2:11: @index k: a value is longer than an index takes",
    ],
    [
      "a type without order",
      "-- @key conta, k\nselect p.conta, point(p.pessoa_id, 0) as k from staging.pessoas as p",
      "models/marts/m.sql:1:9: @key conta, k: data type point has no default operator class",
    ],
  ])("%s", async (_, text, message) => {
    const error = await failure({ "models/marts/m.sql": text });
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toContain(message);
  });

  test("also of rows that come later", async () => {
    const files = {
      "models/marts/m.sql": "-- @key conta, nome\nselect p.conta, p.nome from staging.pessoas as p",
      "models/marts/pessoas.sql":
        "-- @key conta, pessoa_id\nselect p.conta, p.pessoa_id, p.valor from staging.pessoas as p",
    };
    await build(files);
    const hashes = Array.from({ length: 300 }, (_, i) => createHash("md5").update(String(i)));
    const nome = hashes.map((hash) => hash.digest("hex")).join("");
    await land(1, { nome, valor: "1" });
    const error = await failure(files);
    expect(error.message).toContain("@key conta, nome: a value is longer than an index takes");
  });
});

test("what a function raises in its own words is told without them", async () => {
  await pool.query(`
    create schema if not exists analista;
    create or replace function analista.teimosa(x text) returns text language plpgsql as
      $$begin raise exception 'nada serve: %', x; end$$`);
  const error = await failure({
    "models/marts/pessoas.sql": mart.replace("p.nome,", "analista.teimosa(p.nome) as nome,"),
  });
  expect(error).toBeInstanceOf(ModelError);
  expect(error.message).toContain("analista.teimosa(text) raised an error of its own");
  expect(error.message).not.toMatch(/Maria|João/);
  expect(
    await rows("select string_agg(format('%s', r), '') as all from elt.model_results as r"),
  ).toEqual([{ all: expect.not.stringMatching(/Maria|João/) }]);
});

test("a relation whose file is gone is told of, not dropped", async () => {
  await build({
    "models/marts/extra.sql": "-- @key conta\nselect distinct conta from marts.pessoas",
  });
  await build();
  expect(events()).toContainEqual({
    type: "warning",
    message: expect.stringContaining("marts.extra still stand"),
  });
  expect(await rows("select conta from marts.extra")).toEqual([{ conta: "acme" }]);
});

test("an account whose object was never read whole is told of", async () => {
  await pool.query(
    "insert into elt.loads (conta, objeto, mode, verdict) values ('acme', 'reservas', 'full', 'failed'), ('acme', 'demandas', 'full', 'failed'), ('acme', 'demandas', 'full', 'proven')",
  );
  await build();
  expect(events()).toContainEqual({
    type: "warning",
    message: expect.stringContaining("incomplete: acme: reservas. Run"),
  });
});
