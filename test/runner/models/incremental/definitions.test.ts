import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { InfrastructureError } from "../../../../runner/errors.ts";
import { ModelError } from "../../../../runner/models/problem.ts";
import { withLockTimeout } from "../../../../runner/models/with-lock-timeout.ts";
import { mart, openPessoas, view } from "../pessoas.ts";

const { pool, build, drop, events, failure, land, reset, rows } = await openPessoas();
afterAll(drop);
beforeEach(async () => {
  await pool.query("drop schema if exists analista cascade");
  await reset();
  await build();
});

const withMart = (from: string, to: string) => ({
  "models/marts/pessoas.sql": mart.replace(from, to),
});
/** Another column before one that is published: the table is made anew. */
const reordered = withMart("p.nome, p.valor", "p.valor * 2 as dobro, p.nome, p.valor");

/** Everything that people may put on a mart and on views of it. */
async function buildOnTop(): Promise<void> {
  await pool.query(`
    do $$ begin
      create role ana nologin;
    exception when duplicate_object then null;
    end $$;
    create schema analista;
    grant usage on schema analista to ana;
    create view analista.base with (security_barrier) as select pessoa_id, valor from marts.pessoas;
    create view analista.cima as select sum(b.valor) as total from analista.base as b;
    create view analista.kpi as select total from marts.vw_soma;
    create materialized view analista.guardada as select * from analista.cima;
    create unique index on analista.guardada (total);
    comment on view analista.base is 'base da ana';
    comment on column analista.base.valor is 'quanto';
    grant select on analista.base to ana with grant option;
    grant select (total) on analista.cima to public;
    alter view analista.cima owner to ana;
    grant select on marts.pessoas to ana;
    grant select (valor) on marts.pessoas to public;
    grant select on marts.vw_soma to ana;
    create index por_valor on marts.pessoas (valor) where valor > 0;
    create policy so_grandes on marts.pessoas for select to ana using (valor > 100);
    create statistics marts.juntas on pessoa_id, valor from marts.pessoas;
    alter table marts.pessoas set (autovacuum_vacuum_scale_factor = 0.05);
  `);
}

/** What stands in schema analista and what is on the mart, as PostgreSQL tells it. */
async function stateOnTop(): Promise<unknown> {
  return {
    relations: await rows(`
      select relname, relkind, rolname, relacl::text, reloptions::text,
        obj_description(pg_class.oid) as comment, pg_get_viewdef(pg_class.oid) as definition,
        (select array_agg(attname || ' ' || coalesce(attacl::text, '') order by attname) from pg_attribute
          where attrelid = pg_class.oid and attnum > 0) as columns
      from pg_class inner join pg_roles on pg_roles.oid = relowner
      where relnamespace = 'analista'::regnamespace and relkind in ('v', 'm') order by relname`),
    mart: await rows(`
      select relacl::text, reloptions::text, relrowsecurity,
        (select attacl::text from pg_attribute where attrelid = pg_class.oid and attname = 'valor') as column_acl,
        (select array_agg(pg_get_indexdef(indexrelid) order by 1) from pg_index where indrelid = pg_class.oid) as indexes,
        (select array_agg(polname order by 1) from pg_policy where polrelid = pg_class.oid) as policies,
        (select array_agg(stxname) from pg_statistic_ext where stxrelid = pg_class.oid) as statistics
      from pg_class where oid = 'marts.pessoas'::regclass`),
    kpi: await rows("select relacl::text from pg_class where oid = 'marts.vw_soma'::regclass"),
    values: await rows(
      "select (select total from analista.cima) as a, (select total from analista.guardada) as b, (select total from analista.kpi) as c",
    ),
  };
}

describe("other columns of a mart", () => {
  test("leave alone what people built on it: views on views, rights, owners, indexes, policies", async () => {
    await buildOnTop();
    const before = await stateOnTop();
    const [oid] = await rows("select 'marts.pessoas'::regclass::oid::int as oid");
    await build(reordered);
    expect(await rows("select 'marts.pessoas'::regclass::oid::int as oid")).not.toEqual([oid]);
    expect(await rows("select dobro from marts.pessoas where pessoa_id = 1")).toEqual([
      { dobro: "21.00" },
    ]);
    expect(await stateOnTop()).toEqual(before);
    expect(await rows("select nspname from pg_namespace where nspname like 'elt\\_next%'")).toEqual(
      [],
    );
    expect((await build(reordered)).changes).toMatchObject({ added: 0, changed: 0, removed: 0 });
  });

  test.each([
    ["while readers wait, if it has few rows", {}],
    ["by a transaction of their own, if it has many", { fewRows: 0 }],
  ])("at the end go into the table that stands: %s", async (_, options) => {
    await buildOnTop();
    const before = await stateOnTop();
    const state = () => rows("select 'marts.pessoas'::regclass::oid::int as oid");
    const [oid] = await state();
    const result = await build(
      withMart("p.valor from", "p.valor, p.valor * 2 as dobro from"),
      options,
    );
    expect(result.changes).toMatchObject({ added: 0, removed: 0 });
    expect(await rows("select * from elt.changes")).toEqual([]);
    expect(await state()).toEqual([oid]);
    expect(await rows("select dobro from marts.pessoas order by pessoa_id")).toEqual([
      { dobro: "21.00" },
      { dobro: "2469.12" },
    ]);
    expect(await stateOnTop()).toEqual(before);
  });

  test("leave alone constraints, triggers, replication and what was revoked", async () => {
    const [{ filters = false } = {}] = await rows(
      "select current_setting('server_version_num')::int >= 150000 as filters",
    );
    await pool.query(`
      create schema analista;
      create function analista.nada() returns trigger language plpgsql as $$begin return null; end$$;
      create trigger avisa after update on marts.pessoas for each row execute function analista.nada();
      create trigger calado after update on marts.pessoas for each row execute function analista.nada();
      alter table marts.pessoas disable trigger calado;
      alter table marts.pessoas add constraint positivo check (valor > 0);
      alter table marts.pessoas add constraint um unique (conta, valor);
      alter table marts.pessoas alter valor set not null;
      alter table marts.pessoas alter valor set statistics 500;
      alter table marts.pessoas alter valor set (n_distinct = 7);
      create unique index por_valor on marts.pessoas (valor);
      comment on index marts.por_valor is 'da ana';
      alter table marts.pessoas replica identity using index por_valor;
      alter table marts.pessoas cluster on pessoas_pkey;
      alter table marts.pessoas force row level security;
      create statistics marts.juntas on pessoa_id, valor from marts.pessoas;
      alter statistics marts.juntas set statistics 77;
      comment on statistics marts.juntas is 'juntas';
      create publication parte for table marts.pessoas ${filters ? "(conta, pessoa_id, valor) where (valor > 0)" : ""};
      alter default privileges grant select on tables to public;
      create view analista.soma as select sum(valor) as valor from marts.pessoas;
      alter view analista.soma alter column valor set default 3;
      revoke all on analista.soma from public`);
    const state = () =>
      rows(`
        select
          array(select acl::text from unnest(table_.relacl) as acl order by 1) as rights,
          (select relacl::text from pg_class where oid = 'analista.soma'::regclass) as view_rights,
          (select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = 'analista.soma'::regclass) as view_default,
          relreplident, relforcerowsecurity,
          array(select tgname || tgenabled::text from pg_trigger where tgrelid = table_.oid order by 1) as triggers,
          array(select pg_get_constraintdef(oid) from pg_constraint where conrelid = table_.oid and contype <> 'n' order by 1) as constraints,
          (select attnotnull::text || attstattarget || attoptions::text from pg_attribute where attrelid = table_.oid and attname = 'valor') as valor,
          array(select concat(indexrelid::regclass, indisclustered, indisreplident, obj_description(indexrelid, 'pg_class')) from pg_index where indrelid = table_.oid order by 1) as indexes,
          (select concat(stxname, stxstattarget, obj_description(oid, 'pg_statistic_ext')) from pg_statistic_ext where stxrelid = table_.oid) as statistics,
          (select array_agg(to_jsonb(p) - 'attnames' order by p) from pg_publication_tables as p) as publications
        from pg_class as table_ where oid = 'marts.pessoas'::regclass`);
    try {
      const before = await state();
      await build(reordered);
      expect(await state()).toEqual(before);
      expect(before).toMatchObject([{ relreplident: "i", view_default: "3" }]);
      await land(2, { nome: "João", valor: "-1" });
      const refused = await failure(reordered);
      expect(refused).toBeInstanceOf(ModelError);
      expect(refused.message).toContain(
        "constraint positivo, which somebody put on marts.pessoas, refuses rows of the model",
      );
    } finally {
      await pool.query(
        "alter default privileges revoke select on tables from public; drop publication parte",
      );
    }
  });

  test("that are lost or of another type are refused, named all at once, and nothing changes", async () => {
    await buildOnTop();
    const before = await stateOnTop();
    const error = await failure({
      ...withMart("p.nome, p.valor", "p.nome, p.valor::text as valor"),
      "models/marts/outra.sql": "-- @key conta\nselect distinct p.conta from marts.pessoas as p",
      "views/vw_soma.sql": "-- Soma.\nselect p.conta from marts.pessoas as p group by p.conta",
    });
    expect(error.message).toContain(
      "marts.pessoas: column valor is numeric(15,2) and becomes text",
    );
    const views = await failure({
      "views/vw_soma.sql": "-- Soma.\nselect p.conta from marts.pessoas as p group by p.conta",
    });
    expect(views.message).toContain("marts.vw_soma: column total (numeric) is gone");
    expect(views.message).toContain("--allow-destructive");
    expect(await stateOnTop()).toEqual(before);
  });

  test("that are lost are told and let go where that is allowed; a view that reads one stops it", async () => {
    const gone = {
      ...withMart("p.nome, p.valor", "p.nome"),
      "views/vw_soma.sql":
        "-- Soma.\nselect count(*) as total, p.conta from marts.pessoas as p group by p.conta",
    };
    const destructive = { allowDestructive: true };
    const lossless = Object.fromEntries(
      Object.entries(gone).map(([file, text]) => [file, text.replace(/-- @column.*\n/, "")]),
    );
    await pool.query(
      "create schema analista; create view analista.v as select valor from marts.pessoas",
    );
    const blocked = await build(lossless, destructive).then(
      () => "published",
      (error: Error) => error.message,
    );
    expect(blocked).toContain(
      "the columns of marts.pessoas change, and view analista.v depends on column valor",
    );
    expect(await rows("select count(*)::int as n from analista.v")).toEqual([{ n: 2 }]);
    await pool.query(
      "drop view analista.v; create view analista.v as select pessoa_id from marts.pessoas",
    );
    await build(lossless, destructive);
    expect(events()).toContainEqual({
      type: "warning",
      message: "marts.pessoas: column valor (numeric(15,2)) is gone.",
    });
    expect(await rows("select count(*)::int as n from analista.v")).toEqual([{ n: 2 }]);
    expect(await rows("select total::int from marts.vw_soma")).toEqual([{ total: 2 }]);
  });

  test("of another type are let go where that is allowed, but not what cannot be made again", async () => {
    const retyped = {
      ...withMart("p.nome, p.valor", "p.nome, p.valor::text as valor"),
      "views/vw_soma.sql":
        "-- Soma.\nselect count(*) as total, p.conta from marts.pessoas as p group by p.conta",
    };
    await pool.query(
      "create schema analista; create view analista.v as select sum(valor) as s from marts.pessoas",
    );
    const blocked = await build(retyped, { allowDestructive: true }).then(
      () => "published",
      (error: Error) => error.message,
    );
    expect(blocked).toContain(
      "the columns of marts.pessoas change, and analista.v, which stands on it, cannot be made again: function sum(text) does not exist",
    );
    expect(await rows("select s::text from analista.v")).toEqual([{ s: "1245.06" }]);
    await pool.query(
      "drop view analista.v; create view analista.v as select max(valor) as m from marts.pessoas",
    );
    await build(retyped, { allowDestructive: true });
    expect(await rows("select m from analista.v")).toEqual([{ m: "1234.56" }]);
  });

  test("reach the tables and views after it in the same build", async () => {
    await buildOnTop();
    await build({
      ...reordered,
      "models/marts/dobros.sql":
        "-- @key conta\n-- @test check(dobro > 0)\nselect p.conta, sum(p.dobro) as dobro from marts.pessoas as p group by p.conta",
      "views/vw_soma.sql":
        "-- Soma.\n-- @test check(dobro = 2 * total)\nselect sum(p.valor) as total, p.conta, sum(p.dobro) as dobro from marts.pessoas as p group by p.conta",
    });
    expect(await rows("select dobro::text from marts.dobros")).toEqual([{ dobro: "2490.12" }]);
    expect(await rows("select dobro::text from marts.vw_soma")).toEqual([{ dobro: "2490.12" }]);
    expect(await rows("select total::text from analista.kpi")).toEqual([{ total: "1245.06" }]);
  });
});

describe("a column at the end of a large table", () => {
  const appended = withMart("p.valor from", "p.valor, p.valor * 2 as dobro from");
  const columns = () =>
    rows(
      `select attname::text as name from pg_attribute where attrelid = 'marts.pessoas'::regclass
         and attnum > 0 and not attisdropped order by attnum`,
    );

  test.each([{}, { fewRows: 0 }])(
    "is seen by the SQL of another model's test, with the rows that are new: %o",
    async (options) => {
      const other = {
        "models/marts/outra.sql": `-- @key conta, pessoa_id
-- @test check(exists (select from marts.pessoas as x where x.pessoa_id = tested.pessoa_id))
-- @test check(tested.dois = (select x.dobro / x.valor from marts.pessoas as x where x.pessoa_id = tested.pessoa_id))
select p.conta, p.pessoa_id, 2::numeric as dois from marts.pessoas as p`,
      };
      await land(3, { nome: "Zé", valor: "1" });
      await build(
        { ...other, ...withMart("p.valor from", "p.valor, p.valor * 2 as dobro from") },
        options,
      );
      expect(await rows("select count(*)::int as n from marts.outra")).toEqual([{ n: 3 }]);
    },
  );

  test("is gone again when the build fails after it was added", async () => {
    const before = await columns();
    // Days that are no number are met after everything else.
    const failing = build(appended, { fewRows: 0, keepChangesDays: Number.NaN });
    await expect(failing).rejects.toThrow();
    expect(await columns()).toEqual(before);
    await build(appended, { fewRows: 0 });
    expect(await rows("select sum(dobro)::text as s from marts.pessoas")).toEqual([
      { s: "2490.12" },
    ]);
  });

  test("that a killed build left empty is filled by the next", async () => {
    await pool.query("alter table marts.pessoas add column dobro numeric");
    await build(appended, { fewRows: 0 });
    expect(await rows("select sum(dobro)::text as s from marts.pessoas")).toEqual([
      { s: "2490.12" },
    ]);
  });

  test("waits for readers, and does not show them half of it", async () => {
    const reader = await pool.connect();
    try {
      await reader.query("begin isolation level repeatable read; select from marts.vw_soma");
      await reader.query(
        "commit; begin isolation level repeatable read; select from staging.pessoas",
      );
      await build(appended, { fewRows: 0 });
      const { rows: seen } = await reader.query(
        "select count(*)::int as n, count(dobro)::int as filled from marts.pessoas",
      );
      expect(seen).toEqual([{ n: 2, filled: 0 }]);
    } finally {
      await reader.query("rollback");
      reader.release();
    }
  });
});

test("a table becomes a view and a table again, with its rights and what stands on it", async () => {
  const other = (kind: "table" | "view") => ({
    "models/marts/outra.sql": `-- @build ${kind}${kind === "table" ? "\n-- @key conta, pessoa_id\n-- @index valor" : ""}
select p.conta, p.pessoa_id, p.valor from marts.pessoas as p`,
    "models/marts/leitora.sql":
      "-- @key conta\nselect o.conta, sum(o.valor) as total from marts.outra as o group by o.conta",
  });
  const state = () =>
    rows(`
      select relkind, array(select acl::text from unnest(relacl) as acl order by 1) as rights,
        (select total::text from analista.soma) as soma, (select total::text from marts.leitora) as lida
      from pg_class where oid = 'marts.outra'::regclass`);
  await build(other("table"));
  await pool.query(`
    do $$ begin create role ana nologin; exception when duplicate_object then null; end $$;
    create schema analista;
    create view analista.soma as select sum(valor) as total from marts.outra;
    grant select on marts.outra to ana`);
  const [table] = await state();
  await build(other("view"));
  expect(await state()).toEqual([{ ...table, relkind: "v" }]);
  await land(1, { nome: "Maria da Silva", valor: "20.50" });
  await build(other("view"));
  await build(other("table"));
  const [again] = await state();
  expect(again).toEqual({ ...table, soma: "1255.06", lida: "1255.06" });
  await land(1, { nome: "Maria da Silva", valor: "10.50" });
  await build(other("table"));
  expect(await state()).toEqual([table]);
});

test("another key makes the table anew", async () => {
  const keyOf = () =>
    rows(
      "select pg_get_constraintdef(oid) as key from pg_constraint where conrelid = 'marts.pessoas'::regclass and contype = 'p'",
    );
  await build(withMart("conta, pessoa_id\n", "pessoa_id, conta\n"));
  expect(await keyOf()).toEqual([{ key: "PRIMARY KEY (pessoa_id, conta)" }]);
  expect(await rows("select count(*)::int as n from marts.pessoas")).toEqual([{ n: 2 }]);
});

describe("a view of the project", () => {
  test("with other columns keeps its rights and what stands on it", async () => {
    await buildOnTop();
    const before = await stateOnTop();
    await build({
      "views/vw_soma.sql":
        "-- Soma.\nselect count(*) as linhas, sum(p.valor) as total, p.conta from marts.pessoas as p group by p.conta",
    });
    expect(await rows("select linhas::int from marts.vw_soma")).toEqual([{ linhas: 2 }]);
    expect(await stateOnTop()).toEqual(before);
  });

  test("that fails its test is not published, and readers never waited for it", async () => {
    const reader = await pool.connect();
    try {
      await reader.query("begin; select from marts.vw_soma; select from marts.pessoas");
      const error = await failure({
        ...reordered,
        "views/vw_soma.sql": view.replace("-- Soma.", "-- Soma.\n-- @test check(total < 0)"),
      });
      expect(error.message).toContain("marts.vw_soma: 1 row fails check(total < 0)");
    } finally {
      await reader.query("rollback");
      reader.release();
    }
  });
});

describe("files that are gone", () => {
  const extra = {
    "models/marts/extra.sql":
      "-- @key conta\n-- @pii nome nome\nselect p.conta, max(p.nome) as nome from staging.pessoas as p group by p.conta",
  };

  test("let go of their relations where that is allowed, but not of what stands on them", async () => {
    await build(extra);
    await pool.query(
      "create schema analista; create view analista.v as select conta from marts.extra",
    );
    await build({}, { allowDestructive: true });
    expect(events()).toContainEqual({
      type: "warning",
      message: expect.stringContaining(
        "marts.extra was not dropped, though its file is gone: view analista.v",
      ),
    });
    await pool.query("drop view analista.v");
    await build({}, { allowDestructive: true });
    expect(
      await rows("select to_regclass('marts.extra') as a, to_regclass('marts_pii.extra') as b"),
    ).toEqual([{ a: null, b: null }]);
    await build({}, { allowDestructive: true });
    expect(events().filter(({ type }) => type === "warning")).toEqual([]);
  });
});

describe("readers", () => {
  test("of a mart whose columns change wait a moment at most, and the build for them", async () => {
    const reader = await pool.connect();
    try {
      await reader.query("begin; select from marts.pessoas");
      const building = build(reordered);
      // Until the build stands before the lock: it has done everything else by then.
      for (;;) {
        const [waiting] = await rows(
          `select count(*)::int as n from pg_stat_activity
           where datname = current_database() and state = 'idle in transaction' and query like '%lock_timeout%'`,
        );
        if (waiting?.n === 1) break;
        await delay(20);
      }
      for (let i = 0; i < 5; i++) {
        expect(await rows("select count(*)::int as n from marts.pessoas")).toEqual([{ n: 2 }]);
      }
      await reader.query("commit");
      await building;
      expect(await rows("select count(dobro)::int as n from marts.pessoas")).toEqual([{ n: 2 }]);
    } finally {
      reader.release();
    }
  });

  test("that never end are named with their process when the build gives up", async () => {
    const [reader, builder] = [await pool.connect(), await pool.connect()];
    try {
      await reader.query("begin; select from marts.pessoas");
      const { rows: pid } = await reader.query("select pg_backend_pid() as pid");
      await builder.query("begin");
      const giving = withLockTimeout(
        builder,
        ["marts.pessoas"],
        async () => {
          await builder.query("alter table marts.pessoas add column x integer");
        },
        { giveUpMs: 0 },
      );
      await expect(giving).rejects.toThrow(InfrastructureError);
      await expect(giving).rejects.toThrow(
        `marts.pessoas must change its definition but has been in use for a minute by pid ${pid[0].pid}`,
      );
    } finally {
      await builder.query("rollback");
      await reader.query("rollback");
      builder.release();
      reader.release();
    }
  });

  test("of rows that change are never kept waiting", async () => {
    const reader = await pool.connect();
    try {
      await reader.query(
        "begin isolation level repeatable read; lock table marts.pessoas in access share mode",
      );
      const { rows: before } = await reader.query("select sum(valor) as s from marts.pessoas");
      await land(1, { nome: "Maria da Silva", valor: "99" });
      await build();
      const { rows: after } = await reader.query("select total as s from marts.vw_soma");
      expect(after).toEqual(before);
    } finally {
      await reader.query("rollback");
      reader.release();
    }
    expect(await rows("select total::text from marts.vw_soma")).toEqual([{ total: "1333.56" }]);
  });
});
