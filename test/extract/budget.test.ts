import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type Budget, createBudget } from "../../extract/budget.ts";
import { OutOfTimeError } from "../../extract/limits.ts";
import { createTestDatabase } from "../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
let waits: number[];

/** Waiting, as the database sees it: every request and block is that much longer ago. */
async function letTimePass(ms: number): Promise<void> {
  const ago = ms / 1000;
  await pool.query(
    `update elt.requests
     set sent_at = sent_at - make_interval(secs => $1),
       answered_at = answered_at - make_interval(secs => $1)`,
    [ago],
  );
  await pool.query(
    "update elt.accounts set blocked_until = blocked_until - make_interval(secs => $1)",
    [ago],
  );
}

function budget(conta = "acme"): Budget {
  return createBudget({
    database: pool,
    conta,
    limit: { requests: 3, windowMs: 60_000 },
    sleep: letTimePass,
    onWait: ({ ms }) => waits.push(ms),
  });
}

async function spend(from: Budget, times: number): Promise<void> {
  for (let page = 1; page <= times; page++) {
    await from.spend({ object: "reservas", page }, async () => ({
      result: undefined,
      outcome: { status: 200, bytes: 10 },
    }));
  }
}

beforeEach(async () => {
  waits = [];
  await pool.query("truncate elt.requests, elt.accounts");
});

describe("the request budget", () => {
  test("lets as many requests pass as the window holds, then waits for the oldest to leave", async () => {
    await spend(budget(), 3);
    expect(waits).toEqual([]);
    await spend(budget(), 1);
    expect(waits).toHaveLength(1);
    expect(waits[0]).toBeGreaterThan(59_000);
    expect(waits[0]).toBeLessThanOrEqual(60_250);
  });

  test("does not wait longer than the run has time for", async () => {
    await spend(budget(), 3);
    const asked = budget().spend(
      { object: "reservas", page: 4, mayWait: (ms) => ms < 1_000 },
      async () => ({ result: "sent", outcome: { status: 200, bytes: 0 } }),
    );
    await expect(asked).rejects.toThrow(OutOfTimeError);
    expect(waits).toEqual([]);
  });

  test("never lets more pass in any window, whoever asks", async () => {
    await Promise.all([spend(budget(), 4), spend(budget(), 4)]);
    const { rows } = await pool.query(
      `select max(together)::int as most from (
         select count(*) over (
           order by sent_at range between interval '60 seconds' preceding and current row
         ) as together from elt.requests
       ) as windows`,
    );
    expect(rows[0].most).toBe(3);
  });

  test("is remembered by the next process and kept apart by account", async () => {
    await spend(budget(), 3);
    await spend(budget("outra"), 3);
    expect(waits).toEqual([]);
    await spend(budget(), 1);
    expect(waits).toHaveLength(1);
  });

  test("stops the account for as long as the source said", async () => {
    const account = budget();
    await account.block(45_000);
    await spend(account, 1);
    expect(waits).toHaveLength(1);
    expect(waits[0]).toBeGreaterThan(44_000);
  });

  test("records what each request was", async () => {
    await spend(budget(), 1);
    const { rows } = await pool.query(
      "select conta, objeto, pagina, status, bytes::int from elt.requests",
    );
    expect(rows).toEqual([
      { conta: "acme", objeto: "reservas", pagina: 1, status: 200, bytes: 10 },
    ]);
  });
});
