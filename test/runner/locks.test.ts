import { hostname } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exemplo } from "../../emulator/exemplo.ts";
import { type Emulator, startEmulator } from "../../emulator/server.ts";
import { tryLock } from "../../extract/lock.ts";
import { LockError } from "../../runner/errors.ts";
import { locked, lockHolderOf } from "../../runner/session.ts";
import { type EltProcess, runElt, startElt } from "../elt-process.ts";
import { createTestDatabase } from "../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;

let emulator: Emulator;
/** The same account at a source that takes minutes to answer. */
let slow: Emulator;
beforeAll(async () => {
  const accounts = [exemplo()];
  emulator = await startEmulator({ accounts, rateLimit: null });
  slow = await startEmulator({ accounts, rateLimit: null, delayMs: 300_000 });
});
afterAll(async () => {
  await emulator.close();
  await slow.close();
});

function settings(source = emulator): Readonly<Record<string, string>> {
  const { email, token, conta } = exemplo();
  return {
    DATABASE_URL: database.url,
    CVCRM_ACCOUNT: conta,
    CVCRM_API_EMAIL: email,
    CVCRM_API_TOKEN: token,
    CVCRM_API_URL: source.url,
    CVCRM_RATE_LIMIT: "1000/60s",
  };
}

/** A process that holds the lock and waits for the source's answer. */
async function startHolder(...args: string[]): Promise<EltProcess> {
  const holder = startElt(args, settings(slow));
  await holder.says("object-started");
  return holder;
}

/** Kills a process without letting it clean up; returns when the database noticed. */
async function crash(holder: EltProcess, lock: string): Promise<void> {
  holder.process.kill("SIGKILL");
  await holder.outcome;
  await whileHolding(lock, async () => undefined);
}

async function whileHolding(lock: string, work: () => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("select pg_advisory_lock(hashtextextended($1, 0))", [lock]);
    await work();
  } finally {
    client.release(true);
  }
}

function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

describe("an account that is being extracted", () => {
  test("refuses a second run with exit 4 and tells which process holds it, since when", async () => {
    const holder = await startHolder("extract", "reservas");
    const second = await runElt(["extract", "leads"], settings());
    expect(second.code).toBe(4);
    const who = `"elt extract, process ${holder.pid} on ${hostname()}"`;
    expect(second.err).toContain(`An extraction of account exemplo is already under way by ${who}`);
    const [, since = ""] =
      /, since (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) Brasília\)/.exec(second.err) ?? [];
    const { rows } = await pool.query(
      "select to_char(started_at at time zone 'America/Sao_Paulo', 'YYYY-MM-DD HH24:MI:SS') as run_began from elt.runs where pid = $1",
      [holder.pid],
    );
    expect(since >= rows[0].run_began).toBe(true);
    await crash(holder, "extract exemplo");
  });

  test("is free again when its run was killed, and the next run closes what that left open", async () => {
    await crash(await startHolder("extract", "reservas"), "extract exemplo");
    const { code } = await runElt(["extract", "reservas"], settings());
    expect(code).toBe(0);
    const { rows } = await pool.query(
      "select verdict, error from elt.loads where objeto = 'reservas' order by load_id desc limit 2",
    );
    expect(rows).toEqual([
      { verdict: "proven", error: null },
      { verdict: "failed", error: "interrupted" },
    ]);
  });

  test("can be backfilled meanwhile, by one process at a time", async () => {
    const backfill = ["extract", "repasses", "--since", "2020-01-01"];
    const daily = await startHolder("extract", "reservas");
    const beside = await runElt(backfill, settings());
    expect(beside).toMatchObject({ code: 0, err: "" });
    // The daily run's load is still its own.
    const { rows } = await pool.query(
      "select objeto, mode from elt.loads where verdict = 'running' order by load_id",
    );
    expect(rows).toMatchObject([{ objeto: "reservas" }]);
    await crash(daily, "extract exemplo");

    const first = await startHolder(...backfill);
    const second = await runElt(backfill, settings());
    expect(second.code).toBe(4);
    expect(second.err).toContain("A backfill of account exemplo is already under way");
    expect((await runElt(["extract", "reservas"], settings())).code).toBe(0);
    await crash(first, "backfill exemplo");
    expect((await runElt(backfill, settings())).code).toBe(0);
  });
});

describe("the holder of a lock", () => {
  test("is asked for without taking the lock from whoever wants it meanwhile", async () => {
    const client = await pool.connect();
    try {
      let done = false;
      const asking = async (): Promise<void> => {
        while (!done) await lockHolderOf(pool, "free");
      };
      const asked = Promise.all([asking(), asking(), asking()]);
      for (let n = 0; n < 200; n++) {
        const attempt = await tryLock(client, "free");
        if (attempt.status !== "held") throw new Error(`attempt ${n} found it taken`);
        await attempt.release();
      }
      done = true;
      await asked;
      expect(await lockHolderOf(pool, "free")).toBeUndefined();
    } finally {
      client.release(true);
    }
  });

  test("is told with the time it got the lock, not the time it began to wait for it", async () => {
    const waiting = gate();
    const done = gate();
    const holding = gate();
    let freedAt = new Date(0);
    let waiter: Promise<void> | undefined;
    await whileHolding("a lock", async () => {
      const lock = { name: "a lock", subject: "Work", onWait: () => waiting.open() };
      waiter = locked(pool, lock, async () => {
        holding.open();
        await done.opened;
      });
      await waiting.opened;
      const { rows } = await pool.query("select clock_timestamp() as now");
      freedAt = rows[0].now;
    });
    await holding.opened;
    const client = await pool.connect();
    try {
      const attempt = await tryLock(client, "a lock");
      if (attempt.status === "held") throw new Error("the lock is not held");
      expect(attempt.holder?.since?.getTime()).toBeGreaterThanOrEqual(freedAt.getTime());
      await expect(
        locked(pool, { name: "a lock", subject: "Work" }, async () => undefined),
      ).rejects.toThrow(LockError);
    } finally {
      client.release();
      done.open();
      await waiter;
    }
  });
});
