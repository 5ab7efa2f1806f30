import type { ModelResult } from "../events.ts";
import { inputsOf, type RelationState, stateOf, writeState } from "./build-state.ts";
import { ensureIndexes } from "./finish-table.ts";
import { forgetLoads, rememberLoads } from "./landing-changes.ts";
import { type ModelPlan, planModel } from "./plan-model.ts";
import type { Model } from "./project.ts";
import { publishSeed, seedFingerprint } from "./publish-seed.ts";
import { type PublishedTable, publishTable } from "./publish-table.ts";
import { commentRelation } from "./relation-record.ts";
import type { RunningBuild } from "./running-build.ts";
import type { Seed } from "./seed.ts";
import { columnsOf } from "./table-diff.ts";

/** What building one relation did, before it is named and timed. */
type Built = Omit<ModelResult, "model" | "ms">;

/** Brings a seed's table up to date; one whose files did not change is not looked at. */
export async function buildSeed(build: RunningBuild, seed: Seed): Promise<Built> {
  const { client, states, changes } = build;
  const before = states.get(seed.name);
  const fingerprint = seedFingerprint(seed);
  if (before?.exists === true && before.fingerprint === fingerprint && !isFull(build)) {
    changes.set(seed.name, { status: "unchanged" });
    return { build: "seed", changes: noChanges(seed.rows.length), mode: "unchanged" };
  }
  const { altered, ...rows } = await publishSeed(client, seed);
  const isChanged = altered || rows.added + rows.removed > 0 || before?.exists !== true;
  changes.set(
    seed.name,
    isChanged ? { status: "all", because: "changed" } : { status: "unchanged" },
  );
  await remember(build, {
    relation: seed.name,
    exists: true,
    fingerprint,
    rowsFingerprint: fingerprint,
    version: (before?.version ?? 0n) + (isChanged ? 1n : 0n),
    inputs: {},
    rows: rows.total,
    day: undefined,
  });
  return { build: "seed", changes: rows, mode: "seed" };
}

function isFull({ options }: RunningBuild): boolean {
  return options.fullRefresh === true;
}

function noChanges(total: number) {
  return { total, added: 0, changed: 0, removed: 0 };
}

/** Brings a table up to date: as much of it as what changed asks for. */
export async function buildTable(build: RunningBuild, model: Model): Promise<Built> {
  const { client, states, changes, plans } = build;
  const before = states.get(model.name);
  const planned = await planModel(build, model);
  plans.set(model.name, planned);
  const { objects } = inputsOf(model, build.project);
  if (planned.how === "first") await forgetLoads(client, model.name);
  const published: PublishedTable =
    planned.how === "unchanged"
      ? { changes: noChanges(before?.rows ?? 0), change: { status: "unchanged" } }
      : await publishTable(build, model, planned);
  const plan = published.plan ?? planned;
  plans.set(model.name, plan);
  changes.set(model.name, published.change);
  await rememberLoads(client, model.name, objects);
  await refreshDefinition(build, model, before);
  const isChanged = published.change.status !== "unchanged";
  await rememberModel(build, model, {
    version: (before?.version ?? 0n) + (isChanged ? 1n : 0n),
    rows: published.changes.total,
  });
  return { build: "table", changes: published.changes, ...told(plan) };
}

function told(plan: ModelPlan): Pick<Built, "mode" | "because"> {
  switch (plan.how) {
    case "whole":
      return { mode: "whole", because: plan.because };
    case "incremental":
      return { mode: "incremental", because: `${plan.keys.count} keys` };
    default:
      return { mode: plan.how };
  }
}

/** A new header without other rows: comments and indexes are brought up to date in place. */
async function refreshDefinition(
  build: RunningBuild,
  model: Model,
  before: RelationState | undefined,
): Promise<void> {
  const isNew = build.fingerprintOf(model).whole !== before?.fingerprint;
  if (!isNew || before?.exists !== true) return;
  for (const schema of [model.schema, "marts_pii"]) {
    const name = `${schema}.${model.relation}`;
    const isPii = schema !== model.schema;
    if (build.standIns.has(name) || (isPii && model.header.pii.size === 0)) continue;
    const columns = await columnsOf(build.client, name);
    if (columns.length === 0) continue;
    await commentRelation(build.client, model, schema, columns);
    await ensureIndexes(build.client, model, schema, columns);
  }
}

async function rememberModel(
  build: RunningBuild,
  model: Model,
  { version, rows }: Pick<RelationState, "version" | "rows">,
): Promise<void> {
  const fingerprint = build.fingerprintOf(model);
  const { tables } = inputsOf(model, build.project);
  const inputs = Object.fromEntries(
    [...tables].sort().map((name) => [name, String(build.states.get(name)?.version ?? 0n)]),
  );
  await remember(build, stateOf(model, fingerprint, { version, inputs, rows, day: build.day }));
}

/** Remembers a view: how it is defined, and the day on which it was last tested. */
export async function rememberView(build: RunningBuild, view: Model): Promise<void> {
  await remember(
    build,
    stateOf(view, build.fingerprintOf(view), {
      version: 0n,
      inputs: {},
      rows: undefined,
      day: build.day,
    }),
  );
}

/** Writes down what a relation is now; what it was is known to the models after it no more. */
async function remember(build: RunningBuild, state: RelationState): Promise<void> {
  build.states.set(state.relation, state);
  await writeState(build.client, state);
}
