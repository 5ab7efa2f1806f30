import type { Pool, PoolClient } from "pg";
import { execute, type SQLQuery, sql } from "../../extract/query.ts";
import type { BuildEvent } from "../events.ts";
import type { Computing } from "../models/compute-rows.ts";
import type { KnownFunctions } from "../models/known-functions.ts";
import type { Project } from "../models/project.ts";
import type { Published } from "./differing-relations.ts";
import { type Environment, schemaIn } from "./environment.ts";
import type { EnvironmentRelation } from "./environment-relations.ts";

/** What a build of an environment needs besides its request. */
export type EnvironmentContext = {
  readonly pool: Pool;
  readonly runId: bigint;
  readonly emit: (event: BuildEvent) => void;
};

/** How a build of an environment is asked for. */
export type EnvironmentRequest = {
  readonly name: string;
  /** `YYYY-MM-DD`: as the source was known when that day ended. An environment keeps its day. */
  readonly asOf?: string | undefined;
  /** Names of the models to bring up to date; the others stay as they stand. */
  readonly only?: ReadonlySet<string> | undefined;
  readonly fullRefresh?: boolean | undefined;
  /** `roll back` only tells what the environment would hold. */
  readonly end: "commit" | "roll back";
};

/** A build of an environment under way, inside its one transaction. */
export type EnvironmentBuild = Computing &
  Published & {
    readonly client: PoolClient;
    readonly runId: bigint;
    readonly project: Project;
    readonly emit: (event: BuildEvent) => void;
    readonly environment: Environment;
    /** Compute every table, also those of which nothing changed. */
    readonly fullRefresh: boolean;
    /** Today in Brasília, or the day that is taken for it. */
    readonly day: string;
    readonly functions: KnownFunctions;
    /** What stands in the environment, by published name; of what was built already, what it is now. */
    readonly standing: Map<string, EnvironmentRelation>;
    /** Where relations are read, of those that the environment has: published name → schema. */
    readonly standIns: Map<string, string>;
    /** Of what stands, what this build computed or gave another header. */
    readonly touched: Set<string>;
    /** By object, what tells whether landing has other rows of it. */
    readonly landed: ReadonlyMap<string, string>;
    /** Schemas that the environment has by now. */
    readonly schemas: Set<string>;
  };

/** Where a relation is read while an environment is built. */
export function placeIn(
  { standIns }: Pick<EnvironmentBuild, "standIns">,
  schema: string,
  relation: string,
): SQLQuery {
  return sql.ident(standIns.get(`${schema}.${relation}`) ?? schema, relation);
}

/** The environment's schema for a published one, created when nothing needed it before. */
export async function openSchema(
  { client, environment, schemas }: EnvironmentBuild,
  schema: string,
): Promise<string> {
  const name = schemaIn(environment.name, schema);
  if (schemas.has(name)) return name;
  await execute(client, sql`create schema ${sql.ident(name)}`);
  schemas.add(name);
  return name;
}
