import type { Pool, PoolClient } from "pg";
import { execute, type SQLQuery, sql } from "../../extract/query.ts";
import type { BuildEvent } from "../events.ts";
import type { Withheld } from "../freshness/withhold-stale.ts";
import type { Acceptance } from "../guardrail/hold-record.ts";
import type { RelationState } from "./build-state.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { KnownFunctions } from "./known-functions.ts";
import type { ModelPlan } from "./plan-model.ts";
import type { Model, Project } from "./project.ts";
import type { Delta } from "./table-delta.ts";
import type { Column } from "./table-diff.ts";

/** How a build is asked for. */
export type BuildOptions = {
  /** Compute every table from the whole of its inputs. */
  readonly fullRefresh?: boolean | undefined;
  /** Let published columns and relations go. */
  readonly allowDestructive?: boolean | undefined;
  /** Names of the models to build; the others stay as they are published. */
  readonly only?: ReadonlySet<string> | undefined;
  /** Days that `elt.changes` remembers. */
  readonly keepChangesDays?: number | undefined;
  /** Rows of a table that may be filled while readers wait for its new columns. */
  readonly fewRows?: number | undefined;
  /** Whom a build that a guard would hold back is let through by, when its numbers are still those. */
  readonly accept?: Acceptance | undefined;
  /** The clock that ages of sources are measured by; default: the machine's. */
  readonly now?: Date | undefined;
};

/** What a build did to the rows of a table or seed. */
export type RelationChange =
  | { readonly status: "unchanged" }
  | { readonly status: "rows"; readonly delta: Delta }
  /** Other rows, or other columns, and nothing that tells which. */
  | { readonly status: "all"; readonly because: string };

/** A table with other columns than the published one, which it replaces at the end. */
export type PendingSwap = {
  readonly model: Model;
  readonly schema: string;
  readonly columns: readonly Column[];
  readonly kind: "in place" | "anew";
  /** Columns that go. */
  readonly removed: readonly string[];
  readonly rows: number;
  /** What readers of the published columns lose. */
  readonly losses: readonly string[];
};

/** A build under way, inside its one transaction. */
export type RunningBuild = {
  readonly client: PoolClient;
  /** For what must not be part of the transaction. */
  readonly pool: Pool;
  readonly runId: bigint;
  readonly project: Project;
  readonly options: BuildOptions;
  /** What stays as published because its source is too old. */
  readonly withheld: Withheld;
  readonly emit: (event: BuildEvent) => void;
  /** Today in Brasília, as the database has it. */
  readonly day: string;
  readonly functions: KnownFunctions;
  readonly fingerprintOf: (model: Model) => Fingerprint;
  /** What was remembered of each relation when the build began. */
  readonly statesBefore: ReadonlyMap<string, RelationState>;
  /** What is remembered of each relation; of those already built, what they are now. */
  readonly states: Map<string, RelationState>;
  /** By table, how its rows were brought up to date. */
  readonly plans: Map<string, ModelPlan>;
  /** By relation, for those already built. */
  readonly changes: Map<string, RelationChange>;
  /** Tables that other columns wait for: `schema.relation` → the schema they stand in till the end. */
  readonly standIns: Map<string, string>;
  readonly swaps: PendingSwap[];
  /** Empty columns that tables got by transactions of their own. */
  readonly addedAside: {
    readonly schema: string;
    readonly relation: string;
    readonly columns: readonly Column[];
  }[];
  /** Schemas that hold what waits. */
  readonly standInSchemas: Set<string>;
  /** A name that no other temporary table of this build has. */
  readonly temporaryName: (purpose: string) => string;
};

/** Where the rows of a relation stand while the build goes on. */
export function placeOf(
  { standIns }: Pick<RunningBuild, "standIns">,
  schema: string,
  relation: string,
): SQLQuery {
  return sql.ident(standIns.get(`${schema}.${relation}`) ?? schema, relation);
}

/** The schema in which relations of a schema wait for the end of the build. */
export function standInSchema(schema: string): string {
  return `elt_next_${schema}`;
}

/** Creates that schema when nothing waits in it yet. */
export async function openStandInSchema(
  { client, standInSchemas }: RunningBuild,
  schema: string,
): Promise<string> {
  const name = standInSchema(schema);
  if (!standInSchemas.has(name)) await execute(client, sql`create schema ${sql.ident(name)}`);
  standInSchemas.add(name);
  return name;
}

/** Drops the schemas in which nothing waits any more. */
export async function dropEmptyStandInSchemas(build: RunningBuild): Promise<void> {
  const { client, standIns, standInSchemas } = build;
  const used = new Set(standIns.values());
  for (const name of standInSchemas) {
    if (used.has(name)) continue;
    await execute(client, sql`drop schema ${sql.ident(name)}`);
    standInSchemas.delete(name);
  }
}

/** The change of a relation; one that this build did not come to did not change. */
export function changeOf({ changes }: RunningBuild, relation: string): RelationChange {
  return changes.get(relation) ?? { status: "unchanged" };
}
