import type { Schedule } from "./schedule.ts";
import type { WorkerEvent } from "./worker-events.ts";

/** How a turn ended. */
export type TurnResult =
  | { readonly status: "done" }
  | { readonly status: "failed"; readonly error: unknown }
  /** Another run holds the account. */
  | { readonly status: "held-up"; readonly holder: string }
  | { readonly status: "database-lost"; readonly error: unknown }
  /** No turn can ever work with these settings. */
  | { readonly status: "hopeless"; readonly error: unknown };

/** What the worker does and needs; the clock is part of it. */
export type Work = {
  readonly conta: string;
  readonly schedule: Schedule;
  /** One run. Never throws. */
  readonly turn: (because: "start" | "schedule" | "catch-up") => Promise<TurnResult>;
  /** Looks after what happens without a run, e.g. how old data become. Never throws. */
  readonly idle: () => Promise<void>;
  /** Whether the database answers. Never throws. */
  readonly isDatabaseThere: () => Promise<boolean>;
  /** Whether the account was never read: its first run does not wait for the hours. */
  readonly isFirst: () => Promise<boolean>;
  /** Whether some process began to run the account since then, and came to its end. */
  readonly hasRunSince: (since: Date) => Promise<boolean>;
  readonly emit: (event: WorkerEvent) => void;
  /** Tells why a turn failed. */
  readonly report: (error: unknown) => void;
  readonly now: () => Date;
  /** Resolves after that many milliseconds, or as soon as the signal is aborted. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Aborted to end the worker; a turn under way ends by itself. */
  readonly signal: AbortSignal;
};

/** Clocks of machines differ by as much; a turn of another worker may have begun earlier by this one's. */
const CLOCKS_DIFFER_MS = 60_000;
/** A timer stands still while a machine sleeps; the clock does not. So it is looked at this often. */
const LOOK_MS = 30_000;
const IDLE_MS = 5 * 60_000;
const HELD_UP_MS = 5 * 60_000;
const LATEST_MS = 60 * 60_000;
const FIRST_BACKOFF_MS = 5_000;
const LONGEST_BACKOFF_MS = 5 * 60_000;
/** A database that answers and yet ends every run is not away: what it lacks, time does not bring. */
const MOST_LOSSES = 5;

type Because = "start" | "schedule" | "catch-up";
type Turn = { readonly at: Date; readonly because: Because };
type Wait = (until: Date) => Promise<void>;

/**
 * Runs at once, and then at each turn of the schedule, one run at a time, until the signal. Turns
 * whose time passed while the machine slept or the database was away are made up for by one run;
 * those that passed during a run are not, since it brought what they would have.
 *
 * @throws what made the first turn hopeless
 */
export async function runWorker(work: Work): Promise<void> {
  const { conta, schedule, emit, now, signal } = work;
  const wait = createWait(work);
  emit({ type: "worker-started", conta, cron: schedule.cron, hours: schedule.hours });
  let turn: Turn | undefined = await firstTurn(work);
  let isFirstTurn = true;
  while (!signal.aborted) {
    turn ??= announce(work, "schedule");
    await wait(turn.at);
    if (signal.aborted) return;
    if (turn.because === "schedule" && !schedule.isOpen(now())) {
      // Its time passed unseen, and now it is too late for it.
      turn = announce(work, "shut");
      continue;
    }
    const isLate = now().getTime() - turn.at.getTime() > 2 * LOOK_MS;
    const because = turn.because === "schedule" && isLate ? "catch-up" : turn.because;
    emit({ type: "turn-began", because, missed: missedTurns(schedule, turn, now()) });
    const result = await untilItRuns(work, wait, { at: turn.at, because });
    if (result?.status === "hopeless") {
      if (isFirstTurn) throw result.error;
      work.report(result.error);
    }
    isFirstTurn = false;
    turn = undefined;
  }
}

async function firstTurn(work: Work): Promise<Turn> {
  const { schedule, now } = work;
  if (schedule.isOpen(now()) || (await work.isFirst())) return { at: now(), because: "start" };
  return announce(work, "shut");
}

function announce({ schedule, now, emit }: Work, because: "schedule" | "shut"): Turn {
  const at = schedule.next(now());
  emit({ type: "worker-waits", until: at.toISOString(), because });
  return { at, because: "schedule" };
}

/** Waits in short steps, so that the time that a machine slept through is noticed. */
function createWait({ now, sleep, idle, signal }: Work): Wait {
  let idleAt = now().getTime() + IDLE_MS;
  return async (until) => {
    while (!signal.aborted && now() < until) {
      await sleep(Math.min(LOOK_MS, until.getTime() - now().getTime()));
      if (signal.aborted || now().getTime() < idleAt) continue;
      await idle();
      idleAt = now().getTime() + IDLE_MS;
    }
  };
}

/** Turns after this one whose time has come, too. */
function missedTurns(schedule: Schedule, turn: Turn, now: Date): number {
  if (turn.because === "start") return 0;
  let missed = 0;
  for (let at = schedule.next(turn.at); at <= now; at = schedule.next(at)) missed++;
  return missed;
}

/**
 * A turn that another run holds up is tried again every few minutes, unless that brought what this one
 * would have; one that lost the database, as soon as it is back. Both while runs may begin, and for an hour at least: a turn may be the last.
 */
async function untilItRuns(
  work: Work,
  wait: Wait,
  { at, because }: Turn,
): Promise<TurnResult | undefined> {
  const { schedule, emit, now, signal } = work;
  const since = new Date(at.getTime() - CLOCKS_DIFFER_MS);
  const soon = now().getTime() + LATEST_MS;
  for (let losses = 0; ; ) {
    const result = await work.turn(losses === 0 ? because : "catch-up");
    if (signal.aborted) return undefined;
    if (result.status === "failed" || result.status === "database-lost") work.report(result.error);
    if (["done", "failed", "hopeless"].includes(result.status)) return result;
    if (result.status === "held-up") {
      const until = new Date(now().getTime() + HELD_UP_MS);
      emit({ type: "turn-held-up", holder: result.holder, until: until.toISOString() });
      await wait(until);
      if (!signal.aborted && because !== "start" && (await work.hasRunSince(since))) {
        emit({ type: "turn-served" });
        return { status: "done" };
      }
    } else {
      const wasAway = await untilDatabaseIsThere(work, losses);
      losses = wasAway ? 1 : losses + 1;
      if (losses > MOST_LOSSES) return undefined;
    }
    const mayBegin = now().getTime() <= soon || schedule.isOpen(now());
    if (signal.aborted || !mayBegin) return undefined;
  }
}

/**
 * Waits, longer and longer, until the database answers.
 * @returns whether it did not at first
 */
async function untilDatabaseIsThere(
  { emit, now, sleep, isDatabaseThere, signal }: Work,
  losses: number,
): Promise<boolean> {
  for (let tries = 0; ; tries++) {
    const ms = Math.min(FIRST_BACKOFF_MS * 2 ** (losses + tries), LONGEST_BACKOFF_MS);
    const until = new Date(now().getTime() + ms);
    emit({ type: "database-away", until: until.toISOString() });
    // Not the waiting of turns: what happens meanwhile cannot be looked up.
    while (!signal.aborted && now() < until) {
      await sleep(Math.min(LOOK_MS, until.getTime() - now().getTime()));
    }
    if (signal.aborted) return true;
    if (await isDatabaseThere()) {
      emit({ type: "database-back" });
      return tries > 0;
    }
  }
}
