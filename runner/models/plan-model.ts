import { query, sql } from "../../extract/query.ts";
import { inputsOf, type ModelInputs, type RelationState } from "./build-state.ts";
import { bringRecords, type ChangedKeys, collectChangedKeys, isSeen } from "./changed-keys.ts";
import { type ColumnsRead, columnsRead } from "./columns-read.ts";
import { type KeyLocality, keyLocality } from "./key-locality.ts";
import { type UnbuiltLoads, unbuiltLoads } from "./landing-changes.ts";
import { PII_SCHEMA } from "./masked-columns.ts";
import type { Model } from "./project.ts";
import { readQuery } from "./read-query.ts";
import { changeOf, type RunningBuild } from "./running-build.ts";
import { columnsOf } from "./table-diff.ts";

/** How the rows of a table are brought up to date. */
export type ModelPlan =
  | { readonly how: "unchanged" }
  | { readonly how: "first" }
  | { readonly how: "whole"; readonly because: string }
  | {
      readonly how: "incremental";
      readonly locality: KeyLocality & { readonly keyLocal: true };
      readonly keys: ChangedKeys;
    };

/** Of a table's keys: some alone are faster up to here, and no slower up to nearly half of them. */
const LARGEST_SHARE = 0.3;

/** Decides what must be computed of a table, from what changed since its last build. */
export async function planModel(build: RunningBuild, model: Model): Promise<ModelPlan> {
  const state = build.states.get(model.name);
  if (state?.exists !== true) return { how: "first" };
  const fingerprint = build.fingerprintOf(model);
  if (build.options.fullRefresh === true) return whole("--full-refresh");
  if (state.rowsFingerprint !== fingerprint.rows) {
    return whole("its text, or a function or view that it uses, changed");
  }
  if (model.header.pii.size > 0 && !(await standsClear(build, model))) {
    return whole("its clear values stand nowhere");
  }
  if (fingerprint.clock === "moment") return whole("it asks for the time or for chance");
  if (fingerprint.clock === "day" && state.day !== build.day) {
    return whole("it depends on the date, and the day changed");
  }
  const inputs = inputsOf(model, build.project);
  const loads = await unbuiltLoads(build.client, model.name, inputs.objects);
  const lost = lostTrack(build, state, inputs);
  if (lost !== undefined) return whole(lost);
  const changed = [...inputs.tables].filter((name) => changeOf(build, name).status === "rows");
  if (changed.length === 0 && loads.size === 0) return { how: "unchanged" };
  return planRows(build, model, { inputs, loads, changed, state });
}

async function standsClear({ client }: RunningBuild, { relation }: Model): Promise<boolean> {
  return (await columnsOf(client, `${PII_SCHEMA}.${relation}`)).length > 0;
}

function whole(because: string): ModelPlan {
  return { how: "whole", because };
}

/** Why it is not known which rows of an input are new to the model; undefined when it is. */
function lostTrack(
  build: RunningBuild,
  state: RelationState,
  inputs: ModelInputs,
): string | undefined {
  for (const name of inputs.tables) {
    const change = changeOf(build, name);
    if (change.status === "all") return `${name} ${change.because}`;
    const version = build.states.get(name)?.version ?? 0n;
    const before = change.status === "rows" ? version - 1n : version;
    if (state.inputs[name] !== String(before)) return `${name} changed in a build without it`;
  }
  return undefined;
}

/** What is known of a model's inputs. */
type Situation = {
  readonly inputs: ModelInputs;
  readonly loads: UnbuiltLoads;
  /** Tables with another row. */
  readonly changed: readonly string[];
  readonly state: RelationState;
};

async function planRows(
  build: RunningBuild,
  model: Model,
  { inputs, loads, changed, state }: Situation,
): Promise<ModelPlan> {
  const read =
    model.tree === undefined ? new Map<string, ColumnsRead>() : columnsRead(readQuery(model.tree));
  const readOf = (name: string) => read.get(name);
  const seen: string[] = [];
  for (const name of changed) {
    const change = changeOf(build, name);
    const columns = inputs.throughViews.has(name) ? "all" : readOf(name);
    // A relation that no query reached reads, like an unused CTE, changes nothing.
    if (columns === undefined || change.status !== "rows") continue;
    if (await isSeen(build, change.delta, columns)) seen.push(name);
  }
  if (seen.length === 0 && !(await bringRecords(build, loads))) return { how: "unchanged" };

  const throughView = [...inputs.throughViews].find(
    (name) => seen.includes(name) || name.startsWith("landing."),
  );
  if (throughView !== undefined) return whole(`${throughView} is read through a view`);
  const locality = keyLocality(model, build.project);
  if (!locality.keyLocal) return whole(`it is not key-local: ${locality.because}`);
  const changedWhole = locality.whole.find(
    ({ relation, lookups }) =>
      (seen.includes(relation) && lookups.length === 0) || relation.startsWith("landing."),
  );
  if (changedWhole !== undefined) {
    return whole(`${changedWhole.relation} changed, and ${changedWhole.because}`);
  }
  const inPayload = locality.inputs.find(
    ({ relation, columns }) =>
      relation.startsWith("landing.") &&
      columns.some((column) => column !== "conta" && column !== "chave"),
  );
  if (inPayload !== undefined) {
    return whole(`${inPayload.relation} is followed by conta and chave, not by its other columns`);
  }
  const otherType = await differentType(build, model, locality);
  if (otherType !== undefined) return whole(otherType);
  const keys = await collectChangedKeys(build, locality, loads, read);
  if (keys.count === 0) return { how: "unchanged" };
  if (keys.count > LARGEST_SHARE * (state.rows ?? 0))
    return whole(`${keys.count} ${keys.count === 1 ? "key" : "keys"} changed`);
  return { how: "incremental", locality, keys };
}

/** Equality across types may hold for values that are not the same: then a key is not one. */
async function differentType(
  build: RunningBuild,
  model: Model,
  { columns, inputs }: KeyLocality & { readonly keyLocal: true },
): Promise<string | undefined> {
  const carriers = [
    ...columns.map((column) => ({ relation: model.name, column, key: column })),
    ...inputs.flatMap((input) =>
      input.columns.map((column, index) => ({
        relation: input.relation,
        column,
        key: columns[index] ?? "",
      })),
    ),
  ];
  const types = await query<{ name: string; key: string; type: number }>(
    build.client,
    sql`
      select carrier.relation || '.' || carrier.name as name, carrier.key, atttypid::bigint as type
      from unnest(
        ${carriers.map(({ relation }) => relation)}::text[],
        ${carriers.map(({ column }) => column)}::text[],
        ${carriers.map(({ key }) => key)}::text[]
      ) as carrier (relation, name, key)
      inner join pg_attribute on attrelid = to_regclass(carrier.relation) and attname = carrier.name`,
  );
  if (types.length < carriers.length) return "a column that carries its key is not there";
  for (const { name, key, type } of types) {
    const other = types.find((one) => one.key === key && one.type !== type);
    if (other !== undefined) return `${name} and ${other.name} are of different types`;
  }
  return undefined;
}
