import type { BuildEvent } from "../../../runner/events.ts";
import { type BuildResult, buildProject } from "../../../runner/models/build.ts";
import type { Project } from "../../../runner/models/project.ts";
import type { BuildOptions } from "../../../runner/models/running-build.ts";
import { startRun } from "../../../runner/run-record.ts";
import { createTestDatabase } from "../../postgres.ts";
import { projectOf } from "../../project.ts";

export const staging = `-- Pessoas de teste.
-- @key conta, chave
-- @warn lossless(valor, valor)
select
    l.conta,
    l.chave,
    (l.payload ->> 'id')::bigint as pessoa_id,
    l.payload ->> 'nome' as nome,
    elt.as_money(l.payload ->> 'valor')::numeric(15, 2) as valor
from landing.demandas_atual as l`;
export const mart = `-- Pessoas publicadas.
-- @key    conta, pessoa_id
-- @pii    nome nome
-- @column valor quanto vale, em reais
select p.conta, p.pessoa_id, p.nome, p.valor from staging.pessoas as p`;
export const view =
  "-- Soma.\nselect sum(p.valor) as total, p.conta from marts.pessoas as p group by p.conta";

/** Path → text of the project. */
export const files = {
  "models/staging/pessoas.sql": staging,
  "models/marts/pessoas.sql": mart,
  "views/vw_soma.sql": view,
};

/** A small project over one landed object, in a database of its own. */
export type Pessoas = {
  readonly pool: Awaited<ReturnType<typeof createTestDatabase>>["pool"];
  /** For connections of its own. */
  readonly url: string;
  readonly drop: () => Promise<void>;
  /** Empties the database and lands two people. */
  readonly reset: () => Promise<void>;
  /** The project with some files changed or added. */
  readonly project: (changes?: Readonly<Record<string, string>>) => Promise<Project>;
  readonly build: (
    changes?: Readonly<Record<string, string>>,
    options?: BuildOptions,
  ) => Promise<BuildResult>;
  /** The error of a build that must fail. */
  readonly failure: (changes: Readonly<Record<string, string>>) => Promise<Error>;
  /** What the last build told. */
  readonly events: () => readonly BuildEvent[];
  /** Puts one more version of a record into landing. */
  readonly land: (id: number, fields: Record<string, unknown>, conta?: string) => Promise<void>;
  /** Lets the source no longer have a record. */
  readonly remove: (id: number, conta?: string) => Promise<void>;
  readonly rows: (statement: string) => Promise<Record<string, unknown>[]>;
};

/** Opens it; call `drop` when the test file is done. */
export async function openPessoas(): Promise<Pessoas> {
  const { pool, url, drop } = await createTestDatabase();
  let events: BuildEvent[] = [];

  const project = (changes: Readonly<Record<string, string>> = {}) =>
    projectOf({ ...files, ...changes });

  async function build(
    changes: Readonly<Record<string, string>> = {},
    options: BuildOptions = {},
  ): Promise<BuildResult> {
    events = [];
    const runId = await startRun(pool, { command: "test", conta: null });
    const emit = (event: BuildEvent) => events.push(event);
    return buildProject({ pool, runId, emit }, await project(changes), options);
  }

  async function startLoad(conta: string): Promise<string> {
    const { rows } = await pool.query(
      `insert into elt.loads (conta, objeto, mode, verdict, finished_at)
       values ($1, 'demandas', 'full', 'proven', now()) returning load_id`,
      [conta],
    );
    return rows[0].load_id;
  }

  async function land(id: number, fields: Record<string, unknown>, conta = "acme"): Promise<void> {
    await pool.query(
      `insert into landing.demandas (
         conta, chave, load_id, seq, supersedes_load_id, supersedes_seq, hash, payload
       )
       select $1, $2::text, $4, 1, before.load_id, before.seq, gen_random_uuid(), $3
       from (select) as one
       left join (
         select load_id, seq from landing.demandas where conta = $1 and chave = $2::text
         order by load_id desc, seq desc limit 1
       ) as before on true`,
      [conta, String(id), JSON.stringify({ id, ...fields }), await startLoad(conta)],
    );
  }

  async function remove(id: number, conta = "acme"): Promise<void> {
    const load = await startLoad(conta);
    await pool.query(
      "update landing.demandas set removed_at = now() where conta = $1 and chave = $2",
      [conta, String(id)],
    );
    await pool.query(
      `insert into elt.removals (conta, objeto, chave, missing_in, removed_in, removed_at)
       values ($1, 'demandas', $2, $3::bigint, $3::bigint, now())`,
      [conta, String(id), load],
    );
  }

  return {
    pool,
    url,
    drop,
    project,
    build,
    land,
    remove,
    events: () => events,
    failure: (changes) =>
      build(changes).then(
        () => Promise.reject(new Error("the build did not fail")),
        (error: Error) => error,
      ),
    rows: async (statement) => (await pool.query(statement)).rows,
    async reset() {
      await pool.query(`
        drop schema marts cascade; drop schema marts_pii cascade;
        drop schema staging cascade; drop schema seeds cascade;
        create schema marts; create schema marts_pii; create schema staging; create schema seeds;
        truncate elt.relations, elt.built_loads, elt.changes, elt.removals;
        delete from elt.loads;
        select landing.create_object('demandas');
        truncate landing.demandas`);
      await land(1, { nome: "Maria da Silva", valor: "10.50" });
      await land(2, { nome: "João", valor: "1.234,56" });
    },
  };
}
