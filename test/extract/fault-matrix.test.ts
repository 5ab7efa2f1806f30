import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Emulator, startEmulator } from "../../emulator/server.ts";
import { createTestDatabase } from "../postgres.ts";
import { compareWithSource, leftovers, noDifference } from "./emulated-extraction.ts";
import { type Ending, type FaultCase, faultCases, struckObjects } from "./fault-cases.ts";
import {
  companion,
  type FaultAccount,
  faultAccount,
  firstLoad,
  runCase,
  scriptFault,
} from "./fault-run.ts";

const database = await createTestDatabase();
/** Each object of each case under way holds a connection while it is read, and needs another. */
const pool = new pg.Pool({ connectionString: database.url, max: 30 });
const cases = faultCases();
const accounts = new Map<FaultCase, FaultAccount>();
let emulator: Emulator;

beforeAll(async () => {
  for (const cell of cases) accounts.set(cell, faultAccount(cell));
  emulator = await startEmulator({
    accounts: [...accounts.values()].map(({ account }) => account),
    rateLimit: null,
  });
  await pool.query("select landing.create_object(name) from unnest($1::text[]) as name", [
    [...struckObjects, companion],
  ]);
});
afterAll(async () => {
  await emulator.close();
  await pool.end();
  await database.drop();
});

/** The cases of an object, each with its name. */
function named(object: string): readonly (readonly [string, FaultCase])[] {
  return cases
    .filter((cell) => cell.object === object)
    .map((cell) => [`${cell.fault.name}, ${cell.place} page, ${cell.repetition}`, cell] as const);
}

describe.concurrent.each(struckObjects)("%s, struck by", (object) => {
  test.each(named(object))("%s, is whole after one clean run", async (_, cell) => {
    const source = accounts.get(cell);
    if (source === undefined) throw new Error(`no account ${cell.conta}`);
    const struck = { ...source, url: emulator.url };
    await source.prepare(() => firstLoad(pool, struck, cell));

    const endFault = scriptFault(emulator, cell);
    const during = await runCase(pool, struck, cell);
    endFault();
    const [result, beside] = during.results;
    const ending = cell.fault[cell.repetition];
    expect(result).toMatchObject({ verdict: ending.verdict });
    expect(beside).toMatchObject({ object: companion, verdict: "proven" });
    expectSentence(ending, during);
    if (cell.fault.waitMs !== undefined) expect(during.waits).toContain(cell.fault.waitMs);
    if (ending.verdict === "proven") {
      expect(await compareWithSource(pool, source.account, object)).toEqual(noDifference);
      expect(await leftovers(pool, cell.conta)).toEqual([]);
    }

    const after = await runCase(pool, struck, cell);
    expect(after).toMatchObject({ exitCode: 0, results: [{ verdict: "proven" }, {}] });
    expect(await compareWithSource(pool, source.account, object)).toEqual(noDifference);
    expect(await leftovers(pool, cell.conta)).toEqual([]);
  });
});

/** Exit code and sentence of a run that met the fault, and what its load says. */
function expectSentence(
  ending: Ending,
  { exitCode, sentence, results }: Awaited<ReturnType<typeof runCase>>,
): void {
  if (ending.verdict === "proven") {
    expect([exitCode, sentence]).toEqual([0, ""]);
    return;
  }
  expect(exitCode).toBe(3);
  expect(sentence).toContain(`1 of 2 objects did not arrive whole (${results[0]?.object})`);
  expect(sentence).toContain(ending.says);
  if (ending.verdict === "failed") expect(results[0]?.fault).toBe(ending.fault);
}
