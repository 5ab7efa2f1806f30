import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildProject } from "../../../../runner/models/build.ts";
import type { BuildOptions } from "../../../../runner/models/running-build.ts";
import { startRun } from "../../../../runner/run-record.ts";
import { mart, openPessoas, view } from "../pessoas.ts";

const READERS = 20;
const PUBLISHES = 20;

const { pool, url, build, drop, land, project, reset, rows } = await openPessoas();
afterAll(drop);

const somas = {
  "models/marts/somas.sql":
    "-- @key conta\nselect p.conta, sum(p.valor)::numeric(18, 2) as total, count(*)::integer as pessoas from staging.pessoas as p group by p.conta",
  "views/vw_somas.sql": "-- Somas.\nselect s.total, s.pessoas, s.conta from marts.somas as s",
};
/**
 * What each publish changes besides rows. A table that is made anew is left out: whoever took a
 * snapshot before and reads it after sees it empty, as after every DDL that makes a table anew.
 */
const variants: readonly {
  readonly files?: Readonly<Record<string, string>>;
  readonly options?: BuildOptions;
}[] = [
  {},
  { files: { "models/marts/pessoas.sql": mart.replace("p.valor from", "p.valor, 1 as um from") } },
  { files: { "views/vw_soma.sql": view.replace("p.conta from", "p.conta, count(*) as n from") } },
  {},
  {
    files: { "models/marts/pessoas.sql": mart.replace("p.valor from", "p.valor, 2 as dois from") },
    options: { fewRows: 0 },
  },
  { options: { fullRefresh: true } },
];

beforeAll(async () => {
  await reset();
  for (let id = 10; id < 60; id++) await land(id, { nome: `Pessoa ${id}`, valor: id });
  await build(somas);
});

describe("readers of two views in one snapshot", () => {
  test("see neither an error nor totals that disagree, whatever is published", async () => {
    let isDone = false;
    let reads = 0;
    const read = async (): Promise<void> => {
      const client = new pg.Client(url);
      await client.connect();
      try {
        while (!isDone) {
          await client.query("begin isolation level repeatable read");
          const one = await client.query("select total from marts.vw_soma");
          const two = await client.query("select total from marts.vw_somas");
          await client.query("commit");
          expect(one.rows).toEqual(two.rows);
          reads++;
        }
      } finally {
        await client.end();
      }
    };
    const publish = async (): Promise<void> => {
      try {
        for (let i = 0; i < PUBLISHES; i++) {
          await land(10 + (i % 7), { nome: "Outro", valor: 100 + i });
          const variant = variants[i % variants.length] ?? {};
          const files = { ...somas, ...variant.files };
          await build(files, { allowDestructive: true, ...variant.options });
        }
      } finally {
        isDone = true;
      }
    };
    await Promise.all([publish(), ...Array.from({ length: READERS }, read)]);
    expect(reads).toBeGreaterThan(READERS);
    expect(
      await rows(
        "select s.total = v.total as same from marts.vw_soma as v cross join marts.vw_somas as s",
      ),
    ).toEqual([{ same: true }]);
  });
});

describe("a build that is cut off", () => {
  test("at any model leaves everything as it was, and the next one is right", async () => {
    const state = () =>
      rows(
        `select
           (select jsonb_agg(p order by p.pessoa_id) from marts.pessoas as p) as pessoas,
           (select jsonb_agg(s) from marts.vw_somas as s) as somas,
           (select count(*)::int from elt.changes) as changes,
           (select jsonb_agg(r order by r.relation) from elt.relations as r) as relations,
           (select count(*)::int from elt.publications) as publications`,
      );
    const changed = {
      ...somas,
      "models/marts/pessoas.sql": mart.replace(
        "p.nome, p.valor",
        "p.valor * 3 as triplo, p.nome, p.valor",
      ),
    };
    await land(11, { nome: "Cortada", valor: 4321 });
    const before = await state();
    const models = (await project(changed)).models.length;
    for (let at = 1; at <= models; at++) {
      let built = 0;
      const runId = await startRun(pool, { command: "test", conta: null });
      const emit = ({ type }: { readonly type: string }) => {
        if (type !== "model-built" || ++built !== at) return;
        pool
          .query(
            `select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and state = 'idle in transaction'`,
          )
          .catch(() => undefined);
      };
      const outcome = await buildProject({ pool, runId, emit }, await project(changed), {
        allowDestructive: true,
      }).then(
        () => "published",
        () => "cut off",
      );
      if (outcome === "published") break;
      expect(await state()).toEqual(before);
    }
    await build(changed, { allowDestructive: true });
    expect(await rows("select triplo::text from marts.pessoas where pessoa_id = 11")).toEqual([
      { triplo: "12963.00" },
    ]);
    expect(
      await rows(
        "select s.total = v.total as same from marts.vw_soma as v cross join marts.vw_somas as s",
      ),
    ).toEqual([{ same: true }]);
  });
});
