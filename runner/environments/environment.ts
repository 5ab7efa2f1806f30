import { hostname } from "node:os";
import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import { ConfigError } from "../errors.ts";
import { didYouMean } from "../models/near-name.ts";

/** Schemas beside the published ones, in which somebody tries models out. */
export type Environment = {
  readonly name: string;
  /** The day whose end it shows the source at: `YYYY-MM-DD`, Brasília. Undefined: now. */
  readonly asOf: string | undefined;
  /** Schemas that it made and that still stand. */
  readonly schemas: readonly string[];
};

/** What stands for these schemas in an environment is called `<environment>_<schema>`. */
const stoodFor = ["landing", "seeds", "staging", "marts", "marts_pii"] as const;

/** The schema that stands for a published one in an environment. */
export function schemaIn(environment: string, schema: string): string {
  return `${environment}_${schema}`;
}

/** Names whose schemas would look like the program's own. */
const RESERVED = /^(elt|pg|landing|seeds|staging|marts|public|information_schema)(_|$)/;

/**
 * Reads the name of an environment.
 * @throws ConfigError that says what a name looks like
 */
export function readEnvironmentName(name: string): string {
  if (!/^[a-z][a-z0-9_]{0,20}$/.test(name)) {
    throw new ConfigError([
      `"${name}" cannot name an environment: give at most 21 small letters, digits and _, a letter first, like ana or vgv_2026.`,
    ]);
  }
  if (RESERVED.test(name)) {
    throw new ConfigError([
      `"${name}" cannot name an environment: its schemas would look like the program's own. Give another, like ana.`,
    ]);
  }
  return name;
}

/** What is remembered of an environment; undefined when there is none of that name. */
export async function findEnvironment(
  database: Queryable,
  name: string,
): Promise<Environment | undefined> {
  const [row] = await query<{ as_of: string | null; schemas: string[] }>(
    database,
    sql`
      select
        as_of::text as as_of,
        array(select nspname::text from pg_namespace where nspname = any (schemas)) as schemas
      from elt.environments
      where name = ${name}`,
  );
  return row && { name, asOf: row.as_of ?? undefined, schemas: row.schemas };
}

/**
 * The environment of that name.
 * @throws ConfigError when there is none, naming those that there are
 */
export async function requireEnvironment(database: Queryable, name: string): Promise<Environment> {
  const found = await findEnvironment(database, readEnvironmentName(name));
  if (found !== undefined) return found;
  const rows = await query<{ name: string }>(
    database,
    sql`select name from elt.environments order by name`,
  );
  const names = rows.map((row) => row.name);
  const meant = didYouMean(name, names);
  const there =
    names.length === 0
      ? `there is none yet. elt build --env ${name} makes it`
      : (meant ?? `there are ${names.join(", ")}`);
  throw new ConfigError([`There is no environment ${name}: ${there.replace(/\?$/, "")}.`]);
}

/**
 * A schema of one of an environment's names that it did not make is somebody else's.
 * @throws ConfigError that names it
 */
export async function assertSchemasFree(
  database: Queryable,
  { name, schemas }: Environment,
): Promise<void> {
  const wanted = stoodFor.map((schema) => schemaIn(name, schema));
  const rows = await query<{ schema: string }>(
    database,
    sql`
      select nspname as schema
      from pg_namespace
      where nspname = any (${wanted}::text[]) and not nspname = any (${schemas}::text[])
      order by nspname`,
  );
  if (rows.length === 0) return;
  const taken = rows.map(({ schema }) => schema).join(" and ");
  throw new ConfigError([
    `The environment ${name} would need schema ${taken}, which stands in this database and is not an environment's: choose another name.`,
  ]);
}

/**
 * Writes an environment down as a build leaves it. Whoever was forgotten before it was built is not in
 * it: so it counts as built when all of its models were.
 */
export async function rememberEnvironment(
  database: Queryable,
  { name, asOf, schemas }: Environment,
  scope: "all models" | "some models",
): Promise<void> {
  await execute(
    database,
    sql`
      insert into elt.environments (name, as_of, schemas, host)
      values (${name}, ${asOf ?? null}::date, ${schemas}::text[], ${hostname()})
      on conflict (name) do update
      set
        as_of = excluded.as_of,
        schemas = excluded.schemas,
        built_at = case when ${scope === "all models"} then now() else environments.built_at end`,
  );
}
