import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { mart, openPessoas, staging } from "./pessoas.ts";

const { pool, build, drop, events, failure, land, reset, rows } = await openPessoas();
afterAll(drop);
beforeEach(reset);

describe("personal data", () => {
  test("is masked in marts and clear in marts_pii, and both follow a change", async () => {
    await build();
    expect(await rows("select nome from marts.pessoas order by pessoa_id")).toEqual([
      { nome: "M. d. S." },
      { nome: "J." },
    ]);
    expect(await rows("select * from marts_pii.pessoas where pessoa_id = 1")).toEqual([
      { conta: "acme", pessoa_id: "1", nome: "Maria da Silva" },
    ]);
    await land(1, { nome: "Mariana Souza", valor: "10.50" });
    await build();
    expect(await rows("select nome from marts.pessoas where pessoa_id = 1")).toEqual([
      { nome: "M. S." },
    ]);
    expect(await rows("select nome from marts_pii.pessoas where pessoa_id = 1")).toEqual([
      { nome: "Mariana Souza" },
    ]);
  });

  test("never stands in the sample of a failing test", async () => {
    const error = await failure({
      "models/marts/pessoas.sql": mart.replace(
        "-- @key ",
        "-- @test check(nome is null)\n-- @key ",
      ),
    });
    expect(error.message).not.toMatch(/Maria|M\. d/);
  });

  test("hides documents behind a hash with the database's own salt, and e-mails but the domain", async () => {
    await land(5, { nome: "123.456.789-00", valor: 1 });
    const text = (mask: string) => ({
      "models/marts/pessoas.sql": mart.replace("nome nome", `nome ${mask}`),
    });
    await build(text("documento"));
    const [hashed] = await rows("select nome from marts.pessoas where pessoa_id = 5");
    expect(hashed?.nome).toMatch(/^[0-9a-f]{16}$/);
    for (const id of [1, 2, 5]) await land(id, { nome: "a@b.com", valor: 1 });
    await build(text("email"));
    expect(await rows("select distinct nome from marts.pessoas")).toEqual([{ nome: "@b.com" }]);
  });

  test("is masked anew where the mask is defined anew, in rows that did not change, too", async () => {
    const { rows: definitions } = await pool.query(
      "select pg_get_functiondef('elt.mask_nome(text)'::regprocedure) as text",
    );
    await build();
    try {
      await pool.query(`
        create or replace function elt.mask_nome(nome text) returns text
        language sql immutable parallel safe as $$ select left(nome, 1) || '…' $$`);
      await build();
      expect(await rows("select nome from marts.pessoas order by pessoa_id")).toEqual([
        { nome: "M…" },
        { nome: "J…" },
      ]);
    } finally {
      await pool.query(definitions[0].text);
    }
  });

  test("is out of reach of bi_reader, which reads marts and nothing else", async () => {
    await build();
    const client = await pool.connect();
    try {
      await client.query("begin; set local role bi_reader");
      const { rows: seen } = await client.query("select count(*)::int as n from marts.vw_soma");
      expect(seen).toEqual([{ n: 1 }]);
      for (const relation of [
        "marts_pii.pessoas",
        "staging.pessoas",
        "elt.secrets",
        "landing.demandas",
      ]) {
        await client.query("savepoint denied");
        await expect(client.query(`select * from ${relation}`)).rejects.toThrow(
          "permission denied",
        );
        await client.query("rollback to savepoint denied");
      }
    } finally {
      await client.query("rollback");
      client.release();
    }
  });
});

test("a mart without the account is told of: its rows are nobody's alone", async () => {
  const open = "-- @key pessoa_id\nselect p.pessoa_id from staging.pessoas as p";
  await build({ "models/marts/aberta.sql": open });
  const message =
    "marts.aberta has no column conta, so logins that may read some accounts alone read all of its rows.";
  expect(events()).toContainEqual({ type: "warning", message });
  await build({ "models/marts/aberta.sql": open });
  expect(events()).not.toContainEqual({ type: "warning", message });
});

test("a column that becomes personal takes back what was told of it before", async () => {
  const open = {
    "models/marts/pessoas.sql": mart
      .replace("-- @pii    nome nome\n", "")
      .replace("-- @key ", "-- @warn check(length(nome) < 5)\n-- @column nome quem\n-- @key "),
  };
  await build(open);
  await land(1, { nome: "Maria Souza", valor: "10.50" });
  await land(3, { nome: "Josefa", valor: "1" });
  await build(open);
  const told = () =>
    rows(`
      select (select string_agg(concat(old, new), ' ') from elt.changes)
        || (select string_agg(fields::text, ' ') from elt.failing_rows) as all`);
  expect(await told()).toEqual([{ all: expect.stringMatching(/Maria Souza.*Josefa/) }]);
  await build();
  expect(await told()).toEqual([{ all: expect.not.stringMatching(/Maria|Josefa/) }]);
  expect(await rows("select action, column_name from elt.changes order by change_id")).toEqual(
    expect.arrayContaining([
      { action: "changed", column_name: "nome" },
      { action: "added", column_name: null },
    ]),
  );
});

describe("a sample of failing rows", () => {
  const samples = async (files: Readonly<Record<string, string>>) => {
    const { tests } = await build(files);
    return tests.filter(({ failures }) => failures > 0).map(({ sample }) => sample);
  };

  test("of staging leaves out what a mart publishes as personal", async () => {
    await land(3, { nome: "João", valor: "10.50" });
    const told = await samples({
      "models/staging/pessoas.sql": staging.replace(
        "-- @key",
        "-- @warn unique(nome)\n-- @warn check(nome is null)\n-- @column nome quem\n-- @key",
      ),
    });
    expect(told).toEqual([
      [
        { conta: "acme", chave: "2" },
        { conta: "acme", chave: "3" },
      ],
      expect.arrayContaining([{ conta: "acme", chave: "1" }]),
    ]);
    expect(await rows("select string_agg(fields::text, '') as t from elt.failing_rows")).toEqual([
      { t: expect.not.stringMatching(/Maria|João/) },
    ]);
  });

  test.each([
    "select l.chave, l.payload from landing.demandas_atual as l",
    "select l.chave, l.payload -> 'nome' as a, l.payload #>> '{nome}' as b from landing.demandas as l",
    "select l.chave, jsonb_extract_path_text(l.payload, 'nome') as c from landing.demandas_atual as l",
    "select l.chave, v.value from landing.demandas_atual as l cross join jsonb_each_text(l.payload) as v",
    "select l.chave, l::text as t from landing.demandas_atual as l",
    "select l.chave, l.payload ->> 'valor' as v from landing.demandas_atual as l",
    "select p.chave, to_jsonb(p) as tudo from staging.pessoas as p",
    "select p.chave, upper(p.nome) as nome from staging.pessoas as p",
  ])("of a test that is a file shows nothing but ids of what it reads: %s", async (select) => {
    const [told = []] = await samples({ "models/tests/linhas.sql": `-- @warn\n${select}` });
    expect(told.length).toBeGreaterThan(0);
    for (const row of told) expect(row).toEqual({ chave: expect.stringMatching(/^[12]$/) });
  });

  test("has keys that are nobody's: a personal column of a @key is refused", async () => {
    const error = await failure({
      "models/marts/p.sql":
        "-- @key conta, nome\n-- @pii nome nome\nselect p.conta, p.nome from staging.pessoas as p",
    });
    expect(error.message).toContain(
      "models/marts/p.sql:2:9: nome is part of the @key, so it cannot be @pii",
    );
  });
});

describe("personal data in a view or an error", () => {
  test("is refused: a view is not masked", async () => {
    const error = await failure({
      "models/marts/clara.sql":
        "-- @build view\n-- @pii nome nome\nselect conta, nome from staging.pessoas",
    });
    expect(error.message).toContain("models/marts/clara.sql:2:9: a view cannot have @pii");
  });

  test("does not stand in the message of a value that cannot be read", async () => {
    const error = await failure({
      "models/marts/pessoas.sql": mart.replace("p.nome,", "p.nome::bigint::text as nome,"),
    });
    expect(error.message).toContain(
      "invalid input syntax for type bigint: p.nome holds a text like",
    );
    const { rows: told } = await pool.query(
      "select string_agg(format('%s', model_results), '') as all from elt.model_results",
    );
    expect(error.message + told[0].all).not.toContain("Maria");
  });

  test("of several e-mails in one field shows nothing but a domain", async () => {
    const { rows: masked } = await pool.query(
      "select elt.mask_email('maria@x.com; joao.silva@y.com') as one, elt.mask_email('sem arroba') as none",
    );
    expect(masked).toEqual([{ one: "@x.com", none: null }]);
  });
});

describe("grants", () => {
  test("that an administrator revoked stay revoked", async () => {
    await build();
    const granted = async () =>
      (await rows("select has_table_privilege('bi_reader', 'marts.pessoas', 'select') as yes"))[0]
        ?.yes;
    expect(await granted()).toBe(true);
    await pool.query("revoke select on marts.pessoas from bi_reader");
    await build({ "models/marts/pessoas.sql": mart.replace("publicadas", "de novo") });
    expect(await granted()).toBe(false);
  });
});

describe("access by account", () => {
  test("holds in a view among the marts, and never hides rows from who publishes", async () => {
    await land(1, { nome: "Outra", valor: 1 }, "outra");
    await build({
      "models/marts/ids.sql": "-- @build view\nselect conta, pessoa_id from staging.pessoas",
    });
    const client = await pool.connect();
    const contas = async () =>
      (await client.query("select string_agg(distinct conta, ',') as contas from marts.ids"))
        .rows[0].contas;
    try {
      await client.query(`begin;
        create role dona_dos_marts nologin createrole; create role analista nologin;
        grant dona_dos_marts to current_user; grant create on schema marts to dona_dos_marts;
        alter schema marts owner to dona_dos_marts; grant select on marts.ids to dona_dos_marts;
        set local role dona_dos_marts;
        create role bi_conta_acme nologin`);
      expect(await contas()).toBe("acme,outra");
      await client.query(`reset role; grant bi_conta_acme, bi_reader to analista;
        set local role analista`);
      expect(await contas()).toBe("acme");
    } finally {
      await client.query("rollback");
      client.release();
    }
  });

  test("holds for tables and views, and a setting can only narrow it", async () => {
    await land(1, { nome: "Outra", valor: 1 }, "outra");
    await build();
    const role = `bi_conta_acme`;
    const client = await pool.connect();
    try {
      await client.query(`begin;
        create role ${role} nologin; create role analista nologin;
        grant ${role}, bi_reader to analista;
        set local role analista`);
      const contas = async () =>
        (
          await client.query(
            `select (select string_agg(distinct conta, ',') from marts.pessoas) as tables,
               (select string_agg(distinct conta, ',') from marts.vw_soma) as views`,
          )
        ).rows[0];
      expect(await contas()).toEqual({ tables: "acme", views: "acme" });
      await client.query("set local elt.contas = 'acme,outra'");
      expect(await contas()).toEqual({ tables: "acme", views: "acme" });
      await client.query("set local elt.contas = 'outra'");
      expect(await contas()).toEqual({ tables: null, views: null });
      await client.query("set local elt.contas = ''; set local role bi_reader");
      expect(await contas()).toEqual({ tables: "acme,outra", views: "acme,outra" });
      await client.query("set local elt.contas = 'outra'");
      expect(await contas()).toEqual({ tables: "outra", views: "outra" });
    } finally {
      await client.query("rollback");
      client.release();
    }
  });
});
