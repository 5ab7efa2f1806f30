import { createDatabaseAlert } from "../../../runner/alerts/database-alert.ts";
import { workOf } from "../../../runner/commands/worker.ts";
import type { Environment } from "../../../runner/config.ts";
import { readDatabaseConfig, readScheduleConfig } from "../../../runner/config.ts";
import { openDatabase } from "../../../runner/database.ts";
import type { RunEvent } from "../../../runner/events.ts";
import { failureOf } from "../../../runner/failure.ts";
import { readRunSettings } from "../../../runner/run-once.ts";
import { runWorker, type TurnResult } from "../../../runner/worker/run-worker.ts";
import { invocationHere } from "../run-here.ts";

/** How a turn went, each time that it was tried. */
export type Tries = readonly { readonly status: TurnResult["status"]; readonly sentence: string }[];

/** `elt worker` in this process, with every real part but the clock: it takes a turn when it is told to. */
export type ClockedWorker = {
  /**
   * The next turn of the schedule, until the worker waits for another one.
   * @param whenAway called while the worker waits for its database
   */
  readonly turn: (whenAway?: () => Promise<void>) => Promise<Tries>;
  readonly written: { readonly out: string; readonly err: string };
  readonly stop: () => Promise<void>;
};

export async function startClockedWorker(options: {
  readonly env: Environment;
  /** Of alerts that the database cannot remember. */
  readonly folder: string;
  readonly pageSize: number;
  readonly onEvent: (event: RunEvent) => void;
}): Promise<ClockedWorker> {
  const { env, folder, onEvent } = options;
  const database = await openDatabase(readDatabaseConfig(env), { applicationName: "elt worker" });
  const stop = new AbortController();
  const call = invocationHere(env, stop.signal);
  let now = Date.now();
  let tries: { status: TurnResult["status"]; sentence: string }[] = [];
  let isAway = false;
  let isNew = false;
  let whenAway: () => Promise<void> = async () => undefined;
  let begin: () => void = () => undefined;
  let waits: () => void = () => undefined;
  const event = (one: RunEvent) => {
    call.invocation.reporter.event(one);
    if (one.type === "turn-began") isNew = true;
    if (one.type === "database-away") isAway = true;
    if (one.type === "database-back") isAway = false;
    onEvent(one);
  };
  const reporter = { ...call.invocation.reporter, event };
  const invocation = {
    ...call.invocation,
    reporter,
    options: { "page-size": String(options.pageSize) },
  };
  const settings = readRunSettings(invocation, new Date());
  const databaseAlert = createDatabaseAlert({
    settings: settings.alerts,
    conta: settings.extraction.source.conta,
    folder,
    emit: event,
    now: () => new Date(now),
  });
  const parts = { settings, schedule: readScheduleConfig(env), databaseAlert };
  const sleep = async (ms: number) => {
    if (isAway) await whenAway();
    now += ms;
  };
  const work = workOf(invocation, database.pool, parts, { now: () => new Date(now), sleep });
  const running = runWorker({
    ...work,
    isFirst: async () => true,
    turn: async (because) => {
      if (isNew) {
        isNew = false;
        waits();
        await new Promise<void>((resolve) => {
          begin = resolve;
        });
      }
      if (stop.signal.aborted) return { status: "done" };
      const result = await work.turn(because);
      const sentence = "error" in result ? failureOf(result.error).message : "";
      tries.push({ status: result.status, sentence });
      return result;
    },
  });
  await new Promise<void>((resolve) => {
    waits = resolve;
  });
  return {
    written: call.written,
    turn: async (away = async () => undefined) => {
      whenAway = away;
      const waiting = new Promise<void>((resolve) => {
        waits = resolve;
      });
      tries = [];
      begin();
      await Promise.race([waiting, running]);
      return tries;
    },
    stop: async () => {
      stop.abort(143);
      begin();
      await running;
      await database.close();
    },
  };
}
