import { DatabaseError, type Pool } from "pg";
import type { RelationState } from "./build-state.ts";
import { createViewText, type Draft, fillSeed, quoted, withDraft } from "./draft.ts";
import { personalColumns, projectLineage } from "./lineage.ts";
import { orderModels } from "./order.ts";
import { ModelError } from "./problem.ts";
import type { Model, Project } from "./project.ts";
import { applyEdits, type EditedText, referenceEdits } from "./rename-references.ts";
import { explainFailure } from "./run-model.ts";
import type { Reference } from "./select.ts";
import { readBy } from "./selection.ts";
import { changedModels, changedSeeds } from "./stale-models.ts";
import { columnsOf } from "./table-diff.ts";
import { todayEdits } from "./today-edits.ts";

/** The first rows of a model as its file stands, cells as texts. */
export type ShownModel = {
  readonly model: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  /** Models that were computed from their files too, since these differ from what is built. */
  readonly fromFiles: readonly string[];
  readonly masked: readonly string[];
};

/** What is built, where that is not what is published: the tables of an environment. */
export type BuiltElsewhere = {
  readonly states: ReadonlyMap<string, RelationState>;
  /** Published name → the schema where it is read instead. */
  readonly standIns: ReadonlyMap<string, string>;
  /** The day that `elt.hoje()` is, when it is not today. */
  readonly asOf: string | undefined;
};

/**
 * Runs a model as its file stands now, over what is built; what it reads and whose file changed too
 * is computed from its file. Nothing is written. Personal columns are masked as a mart would.
 * @throws ModelError when its text, or that of something it reads, is wrong
 */
export async function showModel(
  pool: Pool,
  project: Project,
  model: Model,
  { limit, built }: { readonly limit: number; readonly built?: BuiltElsewhere | undefined },
): Promise<ShownModel> {
  const { order, problems } = orderModels(project);
  const ancestors = readBy(project, model);
  const involved = order.filter((one) => one === model || ancestors.has(one.name));
  const files = new Set(involved.map(({ file }) => file));
  const own = [...project.problems, ...problems].filter(({ file }) => files.has(file));
  if (own.length > 0) throw new ModelError(own);
  const seeds = await changedSeeds(pool, project, built?.states);
  const changed = await changedModels(pool, project, built?.states);
  const standIns = built?.standIns ?? new Map<string, string>();
  const differing = new Set([...changed, ...seeds.map(({ name }) => name)]);
  const stale = staleAmong(involved, differing, standIns);
  const drafted = new Set([model.name, ...stale, ...seeds.map(({ name }) => name)]);
  const isPersonal = personalColumns(project.models, projectLineage(project, order));

  return withDraft(pool, project, async (draft) => {
    for (const seed of seeds) await fillSeed(draft, seed);
    const schemaOf = ({ schema = "", relation }: Reference): string | undefined => {
      const name = `${schema}.${relation}`;
      return drafted.has(name) ? draft.schemaOf(schema) : standIns.get(name);
    };
    for (const one of involved) {
      if (!drafted.has(one.name)) continue;
      const edits = [...referenceEdits(one, schemaOf), ...todayEdits(one, built?.asOf)];
      await createView(draft, one, applyEdits(one.select, edits));
    }
    const view = quoted(draft.schemaOf(model.schema), model.relation);
    const shown = await columnsOf(draft.client, view);
    const columns = shown.map(({ name }) => name);
    const cells = shown.map(({ name, type }) => {
      const column = `shown.${quoted(name)}`;
      const value = type === "timestamp with time zone" ? brasiliaText(column) : `${column}::text`;
      const mask = model.header.pii.get(name) ?? isPersonal(model.name, name);
      if (mask === undefined) return value;
      const salt = "(select value from elt.secrets where name = 'salt')";
      return mask === "documento"
        ? `elt.mask_documento(${value}, ${salt})`
        : `elt.mask_${mask}(${value})`;
    });
    const statement = `select array[${cells.join(", ")}]::text[] as cells from ${view} as shown limit ${limit}`;
    const rows = await readRows(draft, model, statement);
    return {
      model: model.name,
      columns,
      rows,
      fromFiles: stale.filter((name) => name !== model.name),
      masked: columns.filter((name) => isPersonal(model.name, name) !== undefined),
    };
  });
}

/**
 * An instant by the clock of Brasília, every digit kept, with its offset: `2026-01-31 21:30:00-03`. Not
 * by the session's zone, on which a model's own expressions may depend.
 */
function brasiliaText(instant: string): string {
  const local = `(${instant} at time zone 'America/Sao_Paulo')`;
  const offset = `(${local} - (${instant} at time zone 'UTC'))`;
  return `case when isfinite(${instant})
    then ${local}::text || replace(${offset}::text, ':00:00', '') else ${instant}::text end`;
}

/**
 * What changed, and what reads something that changed, in the order of building.
 * @param elsewhere relations of an environment: what reads one is right only if it stands there, too
 */
function staleAmong(
  order: readonly Model[],
  changed: ReadonlySet<string>,
  elsewhere: ReadonlyMap<string, string>,
): readonly string[] {
  const stale = new Set<string>();
  for (const model of order) {
    const reads = model.references
      .map(({ schema, relation }) => `${schema}.${relation}`)
      .some(
        (name) =>
          stale.has(name) ||
          (name.startsWith("seeds.") && changed.has(name)) ||
          (elsewhere.has(name) && !elsewhere.has(model.name)),
      );
    if (reads || changed.has(model.name)) stale.add(model.name);
  }
  return [...stale];
}

async function createView(draft: Draft, model: Model, edited: EditedText): Promise<void> {
  const before = createViewText(draft, model);
  await draft.client.query("savepoint shown");
  try {
    await draft.client.query(before + edited.text);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    await draft.client.query("rollback to savepoint shown");
    throw await explainFailure(draft.client, model, error, { ...edited, before });
  }
}

async function readRows(
  draft: Draft,
  model: Model,
  statement: string,
): Promise<ShownModel["rows"]> {
  await draft.client.query("savepoint shown");
  try {
    const { rows } = await draft.client.query<{ cells: (string | null)[] }>(statement);
    return rows.map(({ cells }) => cells);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    await draft.client.query("rollback to savepoint shown");
    throw await explainFailure(draft.client, model, error, { text: "", before: "" });
  }
}
