import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { landingObjectOf } from "./order.ts";
import type { Model, Project } from "./project.ts";

/** What the database remembers of a relation's last build. */
export type RelationState = {
  readonly relation: string;
  /** Something of that name stands in the database. */
  readonly exists: boolean;
  readonly fingerprint: string;
  readonly rowsFingerprint: string | undefined;
  /** Raised by every build that changed a row. */
  readonly version: bigint;
  /** Version of each input that its rows were computed from. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly rows: number | undefined;
  readonly day: string | undefined;
};

/** Reads what is remembered of every relation, seeds included. */
export async function readStates(database: Queryable): Promise<ReadonlyMap<string, RelationState>> {
  const rows = await query<{
    relation: string;
    exists: boolean;
    fingerprint: string;
    rows_fingerprint: string | null;
    version: string;
    inputs: Record<string, string>;
    row_count: string | null;
    day: string | null;
  }>(
    database,
    sql`
      select
        relation, to_regclass(relation) is not null as exists, fingerprint, rows_fingerprint,
        version, inputs, row_count, day
      from elt.relations`,
  );
  return new Map(
    rows.map((row) => [
      row.relation,
      {
        relation: row.relation,
        exists: row.exists,
        fingerprint: row.fingerprint,
        rowsFingerprint: row.rows_fingerprint ?? undefined,
        version: BigInt(row.version),
        inputs: row.inputs,
        rows: row.row_count === null ? undefined : Number(row.row_count),
        day: row.day ?? undefined,
      },
    ]),
  );
}

/** Writes what is to be remembered; nothing when it is remembered already. */
export async function writeState(database: Queryable, state: RelationState): Promise<void> {
  await execute(
    database,
    sql`
      insert into elt.relations as known (
        relation, fingerprint, rows_fingerprint, version, inputs, row_count, day
      )
      values (
        ${state.relation}, ${state.fingerprint}, ${state.rowsFingerprint ?? null},
        ${state.version}, ${JSON.stringify(state.inputs)}::jsonb, ${state.rows ?? null},
        ${state.day ?? null}
      )
      on conflict (relation) do update
      set
        fingerprint = excluded.fingerprint,
        rows_fingerprint = excluded.rows_fingerprint,
        version = excluded.version,
        inputs = excluded.inputs,
        row_count = excluded.row_count,
        day = excluded.day,
        updated_at = now()
      where (
          known.fingerprint, known.rows_fingerprint, known.version, known.inputs,
          known.row_count, known.day
        ) is distinct from (
          excluded.fingerprint, excluded.rows_fingerprint, excluded.version, excluded.inputs,
          excluded.row_count, excluded.day
        )`,
  );
}

/** The relations with rows of their own that a model's rows are computed from. */
export type ModelInputs = {
  /** Tables and seeds, by name. */
  readonly tables: ReadonlySet<string>;
  /** Objects of landing. */
  readonly objects: ReadonlySet<string>;
  /** Those of `tables`, and `landing.…`, that are read through a view. */
  readonly throughViews: ReadonlySet<string>;
};

/** Follows the names that a model, or a test that is a file, reads: through views to what these read. */
export function inputsOf(model: Pick<Model, "references">, project: Project): ModelInputs {
  const byName = new Map(project.models.map((one) => [one.name, one]));
  const tables = new Set<string>();
  const objects = new Set<string>();
  const throughViews = new Set<string>();

  function follow(reader: Pick<Model, "references">): void {
    for (const { schema, relation } of reader.references) {
      const name = `${schema}.${relation}`;
      const read = byName.get(name);
      if (schema === "landing") objects.add(landingObjectOf(relation));
      else if (read?.build === "view") {
        follow(read);
        continue;
      } else tables.add(name);
      if (reader !== model) throughViews.add(name);
    }
  }
  follow(model);
  return { tables, objects, throughViews };
}

/** What a build writes down of a table besides its inputs' versions. */
export function stateOf(
  model: Model,
  fingerprint: Fingerprint,
  rest: Pick<RelationState, "version" | "inputs" | "rows" | "day">,
): RelationState {
  return {
    relation: model.name,
    exists: true,
    fingerprint: fingerprint.whole,
    rowsFingerprint: fingerprint.rows,
    ...rest,
  };
}
