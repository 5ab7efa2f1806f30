import { DatabaseError } from "pg";
import { execute, sql } from "../../extract/query.ts";
import { ModelError } from "../models/problem.ts";
import type { Model } from "../models/project.ts";
import { isModelFault, withoutValues } from "../models/run-model.ts";
import { placeOf, type RunningBuild } from "../models/running-build.ts";
import { chosenOf } from "../models/selected-build.ts";
import {
  firstReadings,
  forgetUnguarded,
  rememberPublication,
  sinceLastPublication,
} from "./guard-memory.ts";
import type { HeldKpi } from "./held-kpi.ts";
import {
  hasMoved,
  isZero,
  type KpiMove,
  kpiOf,
  measureKpis,
  touchedName,
  touchedRows,
} from "./measure-kpis.ts";
import { expressionOf } from "./read-guards.ts";
import { type RowVersions, rowVersions } from "./row-versions.ts";
import { type Since, traceSource } from "./trace-source.ts";

/** What a build does to the guarded numbers. */
export type GuardedBuild = {
  /** Guarded models that it was to bring up to date. */
  readonly models: readonly string[];
  /** Numbers that change; where they stay as they are there is none. */
  readonly moves: readonly KpiMove[];
  /** Those that keep it from being published. */
  readonly held: readonly HeldKpi[];
  /** Models that were guarded until now; what is held of them is over with this publication. */
  readonly unguarded: readonly string[];
};

/**
 * Compares the guarded numbers of every account with those that are published, once the tables of a
 * build are up to date. A number that moves beyond its share is held, unless the records behind it
 * that changed in the source explain the move to the cent, and are few enough. Not guarded are the
 * first publication, accounts that are small, and numbers that were zero; what is still being read
 * for the first time may be many rows. Remembers, with the transaction, what is published.
 *
 * @throws ModelError when a guard cannot be computed
 */
export async function guardBuild(
  build: RunningBuild,
  order: readonly Model[],
): Promise<GuardedBuild> {
  const models = chosenOf(build, order).filter(({ guards }) => guards.length > 0);
  const moves: KpiMove[] = [];
  const held: HeldKpi[] = [];
  for (const model of models) {
    const guarded = await blamingGuards(model, () => guardModel(build, model));
    moves.push(...guarded.moves);
    held.push(...guarded.held);
    await rememberPublication(build, model);
  }
  const unguarded = build.options.only === undefined ? await forgetUnguarded(build) : [];
  return { models: models.map(({ name }) => name), moves, held, unguarded };
}

async function guardModel(
  build: RunningBuild,
  model: Model,
): Promise<Pick<GuardedBuild, "moves" | "held">> {
  const isNew =
    build.statesBefore.get(model.name)?.fingerprint !== build.fingerprintOf(model).whole;
  if (isNew) await assertComputable(build, model);
  const versions = await rowVersions(build, model);
  if (versions === undefined) return { moves: [], held: [] };
  if (versions.lost.length > 0) {
    const [are, columns] = [
      versions.lost.length === 1 ? "is" : "are",
      versions.lost.map((name) => `${model.name}.${name}`).join(", "),
    ];
    const message = `${columns} ${are} not published, or of another type: what @guard counts by ${versions.lost.length === 1 ? "it" : "them"} cannot be compared this time.`;
    build.emit({ type: "warning", message });
  }
  const { guards } = versions;
  const moves = await measureKpis(build.client, { model, guards, versions });
  const changed = moves.filter(hasMoved);
  const since = await sinceLastPublication(build, model);
  const isAsked = moves.some(({ isBeyond }) => isBeyond) || since?.isOnlySource === false;
  if (since === undefined || !isAsked) return { moves: changed, held: [] };
  return { moves: changed, held: await explain(build, model, versions, since) };
}

/** The numbers that moved too far and that the source does not explain, or by too many rows. */
async function explain(
  build: RunningBuild,
  model: Model,
  versions: RowVersions,
  since: Since,
): Promise<readonly HeldKpi[]> {
  const { client } = build;
  const { guards, delta } = versions;
  const explained = versions.withOnly(await traceSource(build, model, since));
  const moves = await measureKpis(client, { model, guards, versions, explained });
  const beyond = moves.filter(({ isBeyond }) => isBeyond);
  if (beyond.length === 0) return [];
  const firstRead = await firstReadings(build, model, since.loads);
  const touched = delta && (await touchedRows(client, guards, delta.table));
  return beyond.flatMap((move) => {
    const guard = guards.find(({ kpi }) => kpi === move.kpi);
    if (guard === undefined) return [];
    const { sharePercent, rowsPercent } = guard;
    const rowsTouched = touched && (touched.get(touchedName(move.conta, move.kpi)) ?? 0);
    const isExplained = isZero(move.unexplained);
    const isByMany =
      rowsTouched === undefined || isMoreThan(rowsTouched, rowsPercent, move.rowsBefore);
    if (isExplained && (!isByMany || firstRead.has(move.conta))) return [];
    const reason = isExplained ? "too-many-rows" : "unexplained";
    return [{ ...move, reason, sharePercent, rowsPercent, rowsTouched: rowsTouched ?? null }];
  });
}

/** In whole numbers: a share has four decimals at most. */
function isMoreThan(rows: number, percent: string, of: number): boolean {
  return rows * 1_000_000 > Math.round(Number(percent) * 10_000) * of;
}

/** PostgreSQL says what is wrong with a guard when it is written, not when it is needed. */
async function assertComputable({ client, ...build }: RunningBuild, model: Model): Promise<void> {
  const place = placeOf(build, model.schema, model.relation);
  for (const guard of model.guards) {
    const relation = sql.ident(model.relation);
    const statement = sql`select ${kpiOf(guard)} from ${place} as ${relation} where false group by conta`;
    await blamingGuards({ ...model, guards: [guard] }, () => execute(client, statement));
  }
}

/** @throws ModelError where an expression is at fault; the transaction is not usable then */
async function blamingGuards<T>({ file, text, guards }: Model, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const [first] = guards;
    if (!(error instanceof DatabaseError) || !isModelFault(error.code)) throw error;
    if (first === undefined) throw error;
    const names = guards.map(({ kpi }) => kpi).join(", ");
    const message = `@guard ${names}: ${withoutValues(error)}`;
    const position = expressionOf(text, first);
    throw new ModelError([{ file, text, position, message, hint: error.hint }]);
  }
}
