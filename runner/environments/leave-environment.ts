import { query, sql } from "../../extract/query.ts";
import { ConfigError } from "../errors.ts";
import { quoted } from "../models/draft.ts";
import { PII_SCHEMA } from "../models/masked-columns.ts";
import { dropTable } from "./drop-table.ts";
import { schemaIn } from "./environment.ts";
import type { EnvironmentBuild } from "./environment-build.ts";
import { forgetRelation } from "./environment-relations.ts";

/**
 * Takes out of an environment what does not differ any more from what is published, or has no file.
 * What somebody put a view of their own on stays, and is told of.
 * @returns published names of what left
 */
export async function leaveEnvironment(build: EnvironmentBuild): Promise<readonly string[]> {
  const { client, environment, standing, standIns, emit } = build;
  const left: string[] = [];
  for (const name of standing.keys()) {
    if (standIns.has(name)) continue;
    const [schema = "", relation = ""] = name.split(".");
    const published = schema === "marts" ? [schema, PII_SCHEMA] : [schema];
    const schemas = published.map((one) => schemaIn(environment.name, one));
    await client.query("savepoint leaving");
    try {
      for (const one of await tablesIn(build, schemas, relation)) {
        await dropTable(client, one, relation);
      }
      await forgetRelation(client, environment.name, name);
      await client.query("release savepoint leaving");
      left.push(name);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      await client.query("rollback to savepoint leaving");
      emit({ type: "warning", message: `It keeps the rows of an earlier build: ${error.message}` });
    }
  }
  for (const name of left) standing.delete(name);
  return left;
}

/** The schemas of these that have a relation of that name. */
async function tablesIn(
  { client }: EnvironmentBuild,
  schemas: readonly string[],
  relation: string,
): Promise<readonly string[]> {
  const names = schemas.map((schema) => quoted(schema, relation));
  const rows = await query<{ schema: string }>(
    client,
    sql`
      select schema
      from unnest(${schemas}::text[], ${names}::text[]) as wanted (schema, name)
      where to_regclass(name) is not null`,
  );
  return rows.map(({ schema }) => schema);
}
