import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import type { RelationState } from "../models/build-state.ts";
import { schemaIn } from "./environment.ts";

/** What is remembered of a table that stands in an environment. */
export type EnvironmentRelation = {
  /** The published name: `marts.vendas` stands in schema `<environment>_marts`. */
  readonly relation: string;
  readonly exists: boolean;
  readonly fingerprint: string;
  readonly rowsFingerprint: string;
  /** The last run that changed its rows. */
  readonly changedIn: string;
  /** Where each input stood, and which rows it had. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly rows: number;
  /** The day on which it was computed, or the day that was taken for today. */
  readonly day: string;
};

/** Reads what stands in an environment, by published name. */
export async function readRelations(
  database: Queryable,
  environment: string,
): Promise<ReadonlyMap<string, EnvironmentRelation>> {
  const rows = await query<{
    relation: string;
    exists: boolean;
    fingerprint: string;
    rows_fingerprint: string;
    changed_in: string;
    inputs: Record<string, string>;
    row_count: string;
    day: string;
  }>(
    database,
    sql`
      select
        relation,
        to_regclass(
          format(
            '%I.%I',
            ${schemaIn(environment, "")} || split_part(relation, '.', 1),
            split_part(relation, '.', 2)
          )
        ) is not null as exists,
        fingerprint, rows_fingerprint, changed_in::text, inputs, row_count, day
      from elt.environment_relations
      where environment = ${environment}`,
  );
  return new Map(
    rows.map((row) => [
      row.relation,
      {
        relation: row.relation,
        exists: row.exists,
        fingerprint: row.fingerprint,
        rowsFingerprint: row.rows_fingerprint,
        changedIn: row.changed_in,
        inputs: row.inputs,
        rows: Number(row.row_count),
        day: row.day,
      },
    ]),
  );
}

/** Writes down what a table of an environment is now. */
export async function writeRelation(
  database: Queryable,
  environment: string,
  state: EnvironmentRelation,
): Promise<void> {
  await execute(
    database,
    sql`
      insert into elt.environment_relations (
        environment, relation, fingerprint, rows_fingerprint, changed_in, inputs, row_count, day
      )
      values (
        ${environment}, ${state.relation}, ${state.fingerprint}, ${state.rowsFingerprint},
        ${state.changedIn}, ${JSON.stringify(state.inputs)}::jsonb, ${state.rows}, ${state.day}
      )
      on conflict (environment, relation) do update
      set
        fingerprint = excluded.fingerprint,
        rows_fingerprint = excluded.rows_fingerprint,
        changed_in = excluded.changed_in,
        inputs = excluded.inputs,
        row_count = excluded.row_count,
        day = excluded.day`,
  );
}

/** Forgets a table that left its environment. */
export async function forgetRelation(
  database: Queryable,
  environment: string,
  relation: string,
): Promise<void> {
  await execute(
    database,
    sql`
      delete from elt.environment_relations
      where environment = ${environment} and relation = ${relation}`,
  );
}

/** What stands for the files of somebody who works in an environment: its tables before others. */
export function statesSeen(
  published: ReadonlyMap<string, RelationState>,
  standing: ReadonlyMap<string, EnvironmentRelation>,
): ReadonlyMap<string, RelationState> {
  const own = [...standing.values()].map((one): [string, RelationState] => [
    one.relation,
    {
      relation: one.relation,
      exists: one.exists,
      fingerprint: one.fingerprint,
      rowsFingerprint: one.rowsFingerprint,
      version: BigInt(one.changedIn),
      inputs: one.inputs,
      rows: one.rows,
      day: one.day,
    },
  ]);
  return new Map([...published, ...own]);
}
