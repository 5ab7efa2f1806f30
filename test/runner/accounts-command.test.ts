import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { exemplo } from "../../emulator/exemplo.ts";
import { startEmulator } from "../../emulator/server.ts";
import { openIncident, openIncidents } from "../../runner/alerts/incident-record.ts";
import { command } from "../../runner/commands/accounts.ts";
import { readSourceAges } from "../../runner/freshness/source-ages.ts";
import { prepareDatabase } from "../../runner/models/prepare-database.ts";
import { createTestDatabase } from "../postgres.ts";
import { invocationHere, runHere } from "./run-here.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const { conta, email, token } = exemplo();

beforeEach(async () => {
  await pool.query("truncate elt.loads, elt.accounts, elt.incidents cascade");
  await pool.query(
    `insert into elt.loads (conta, objeto, mode, verdict, started_at, finished_at)
     select conta, 'reservas', 'full', 'proven', at, at
     from (values ($1, now() - interval '30 days'), ('outra', now())) as read (conta, at)`,
    [conta],
  );
});

async function accounts(...names: readonly string[]): Promise<unknown> {
  const { invocation, written } = invocationHere({ DATABASE_URL: database.url });
  expect(await command.run({ ...invocation, names })).toBe(0);
  return JSON.parse(written.out.trim().split("\n").at(-1) ?? "").accounts;
}

/** Accounts whose readings of reservas are too old. */
async function stale(): Promise<readonly string[]> {
  const declared = [
    {
      ...{ object: "reservas", models: [], feeds: [] },
      ...{ warnSeconds: 3_600, errorSeconds: 7_200, blocks: true },
    },
  ];
  const ages = await readSourceAges(pool, new Date(), declared);
  return ages.filter(({ level }) => level !== "fresh").map((age) => age.conta);
}

describe("elt accounts", () => {
  test("retires an account: it is stale no longer, and its incidents are over", async () => {
    const lost = { kind: "stale-data", subject: "extraction" } as const;
    const details = { since: "2026-11-01T00:00:00Z", lacks: "extraction" } as const;
    await openIncident(pool, { ...lost, conta, details }, new Date());
    await openIncident(pool, { ...lost, conta: "outra", details }, new Date());
    expect(await stale()).toEqual([conta]);
    expect(await accounts("retire", conta)).toMatchObject([
      { conta, retired: expect.any(String) },
      { conta: "outra", retired: null },
    ]);
    expect(await stale()).toEqual([]);
    const warnings: string[] = [];
    await pool.query("update elt.loads set verdict = 'failed'");
    await prepareDatabase(pool, [], (event) => {
      if (event.type === "warning") warnings.push(event.message);
    });
    expect(warnings.join()).toContain("outra: reservas.");
    expect(warnings.join()).not.toContain(`${conta}:`);
    expect((await openIncidents(pool)).map((incident) => incident.conta)).toEqual(["outra"]);
  });

  test("brings it back", async () => {
    await accounts("retire", conta);
    expect(await accounts("resume", conta)).toMatchObject([{ conta, retired: null }, {}]);
    expect(await stale()).toEqual([conta]);
  });

  test("finds it resumed by a run that reads it", async () => {
    await accounts("retire", conta);
    const emulator = await startEmulator({ accounts: [exemplo()], rateLimit: null });
    try {
      await runHere(
        {
          ...{ DATABASE_URL: database.url, CVCRM_ACCOUNT: conta, CVCRM_API_EMAIL: email },
          ...{ CVCRM_API_TOKEN: token, CVCRM_API_URL: emulator.url },
          CVCRM_RATE_LIMIT: "10000/1s",
        },
        pool,
      );
    } finally {
      await emulator.close();
    }
    expect(await accounts()).toMatchObject([{ conta, retired: null }, {}]);
  });

  test("refuses accounts that were never read, and other words", async () => {
    await expect(accounts("retire", "nenhuma")).rejects.toThrow(
      `Nothing of an account nenhuma was read. Accounts: ${conta}, outra.`,
    );
    await expect(accounts("retire")).rejects.toThrow("Give nothing, or retire or resume");
    await expect(accounts("remove", conta)).rejects.toThrow("Give nothing, or retire or resume");
  });
});
