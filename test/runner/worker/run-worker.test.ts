import { afterEach, describe, expect, test } from "vitest";
import { runWorker, type TurnResult, type Work } from "../../../runner/worker/run-worker.ts";
import { readSchedule } from "../../../runner/worker/schedule.ts";
import type { WorkerEvent } from "../../../runner/worker/worker-events.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A worker whose clock only moves while it sleeps, or as a test says. */
type Simulation = {
  /** Turns that ran, by Brasília's clock: `31 06:00`. */
  readonly turns: string[];
  readonly events: WorkerEvent[];
  readonly reported: unknown[];
  /** When nothing ran and it was looked whether something happened. */
  readonly idle: string[];
  now: Date;
};

type Behaviour = {
  readonly from: string;
  readonly hours: number;
  readonly texts?: { readonly SYNC_CRON?: string; readonly SYNC_HOURS?: string };
  readonly turn?: (simulation: Simulation, count: number) => TurnResult | Promise<TurnResult>;
  /** Called at every sleep; gives how long the machine really slept. */
  readonly sleeps?: (ms: number, simulation: Simulation) => number;
  readonly isDatabaseThere?: (simulation: Simulation) => boolean;
  readonly isFirst?: boolean;
  /** When another process ended a run that it began at the turn: Brasília's clock. */
  readonly servedAt?: string;
};

function clock(instant: Date): string {
  return new Date(instant.getTime() - 3 * HOUR).toISOString().slice(8, 16).replace("T", " ");
}

async function simulate(behaviour: Behaviour): Promise<Simulation> {
  const { from, hours, texts, isFirst = false } = behaviour;
  const schedule = readSchedule({ SYNC_CRON: texts?.SYNC_CRON, SYNC_HOURS: texts?.SYNC_HOURS }, []);
  if (schedule === undefined) throw new Error("no schedule");
  const simulation: Simulation = {
    ...{ turns: [], events: [], reported: [], idle: [], now: new Date(from) },
  };
  const end = new Date(from).getTime() + hours * HOUR;
  const stop = new AbortController();
  let running = 0;
  const work: Work = {
    conta: "exemplo",
    schedule,
    now: () => simulation.now,
    sleep: async (ms) => {
      const slept = behaviour.sleeps?.(ms, simulation) ?? ms;
      simulation.now = new Date(simulation.now.getTime() + slept);
      if (simulation.now.getTime() >= end) stop.abort(143);
    },
    turn: async () => {
      running++;
      expect(running).toBe(1);
      simulation.turns.push(clock(simulation.now));
      const count = simulation.turns.length;
      const result = (await behaviour.turn?.(simulation, count)) ?? { status: "done" as const };
      running--;
      return result;
    },
    idle: async () => void simulation.idle.push(clock(simulation.now)),
    isDatabaseThere: async () => behaviour.isDatabaseThere?.(simulation) ?? true,
    isFirst: async () => isFirst,
    hasRunSince: async (since) => {
      const { servedAt } = behaviour;
      return servedAt !== undefined && clock(since) < servedAt && servedAt <= clock(simulation.now);
    },
    emit: (event) => void simulation.events.push(event),
    report: (error) => void simulation.reported.push(error),
    signal: stop.signal,
  };
  await runWorker(work);
  return simulation;
}

const zone = process.env.TZ;
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

const SIX = "2026-10-31T09:00:00Z";

function began({ events }: Simulation): readonly string[] {
  return events.flatMap((event) => (event.type === "turn-began" ? [event.because] : []));
}

describe("the worker, by a clock of its own", () => {
  // In these days clocks go back in New York, and nowhere in Brazil.
  test.each(["America/New_York", "UTC"])(
    "runs at once and at every turn of two days, never two at a time, on a host in %s",
    async (host) => {
      process.env.TZ = host;
      const simulation = await simulate({ from: "2026-10-31T11:17:00Z", hours: 48 });
      expect(simulation.turns).toEqual([
        ...["31 08:17", "31 10:00", "31 14:00", "31 18:00", "31 22:00"],
        ...["01 06:00", "01 10:00", "01 14:00", "01 18:00", "01 22:00", "02 06:00"],
      ]);
      expect(began(simulation)).toEqual(["start", ...Array(10).fill("schedule")]);
    },
  );

  test("tells when it runs next", async () => {
    const { events } = await simulate({ from: SIX, hours: 5 });
    expect(events).toEqual([
      { type: "worker-started", conta: "exemplo", cron: "0 6,10,14,18,22 * * *", hours: "6-22" },
      { type: "turn-began", because: "start", missed: 0 },
      { type: "worker-waits", until: "2026-10-31T13:00:00.000Z", because: "schedule" },
      { type: "turn-began", because: "schedule", missed: 0 },
      { type: "worker-waits", until: "2026-10-31T17:00:00.000Z", because: "schedule" },
    ]);
  });

  test("started at night it waits for the morning, unless nothing was ever read", async () => {
    const night = { from: "2026-10-31T05:00:00Z", hours: 5 };
    expect((await simulate(night)).turns).toEqual(["31 06:00"]);
    expect((await simulate({ ...night, isFirst: true })).turns).toEqual(["31 02:00", "31 06:00"]);
  });

  test("makes up for a night's sleep of the machine with one run, as soon as it may", async () => {
    // The lid is shut at 09:00 and opened at 19:30, past the turns of 10:00, 14:00 and 18:00.
    let isShut = false;
    const simulation = await simulate({
      from: SIX,
      hours: 17,
      sleeps: (ms, { now }) => {
        if (isShut || clock(now) < "31 09:00") return ms;
        isShut = true;
        return 10.5 * HOUR;
      },
    });
    expect(simulation.turns).toEqual(["31 06:00", "31 19:30", "31 22:00"]);
    expect(simulation.events).toContainEqual({
      ...{ type: "turn-began", because: "catch-up", missed: 2 },
    });
  });

  test("that wakes outside of the hours waits for the next turn", async () => {
    let isShut = false;
    const simulation = await simulate({
      from: "2026-10-31T21:00:00Z",
      hours: 14,
      sleeps: (ms, { now }) => {
        if (isShut || clock(now) < "31 21:00") return ms;
        isShut = true;
        return 5 * HOUR;
      },
    });
    expect(simulation.turns).toEqual(["31 18:00", "01 06:00"]);
    expect(simulation.events.at(-3)).toMatchObject({ type: "worker-waits", because: "shut" });
  });

  test("leaves out the turns that passed during a long run", async () => {
    const simulation = await simulate({
      from: SIX,
      hours: 15,
      turn: (state, count) => {
        if (count === 1) state.now = new Date(state.now.getTime() + 9 * HOUR);
        return { status: "done" };
      },
    });
    expect(simulation.turns).toEqual(["31 06:00", "31 18:00"]);
    expect(began(simulation)).toEqual(["start", "schedule"]);
  });

  test("looks again every five minutes while another run holds the account", async () => {
    const simulation = await simulate({
      from: SIX,
      hours: 5,
      turn: (_, count) =>
        count < 4 ? { status: "held-up", holder: "elt extract" } : { status: "done" },
    });
    expect(simulation.turns).toEqual(["31 06:00", "31 06:05", "31 06:10", "31 06:15", "31 10:00"]);
    expect(simulation.events).toContainEqual({
      type: "turn-held-up",
      holder: "elt extract",
      until: "2026-10-31T09:05:00.000Z",
    });
  });

  test("leaves a turn to whoever held the account and ran it, and takes the next one", async () => {
    const simulation = await simulate({
      from: SIX,
      hours: 9,
      servedAt: "31 10:07",
      turn: ({ now }) =>
        clock(now).startsWith("31 10:0")
          ? { status: "held-up", holder: "elt run" }
          : { status: "done" },
    });
    expect(simulation.turns).toEqual(["31 06:00", "31 10:00", "31 10:05", "31 14:00"]);
    expect(simulation.events).toContainEqual({ type: "turn-served" });
  });

  test("looks after old data also while it is held up for hours, and gives up when it is late", async () => {
    const simulation = await simulate({
      from: "2026-11-01T00:00:00Z",
      hours: 8,
      turn: () => ({ status: "held-up", holder: "elt extract" }),
    });
    // Until 22:00, and not through the night.
    expect(simulation.turns.at(-1)).toBe("31 22:00");
    expect(simulation.idle.length).toBeGreaterThan(60);
  });

  test("waits for a database that is lost, longer and longer, and then runs again", async () => {
    const simulation = await simulate({
      from: SIX,
      hours: 2,
      turn: (_, count) =>
        count === 1 ? { status: "database-lost", error: "gone" } : { status: "done" },
      isDatabaseThere: ({ now }) => clock(now) >= "31 07:00",
    });
    expect(simulation.turns).toHaveLength(2);
    expect(simulation.turns[1] ?? "").toMatch(/^31 07:0[0-5]$/);
    const waits = simulation.events.filter(({ type }) => type === "database-away");
    // 5, 10, 20 … 160 seconds, then every five minutes.
    expect(waits.length).toBeGreaterThan(12);
    expect(waits.length).toBeLessThan(20);
    expect(simulation.events.map(({ type }) => type)).toContain("database-back");
    expect(simulation.reported).toEqual(["gone"]);
  });

  test("gives a turn up when the database answers and yet ends every run", async () => {
    const simulation = await simulate({
      from: SIX,
      hours: 5,
      turn: () => ({ status: "database-lost", error: "disk full" }),
    });
    const first = simulation.turns.filter((time) => time < "31 10:00");
    expect(first).toHaveLength(6);
    expect(simulation.turns.filter((time) => time >= "31 10:00")).toHaveLength(6);
  });

  test("goes on after a failed run, and after wrong credentials that come later", async () => {
    const simulation = await simulate({
      from: SIX,
      hours: 9,
      turn: (_, count) =>
        count === 1
          ? { status: "failed", error: "a test" }
          : count === 2
            ? { status: "hopeless", error: "401" }
            : { status: "done" },
    });
    expect(simulation.turns).toEqual(["31 06:00", "31 10:00", "31 14:00"]);
    expect(simulation.reported).toEqual(["a test", "401"]);
  });

  test("ends when its first run shows that it can never work", async () => {
    const error = new Error("the credentials are wrong");
    const turn = () => ({ status: "hopeless", error }) as const;
    await expect(simulate({ from: SIX, hours: 1, turn })).rejects.toBe(error);
  });

  test("looks every five minutes whether data grew old", async () => {
    const { idle } = await simulate({ from: SIX, hours: 1 });
    expect(idle).toEqual([
      ...["31 06:05", "31 06:10", "31 06:15", "31 06:20", "31 06:25", "31 06:30"],
      ...["31 06:35", "31 06:40", "31 06:45", "31 06:50", "31 06:55"],
    ]);
  });
});
