import {
  buildEnvironment,
  type EnvironmentReport,
} from "../../../runner/environments/build-environment.ts";
import { dropEnvironment } from "../../../runner/environments/drop-environment.ts";
import type { EnvironmentRequest } from "../../../runner/environments/environment-build.ts";
import type { BuildEvent } from "../../../runner/events.ts";
import { startRun } from "../../../runner/run-record.ts";
import { mart, openPessoas, type Pessoas, staging } from "../models/pessoas.ts";

type Files = Readonly<Record<string, string>>;
type BuildIn = (
  name: string,
  changes?: Files,
  request?: Partial<EnvironmentRequest>,
) => Promise<EnvironmentReport>;

/** The small project over one landed object, with environments. */
export type PessoasEnvironments = Pessoas & {
  /** Builds the project with some files changed or added in an environment. */
  readonly buildIn: BuildIn;
  /** The error of such a build, which must fail. */
  readonly failureIn: (...call: Parameters<BuildIn>) => Promise<Error>;
  /** What the last of these builds warned of. */
  readonly warnings: () => readonly string[];
  /** Tables and views in the schemas of an environment. */
  readonly relationsOf: (name: string) => Promise<readonly unknown[]>;
  readonly dropEnvironments: () => Promise<void>;
};

/** Opens it; call `drop` when the test file is done. */
export async function openPessoasEnvironments(): Promise<PessoasEnvironments> {
  const pessoas = await openPessoas();
  const { pool, project, rows } = pessoas;
  let events: BuildEvent[] = [];

  const buildIn: BuildIn = async (name, changes = {}, request = {}) => {
    events = [];
    const runId = await startRun(pool, { command: "env build", conta: null });
    const told = events;
    const context = { pool, runId, emit: (event: BuildEvent) => told.push(event) };
    return buildEnvironment(context, await project(changes), { name, end: "commit", ...request });
  };

  return {
    ...pessoas,
    buildIn,
    failureIn: (...call) =>
      buildIn(...call).then(
        () => Promise.reject(new Error("the build did not fail")),
        (error: Error) => error,
      ),
    warnings: () => events.flatMap((event) => (event.type === "warning" ? [event.message] : [])),
    relationsOf: async (name) =>
      (
        await rows(`
          select format('%s.%s', nspname, relname) as name
          from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace
          where nspname like '${name}\\_%' and relkind in ('r', 'v') order by 1`)
      ).map((row) => row.name),
    async dropEnvironments() {
      const { rows: left } = await pool.query("select name from elt.environments");
      for (const { name } of left) await dropEnvironment(pool, name);
    },
  };
}

/** By table of an environment, how much of it was computed. */
export const modesOf = ({ models }: EnvironmentReport) =>
  Object.fromEntries(models.map(({ model, mode }) => [model, mode]));

/** Changes of the project's files: other values in a mart, in staging, and a mapping with a reader. */
export const doubled = {
  "models/marts/pessoas.sql": mart.replace("p.valor from", "p.valor * 2 as valor from"),
};
export const cents = {
  "models/staging/pessoas.sql": staging.replace(
    "elt.as_money(l.payload ->> 'valor')::numeric(15, 2) as valor",
    "(elt.as_money(l.payload ->> 'valor') * 100)::numeric(15, 2) as valor",
  ),
};
const seed = { "models/seeds/fatores.csv": "conta,fator\n*,2\n" };
export const withSeed = {
  ...seed,
  "models/marts/pesos.sql":
    "-- @key conta\n-- @test references(conta, marts.pessoas)\nselect p.conta, (sum(p.valor) * max(f.fator::numeric))::numeric(15, 2) as peso from marts.pessoas as p cross join seeds.fatores as f group by p.conta",
};
