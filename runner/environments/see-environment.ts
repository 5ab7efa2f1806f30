import type { Queryable } from "../../extract/query.ts";
import { type RelationState, readStates } from "../models/build-state.ts";
import { landingRelations } from "../models/order.ts";
import type { Project } from "../models/project.ts";
import { type Environment, requireEnvironment, schemaIn } from "./environment.ts";
import { readRelations, statesSeen } from "./environment-relations.ts";

/** What somebody who works in an environment reads: its tables, elsewhere what is published. */
export type SeenEnvironment = {
  readonly environment: Environment;
  /** What stands, by published name. Of a day of the past nothing is read that is published. */
  readonly states: ReadonlyMap<string, RelationState>;
  /** Published name → the schema where it is read instead. */
  readonly standIns: ReadonlyMap<string, string>;
};

/**
 * Looks up where relations are read in an environment.
 * @throws ConfigError when there is none of that name
 */
export async function seeEnvironment(
  database: Queryable,
  project: Project,
  name: string,
): Promise<SeenEnvironment> {
  const environment = await requireEnvironment(database, name);
  const standing = await readRelations(database, name);
  const isOfPast = environment.asOf !== undefined;
  const published = isOfPast ? new Map<string, RelationState>() : await readStates(database);
  const standIns = new Map<string, string>();
  for (const { relation, exists } of standing.values()) {
    const [schema = ""] = relation.split(".");
    if (exists) standIns.set(relation, schemaIn(name, schema));
  }
  if (isOfPast) {
    for (const relation of landingRelations(project)) {
      standIns.set(`landing.${relation}`, schemaIn(name, "landing"));
    }
  }
  return { environment, states: statesSeen(published, standing), standIns };
}
