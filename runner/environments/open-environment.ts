import type { Pool, PoolClient } from "pg";
import { execute, query, sql } from "../../extract/query.ts";
import { ConfigError } from "../errors.ts";
import { readStates } from "../models/build-state.ts";
import { fingerprintsOf } from "../models/fingerprint.ts";
import { readKnownFunctions } from "../models/known-functions.ts";
import { landingObjects, landingRelations } from "../models/order.ts";
import type { Model, Project } from "../models/project.ts";
import { assertKnown, createLandingViews, endOf } from "./as-of-landing.ts";
import { assertSchemasFree, type Environment, findEnvironment } from "./environment.ts";
import {
  type EnvironmentBuild,
  type EnvironmentContext,
  type EnvironmentRequest,
  openSchema,
} from "./environment-build.ts";
import { readRelations } from "./environment-relations.ts";
import { readLanded } from "./what-changed.ts";

/**
 * Landing tables of objects that were never extracted, by transactions of their own: creating one
 * keeps extractions from creating others.
 */
export async function createMissingObjects(pool: Pool, order: readonly Model[]): Promise<void> {
  for (const object of landingObjects(order)) {
    const [row] = await query<{ exists: boolean }>(
      pool,
      sql`select to_regclass(format('landing.%I', ${`${object}_atual`}::text)) is not null as exists`,
    );
    if (row?.exists !== true) await execute(pool, sql`select landing.create_object(${object})`);
  }
}

type Opening = { readonly order: readonly Model[]; readonly request: EnvironmentRequest };

/**
 * Reads what a build must know before it begins, inside the client's transaction.
 * @throws ConfigError when a schema is somebody else's, or the day cannot be told
 */
export async function openEnvironment(
  { runId, emit }: EnvironmentContext,
  client: PoolClient,
  project: Project,
  { order, request }: Opening,
): Promise<EnvironmentBuild> {
  const known = await findEnvironment(client, request.name);
  const asOf = dayOf(known, request);
  const environment = { name: request.name, schemas: [], ...known, asOf };
  await assertSchemasFree(client, environment);
  const [row] = await query<{ day: string }>(client, sql`select elt.hoje()::text as day`);
  const today = row?.day ?? "";
  const past = asOf === undefined ? undefined : await endOf(client, asOf);
  const objects = landingObjects([...order]);
  if (past !== undefined) await assertKnown(client, past, { objects, today });
  const functions = await readKnownFunctions(client);
  const standing = new Map(await readRelations(client, request.name));
  let temporaryTables = 0;
  const build: EnvironmentBuild = {
    client,
    runId,
    emit,
    project,
    environment,
    fullRefresh: request.fullRefresh === true,
    asOf,
    day: asOf ?? today,
    functions,
    fingerprintOf: fingerprintsOf(project, functions),
    published: await readStates(client),
    standing,
    standIns: new Map(),
    touched: new Set(),
    landed: await readLanded(client, objects, past?.until),
    schemas: new Set(environment.schemas),
    temporaryName: (purpose) => `elt_${purpose}_${++temporaryTables}`,
  };
  if (past !== undefined) {
    const schema = await openSchema(build, "landing");
    const relations = landingRelations(project);
    await createLandingViews(client, schema, relations, past);
    for (const relation of relations) build.standIns.set(`landing.${relation}`, schema);
  }
  return build;
}

/** An environment keeps its day: what is tried out in it is tried on the same records. */
function dayOf(known: Environment | undefined, request: EnvironmentRequest): string | undefined {
  const { name, asOf, only } = request;
  if (known?.asOf !== undefined && asOf !== undefined && asOf !== known.asOf && only) {
    throw new ConfigError([
      `The environment ${name} shows ${known.asOf}, and another day is another for all of its models: leave --select out.`,
    ]);
  }
  if (known === undefined || known.asOf !== undefined) return asOf ?? known?.asOf;
  if (asOf === undefined) return undefined;
  throw new ConfigError([
    `The environment ${name} shows what is landed now: give another name for ${asOf}, or drop it first: npm run elt -- env drop ${name}`,
  ]);
}
