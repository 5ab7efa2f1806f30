import { DatabaseError, type PoolClient } from "pg";
import { execute, query, sql } from "../../extract/query.ts";
import { forgetGrants } from "./access.ts";
import { carryConstraints } from "./carry-constraints.ts";
import {
  addColumns,
  addColumnsAside,
  dropColumns,
  fillTable,
  type InPlace,
  inPlaceOf,
} from "./fill-table.ts";
import { ModelError } from "./problem.ts";
import type { Model } from "./project.ts";
import { createOrReplaceView } from "./publish-view.ts";
import { problemOfChange } from "./refuse-losses.ts";
import { commentRelation } from "./relation-record.ts";
import { isModelFault } from "./run-model.ts";
import { dropEmptyStandInSchemas, type PendingSwap, type RunningBuild } from "./running-build.ts";
import {
  readDependents,
  restoreProperties,
  restoreRelation,
  type SavedRelation,
  saveRelation,
} from "./saved-relation.ts";
import { carryIndexes, readCarried, swapTable } from "./swap-table.ts";
import { columnsOf } from "./table-diff.ts";
import { withLockTimeout } from "./with-lock-timeout.ts";

const DEPENDENTS_EXIST = "2BP01";

/**
 * Gives tables and views their new definitions: the last thing that a build does, because readers
 * wait from here to its end. Views that people made on top are made again as they were, with their
 * rights; nothing is ever dropped with what stands on it.
 * @returns the views that were created or replaced
 * @throws ModelError when readers would lose something and that is not allowed, or when something
 * that stands on a relation cannot be made again
 */
export async function publishDefinitions(
  build: RunningBuild,
  views: readonly Model[],
): Promise<readonly Model[]> {
  const { client } = build;
  const swaps = build.swaps.splice(0);
  if (swaps.length === 0 && views.every((view) => !isChanged(build, view))) return [];
  const anew = swaps.filter(({ kind }) => kind === "anew");
  const inPlace: InPlace[] = [];
  for (const swap of swaps) if (!anew.includes(swap)) inPlace.push(await inPlaceOf(build, swap));
  for (const one of inPlace) if (one.isLarge) await addColumnsAside(build, one);
  for (const one of inPlace) {
    if (one.isLarge || one.added.length === 0) await fillTable(build, one);
  }
  for (const { schema, model } of anew) {
    const left = [
      ...(await carryIndexes(client, { schema, relation: model.relation })),
      ...(await carryConstraints(client, schema, model)),
    ];
    for (const one of left) {
      warn(build, `${one} of ${schema}.${model.relation} names a column that is gone.`);
    }
  }
  const names = [
    ...swaps.map(({ schema, model }) => quoted(schema, model.relation)),
    ...views.map(({ schema, relation }) => quoted(schema, relation)),
  ];
  let outcome: Outcome = { published: [], notes: [] };
  await withLockTimeout(client, names, async (beforeWaiting) => {
    outcome = await defineAll(build, { anew, inPlace, views }, beforeWaiting);
  });
  for (const note of outcome.notes) warn(build, note);
  for (const { schema, model } of swaps) build.standIns.delete(`${schema}.${model.relation}`);
  await dropEmptyStandInSchemas(build);
  return outcome.published;
}

/** What one attempt did, and what is to be told of it. */
type Outcome = { readonly published: readonly Model[]; readonly notes: readonly string[] };

/** A relation that had to be dropped because of a model, to be made again. */
type Dropped = { readonly relation: SavedRelation; readonly cause: Model };

function warn(build: RunningBuild, message: string): void {
  build.emit({ type: "warning", message });
}

/** The view does not stand in the database as its text and functions say. */
export function isChanged({ states, fingerprintOf }: RunningBuild, view: Model): boolean {
  const state = states.get(view.name);
  return state?.exists !== true || state.fingerprint !== fingerprintOf(view).whole;
}

/** What is to be defined anew. */
type Definitions = {
  readonly anew: readonly PendingSwap[];
  readonly inPlace: readonly InPlace[];
  readonly views: readonly Model[];
};

async function defineAll(
  build: RunningBuild,
  { anew, inPlace, views }: Definitions,
  beforeWaiting: () => Promise<void>,
): Promise<Outcome> {
  const { client } = build;
  const notes: string[] = [];
  for (const one of inPlace) {
    await beforeWaiting();
    if (!one.isLarge && one.added.length > 0) {
      await addColumns(build, one);
      await fillTable(build, one);
    }
  }

  const dropped: Dropped[] = [];
  const dropAllOn = async (cause: Model, names: readonly string[]): Promise<void> => {
    const dependents = await readDependents(client, names);
    for (const relation of [...dependents].reverse()) {
      await beforeWaiting();
      await client.query(`drop ${relation.kind} ${relation.name}`);
    }
    // What is dropped later stood without what was dropped before, so it can be made again first.
    dropped.unshift(...dependents.map((relation) => ({ relation, cause })));
  };
  const [first] = anew;
  if (first !== undefined) {
    await dropAllOn(
      first.model,
      anew.map(({ schema, model }) => quoted(schema, model.relation)),
    );
  }
  for (const { schema, model } of anew) {
    const table = { schema, relation: model.relation };
    const carried = await readCarried(client, table);
    notes.push(...carried.left.map((left) => `This names a column that is gone: ${left}.`));
    await beforeWaiting();
    await refusing(model, () => swapTable(client, table, carried));
  }

  const published: Model[] = [];
  for (const view of views) {
    const wasDropped = dropped.some(({ relation }) => relation.plainName === view.name);
    if (!wasDropped && !isChanged(build, view)) continue;
    await beforeWaiting();
    await defineView(build, view, dropAllOn);
    published.push(view);
  }
  for (const one of dropped) await restoreDropped(build, one, published);
  for (const one of inPlace) {
    await beforeWaiting();
    await refusing(one.swap.model, () => dropColumns(build, one));
  }
  return { published, notes };
}

/** Replaces a view, or drops what stands on it and creates it anew. */
async function defineView(
  { client }: RunningBuild,
  view: Model,
  dropAllOn: (cause: Model, names: readonly string[]) => Promise<void>,
): Promise<void> {
  const before = await columnsOf(client, view.name);
  const self = before.length === 0 ? undefined : await saveByName(client, view);
  const wasTable = self !== undefined && self.kind !== "view";
  if (
    self !== undefined &&
    (wasTable || (await createOrReplaceView(client, view)) === "columns differ")
  ) {
    await dropAllOn(view, [quoted(view.schema, view.relation)]);
    const drop = sql.__dangerous__rawValue(`drop ${self.kind}`);
    await refusing(view, () =>
      execute(client, sql`${drop} ${sql.ident(view.schema, view.relation)}`),
    );
    await createOrReplaceView(client, view);
    const kept = withoutComments(self);
    const isRight = (statement: string) => statement.startsWith("grant ");
    // Only rights mean the same on a table and on a view.
    await restoreProperties(
      client,
      wasTable ? { ...kept, properties: kept.properties.filter(isRight) } : kept,
    );
  } else if (self === undefined) {
    await createOrReplaceView(client, view);
  }
  if (before.length === 0) await forgetGrants(client, view.name);
  await commentRelation(client, view, view.schema, await columnsOf(client, view.name));
}

function withoutComments({
  name,
  properties,
}: SavedRelation): Pick<SavedRelation, "name" | "properties"> {
  return { name, properties: properties.filter((one) => !one.startsWith("comment on ")) };
}

async function saveByName(client: PoolClient, view: Model): Promise<SavedRelation> {
  const [row] = await query<{ oid: string }>(
    client,
    sql`select to_regclass(${quoted(view.schema, view.relation)})::oid::text as oid`,
  );
  return saveRelation(client, row?.oid ?? "0");
}

/** Makes what was dropped again: a model's view has its text already, and needs its rights. */
async function restoreDropped(
  { client }: RunningBuild,
  { relation, cause }: Dropped,
  views: readonly Model[],
): Promise<void> {
  if (views.some(({ name }) => name === relation.plainName)) {
    await restoreProperties(client, withoutComments(relation));
    return;
  }
  await client.query("savepoint restore");
  try {
    await restoreRelation(client, relation);
    await client.query("release savepoint restore");
  } catch (error) {
    if (!(error instanceof DatabaseError) || !isModelFault(error.code)) throw error;
    await client.query("rollback to savepoint restore");
    const message = `the columns of ${cause.name} change, and ${relation.plainName}, which stands on it, cannot be made again: ${error.message}`;
    throw new ModelError([problemOfChange(cause, message)]);
  }
}

/** What people put on the table and PostgreSQL does not let go of is named, never dropped. */
async function refusing(model: Model, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== DEPENDENTS_EXIST) throw error;
    const message = `the columns of ${model.name} change, and ${error.detail ?? error.message}`;
    throw new ModelError([
      {
        ...problemOfChange(model, message),
        hint: "Keep the published columns and their order, with new ones at the end; or drop what stands on it, build, and make that again.",
      },
    ]);
  }
}

function quoted(...parts: readonly string[]): string {
  return parts.map((part) => `"${part.replaceAll('"', '""')}"`).join(".");
}
