import { DatabaseError, type Pool } from "pg";
import { createViewText, type Draft, fillSeed, quoted, withDraft } from "./draft.ts";
import { personalColumns, projectLineage } from "./lineage.ts";
import { orderModels } from "./order.ts";
import { ModelError } from "./problem.ts";
import type { Model, Project } from "./project.ts";
import { applyEdits, referenceEdits } from "./rename-references.ts";
import { explainFailure } from "./run-model.ts";
import { readBy } from "./selection.ts";
import { changedModels, changedSeeds } from "./stale-models.ts";
import { columnsOf } from "./table-diff.ts";

/** The first rows of a model as its file stands, cells as texts. */
export type ShownModel = {
  readonly model: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
  /** Models that were computed from their files too, since these differ from what is built. */
  readonly fromFiles: readonly string[];
  readonly masked: readonly string[];
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
  limit: number,
): Promise<ShownModel> {
  const { order, problems } = orderModels(project);
  const ancestors = readBy(project, model);
  const involved = order.filter((one) => one === model || ancestors.has(one.name));
  const files = new Set(involved.map(({ file }) => file));
  const own = [...project.problems, ...problems].filter(({ file }) => files.has(file));
  if (own.length > 0) throw new ModelError(own);
  const seeds = await changedSeeds(pool, project);
  const changed = await changedModels(pool, project);
  const stale = staleAmong(involved, new Set([...changed, ...seeds.map(({ name }) => name)]));
  const drafted = new Set([model.name, ...stale, ...seeds.map(({ name }) => name)]);
  const isPersonal = personalColumns(project.models, projectLineage(project, order));

  return withDraft(pool, project, async (draft) => {
    for (const seed of seeds) await fillSeed(draft, seed);
    for (const one of involved) if (drafted.has(one.name)) await createView(draft, one, drafted);
    const view = quoted(draft.schemaOf(model.schema), model.relation);
    const columns = (await columnsOf(draft.client, view)).map(({ name }) => name);
    const cells = columns.map((name) => {
      const value = `shown.${quoted(name)}::text`;
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

/** What changed, and what reads something that changed, in the order of building. */
function staleAmong(order: readonly Model[], changed: ReadonlySet<string>): readonly string[] {
  const stale = new Set<string>();
  for (const model of order) {
    const reads = model.references
      .map(({ schema, relation }) => `${schema}.${relation}`)
      .some((name) => stale.has(name) || (name.startsWith("seeds.") && changed.has(name)));
    if (reads || changed.has(model.name)) stale.add(model.name);
  }
  return [...stale];
}

async function createView(draft: Draft, model: Model, drafted: ReadonlySet<string>): Promise<void> {
  const edited = applyEdits(
    model.select,
    referenceEdits(model, ({ schema = "", relation }) =>
      drafted.has(`${schema}.${relation}`) ? draft.schemaOf(schema) : undefined,
    ),
  );
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
