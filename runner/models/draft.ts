import type { Pool, PoolClient } from "pg";
import { connect } from "../../extract/connection.ts";
import { query, sql } from "../../extract/query.ts";
import { landingObjects } from "./order.ts";
import type { Model, Project } from "./project.ts";
import { type Seed, seedColumnType } from "./seed.ts";

/** Schemas of this transaction alone, in which a project stands beside what is published. */
export type Draft = {
  readonly client: PoolClient;
  /** The throw-away schema that stands for `staging`, `seeds` or `marts`; `landing` is the real one. */
  readonly schemaOf: (schema: string) => string;
  /** A message of the database with the schemas' real names. */
  readonly restoreNames: (message: string) => string;
};

const draftSchemas = ["staging", "seeds", "marts"] as const;

/**
 * Opens throw-away schemas with the seeds' tables in a transaction that is always rolled back:
 * nothing that is published is locked or changed, and nothing stays.
 * @param options.snapshot whether all of `work` sees what others commit, or one moment of it
 */
export async function withDraft<T>(
  pool: Pool,
  project: Project,
  work: (draft: Draft) => Promise<T>,
  { snapshot }: { readonly snapshot: "per statement" | "one" } = { snapshot: "per statement" },
): Promise<T> {
  const { client, release } = await connect(pool);
  try {
    const isolation = snapshot === "one" ? "isolation level repeatable read" : "";
    await client.query(`begin ${isolation}`);
    const [row] = await query<{ pid: number; missing: string[] | null }>(
      client,
      sql`
        select
          pg_backend_pid() as pid,
          (
            select array_agg(objeto)
            from unnest(${landingObjects(project.models)}::text[]) as objeto
            where to_regclass(format('landing.%I', objeto || '_atual')) is null
          ) as missing`,
    );
    const prefix = `elt_draft_${row?.pid ?? 0}_`;
    const schemaOf = (schema: string) =>
      draftSchemas.some((name) => name === schema) ? prefix + schema : schema;
    // What was never extracted has no table yet; here it is an empty one, rolled back like all else.
    for (const object of row?.missing ?? []) {
      await client.query("savepoint object");
      await client
        .query("select landing.create_object($1)", [object])
        .catch(() => client.query("rollback to savepoint object"));
    }
    await client.query(
      [
        ...draftSchemas.map((schema) => `create schema "${schemaOf(schema)}"`),
        ...project.seeds.map(
          ({ relation, columns }) =>
            `create table ${quoted(schemaOf("seeds"), relation)} (${columns.map((name) => `${quoted(name)} ${seedColumnType(name)}`).join(", ")})`,
        ),
      ].join(";\n"),
    );
    const restoreNames = (message: string) => message.replaceAll(prefix, "");
    return await work({ client, schemaOf, restoreNames });
  } finally {
    await client.query("rollback").catch(() => undefined);
    release({ close: true });
  }
}

/** A quoted name of up to two parts. */
export function quoted(...parts: readonly string[]): string {
  return parts.map((part) => `"${part.replaceAll('"', '""')}"`).join(".");
}

/** The statement up to the model's text that lets it stand as a view. */
export function createViewText(draft: Draft, model: Model): string {
  return `create view ${quoted(draft.schemaOf(model.schema), model.relation)} as\n`;
}

/** Puts a seed's rows into its table of the draft, which is empty otherwise. */
export async function fillSeed({ client, schemaOf }: Draft, seed: Seed): Promise<void> {
  const values = seed.columns.map((_, index) => seed.rows.map((row) => row[index] ?? null));
  const columns = seed.columns.map((name, i) => `$${i + 1}::${seedColumnType(name)}[]`);
  const table = quoted(schemaOf("seeds"), seed.relation);
  await client.query(`insert into ${table} select * from unnest(${columns.join(", ")})`, values);
}
