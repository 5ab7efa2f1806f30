import { afterAll, expect, test } from "vitest";
import { type RequestLogEntry, startEmulator } from "../../emulator/server.ts";
import { runElt } from "../elt-process.ts";
import { createTestDatabase } from "../postgres.ts";
import { compareWithSource, emulatedAccount, noDifference } from "./emulated-extraction.ts";
import { numberedRecord, type StruckObject } from "./fault-cases.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());

const LIMIT = { requests: 20, windowMs: 2_000 };
const RECORDS = 420;
const PAGE_SIZE = 4;
/** Page 1, every page from the last to the first, the end once more. */
const REQUESTS_OF_SCAN = 1 + RECORDS / PAGE_SIZE + 1;

function records(object: StruckObject) {
  return Array.from({ length: RECORDS }, (_, i) => numberedRecord(object, i + 1, "2026-01-01"));
}

/** The most calls that any window of the server's clock held. */
function mostInAWindow(calls: readonly RequestLogEntry[]): number {
  const instants = calls.map(({ at }) => at.getTime()).sort((a, b) => a - b);
  const held = instants.map(
    (end, last) => instants.slice(0, last + 1).filter((at) => at > end - LIMIT.windowMs).length,
  );
  return Math.max(...held);
}

test("two processes of an account together never send more than the source takes in any window", async () => {
  const { account } = emulatedAccount("dois-processos", {
    reservas: records("reservas"),
    reservas_condicoes: records("reservas_condicoes"),
  });
  const emulator = await startEmulator({
    accounts: [account],
    // One call too many, and the next ones are refused until the source had peace.
    rateLimit: { ...LIMIT, blockMs: LIMIT.windowMs, strict: true },
  });
  const env = {
    DATABASE_URL: database.url,
    CVCRM_ACCOUNT: account.conta,
    CVCRM_API_EMAIL: account.email,
    CVCRM_API_TOKEN: account.token,
    CVCRM_API_URL: emulator.url,
    CVCRM_RATE_LIMIT: "20/2s",
  };
  const size = ["--page-size", `${PAGE_SIZE}`];
  try {
    const outcomes = await Promise.all([
      runElt(["extract", "reservas", ...size], env),
      runElt(["extract", "reservas_condicoes", "--since", "2026-01-01", ...size], env),
    ]);
    expect(outcomes.map(({ code, err }) => [code, err])).toEqual([
      [0, ""],
      [0, ""],
    ]);
  } finally {
    await emulator.close();
  }
  const calls = emulator.requests;
  expect(calls.filter(({ status }) => status === 429)).toEqual([]);
  expect(mostInAWindow(calls)).toBe(LIMIT.requests);
  expect(calls).toHaveLength(2 * REQUESTS_OF_SCAN);
  // They ran side by side: neither waited for the other to end.
  const half = calls.slice(0, REQUESTS_OF_SCAN).filter(({ path }) => path === "/reservas");
  expect(half.length).toBeGreaterThan(REQUESTS_OF_SCAN / 5);
  expect(half.length).toBeLessThan((REQUESTS_OF_SCAN * 4) / 5);
  for (const object of ["reservas", "reservas_condicoes"]) {
    expect(await compareWithSource(database.pool, account, object)).toEqual(noDifference);
  }
});
