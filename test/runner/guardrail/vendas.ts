import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { BuildEvent } from "../../../runner/events.ts";
import { KpiHeld } from "../../../runner/guardrail/held-kpi.ts";
import { type BuildResult, buildProject } from "../../../runner/models/build.ts";
import { loadProject, type Project } from "../../../runner/models/project.ts";
import type { BuildOptions } from "../../../runner/models/running-build.ts";
import { projectRoot } from "../../../runner/open-project.ts";
import { startRun } from "../../../runner/run-record.ts";
import { createTestDatabase, type TestDatabase } from "../../postgres.ts";

/** Replacements in a file of the shipped project: path → what stands there → what takes its place. */
export type FileEdits = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** One record of `reservas`, and the value of its commission. */
export type Sale = {
  readonly id: number;
  readonly valor?: number;
  readonly situacao?: string;
  readonly comissao?: number;
  readonly vendida?: string;
};

/** The shipped models over sales that are landed by hand, in a database of its own. */
export type Vendas = Pick<TestDatabase, "pool" | "url" | "drop"> & {
  readonly reset: () => Promise<void>;
  /** Lands new versions of sales as one load. */
  readonly land: (sales: readonly Sale[], load?: Load) => Promise<void>;
  /** Lets the source no longer have these. */
  readonly remove: (ids: readonly number[], conta?: string) => Promise<void>;
  readonly build: (edits?: FileEdits, options?: BuildOptions) => Promise<BuildResult>;
  /** The hold of a build that must be held back. */
  readonly held: (edits?: FileEdits, options?: BuildOptions) => Promise<KpiHeld>;
  /** What the last build told. */
  readonly events: () => readonly BuildEvent[];
  readonly runId: () => string;
  /** Sales and their value as people read them now. */
  readonly published: (conta?: string) => Promise<{ vendas: number; valor: string }>;
  readonly rows: (statement: string) => Promise<Record<string, unknown>[]>;
};

type Load = { readonly conta?: string; readonly verdict?: string };

/** `from` to `to`, both included, each of the same value. */
export function sales(from: number, to: number, rest: Partial<Sale> = {}): readonly Sale[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({ id: from + i, ...rest }));
}

/** A row of a customer's mapping, as an edit of the shipped file. */
export function mapped(situacao: string, estagio: string): FileEdits {
  return {
    "models/seeds/situacoes.csv": {
      "conta,situacao,estagio\n": `conta,situacao,estagio\n*,${situacao},${estagio}\n`,
    },
  };
}

/** The shipped project with edits, in a folder that is removed after `work`. */
export async function withShipped<T>(
  edits: FileEdits,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), "elt-guard-"));
  try {
    for (const name of ["models", "views"]) {
      await cp(path.join(projectRoot, name), path.join(folder, name), { recursive: true });
    }
    for (const [file, replacements] of Object.entries(edits)) {
      let text = await readFile(path.join(folder, file), "utf8");
      for (const [from, to] of Object.entries(replacements)) {
        if (!text.includes(from)) throw new Error(`${file} does not hold ${from}`);
        text = text.replaceAll(from, to);
      }
      await writeFile(path.join(folder, file), text);
    }
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Opens it; call `drop` when the test file is done. */
export async function openVendas(): Promise<Vendas> {
  const { pool, url, drop } = await createTestDatabase();
  const rows = async (statement: string) => (await pool.query(statement)).rows;
  const projects = new Map<string, Project>();
  let events: BuildEvent[] = [];
  let runId = 0n;

  async function startLoad(objeto: string, { conta = "acme", verdict = "proven" }: Load) {
    const { rows: loads } = await pool.query(
      `insert into elt.loads (conta, objeto, mode, verdict, finished_at)
       values ($1, $2, 'full', $3, now()) returning load_id`,
      [conta, objeto, verdict],
    );
    return loads[0].load_id;
  }

  async function landRecords(
    objeto: string,
    load: Load,
    records: readonly { readonly id: number; readonly payload: Record<string, unknown> }[],
  ): Promise<void> {
    await pool.query(
      `insert into landing.${objeto} (
         conta, chave, load_id, seq, supersedes_load_id, supersedes_seq, hash, payload
       )
       select $1, new.id::text, $2, row_number() over (), before.load_id, before.seq,
         gen_random_uuid(), new.payload
       from jsonb_to_recordset($3::jsonb) as new (id bigint, payload jsonb)
       left join landing.${objeto}_atual as before
         on before.conta = $1 and before.chave = new.id::text`,
      [load.conta ?? "acme", await startLoad(objeto, load), JSON.stringify(records)],
    );
  }

  async function land(landed: readonly Sale[], load: Load = {}): Promise<void> {
    await landRecords(
      "reservas",
      load,
      landed.map(({ id, valor = 1000, situacao = "Vendida", vendida = "2024-05-10" }) => ({
        id,
        payload: {
          ...{ idreserva: id, ativo: "S", situacao, valor_contrato: valor },
          ...{ data_venda: `${vendida} 00:00:00`, data_cad: "2024-01-02 10:00:00" },
        },
      })),
    );
    await landRecords(
      "comissoes",
      load,
      landed.map(({ id, comissao = 50 }) => ({
        id,
        payload: { idcomissao: id, idreserva: id, ativo: "S", valor_comissao: comissao },
      })),
    );
  }

  async function projectOf(edits: FileEdits): Promise<Project> {
    const name = JSON.stringify(edits);
    const known = projects.get(name) ?? (await withShipped(edits, loadProject));
    projects.set(name, known);
    return known;
  }

  async function build(edits: FileEdits = {}, options: BuildOptions = {}): Promise<BuildResult> {
    events = [];
    const project = await projectOf(edits);
    runId = await startRun(pool, { command: "test", conta: null });
    const emit = (event: BuildEvent) => events.push(event);
    return buildProject({ pool, runId, emit }, project, options);
  }

  return {
    pool,
    url,
    drop,
    rows,
    land,
    build,
    events: () => events,
    runId: () => String(runId),
    held: (edits, options) =>
      build(edits, options).then(
        () => Promise.reject(new Error("the build was not held back")),
        (error: unknown) => {
          if (error instanceof KpiHeld) return error;
          throw error;
        },
      ),
    async remove(ids, conta = "acme") {
      const load = await startLoad("reservas", { conta });
      await pool.query(
        "update landing.reservas set removed_at = now() where conta = $1 and chave = any ($2::text[])",
        [conta, ids],
      );
      await pool.query(
        `insert into elt.removals (conta, objeto, chave, missing_in, removed_in, removed_at)
         select $1, 'reservas', id, $2::bigint, $2::bigint, now() from unnest($3::text[]) as id`,
        [conta, load, ids],
      );
    },
    async published(conta = "acme") {
      const { rows: found } = await pool.query(
        "select count(*)::int as vendas, sum(valor)::text as valor from marts.vendas where conta = $1",
        [conta],
      );
      return found[0];
    },
    async reset() {
      await pool.query(`
        drop schema marts cascade; drop schema marts_pii cascade;
        drop schema staging cascade; drop schema seeds cascade;
        create schema marts; create schema marts_pii; create schema staging; create schema seeds;
        truncate elt.relations, elt.built_loads, elt.changes, elt.removals, elt.guarded_models,
          elt.kpi_holds;
        truncate elt.incidents cascade;
        delete from elt.loads;
        select landing.create_object(objeto)
        from unnest('{reservas,comissoes}'::text[]) as objeto;
        truncate landing.reservas, landing.comissoes`);
    },
  };
}
