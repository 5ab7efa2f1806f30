import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Account, createAccount } from "../../emulator/account.ts";
import { type Emulator, startEmulator } from "../../emulator/server.ts";
import type { ObjectStatus } from "../../runner/object-status.ts";
import { eltHere } from "../elt-here.ts";
import type { Outcome } from "../elt-process.ts";
import { createTestDatabase, type TestDatabase } from "../postgres.ts";

const LEADS = 40;
let database: TestDatabase;
let account: Account;
let emulator: Emulator;

/** Dated a day after the other, from 2025-01-01 on. */
function records(key: string, count: number) {
  return Array.from({ length: count }, (_, i) => {
    const date = `${new Date(Date.UTC(2025, 0, 1 + i)).toISOString().slice(0, 10)} 10:00:00`;
    return { [key]: i + 1, referencia_data: date, nome: `n${i + 1}` };
  });
}

beforeEach(async () => {
  database = await createTestDatabase();
  account = createAccount({
    conta: "acme",
    objects: {
      leads: records("idlead", LEADS),
      pessoas: records("idpessoa", 3),
      pessoas_contatos: records("idpessoa", 3),
      unidades: records("idunidade", 3),
    },
  });
  emulator = await startEmulator({ accounts: [account], rateLimit: null });
});
afterEach(async () => {
  await emulator.close();
  await database.drop();
});

function elt(...args: string[]): Promise<Outcome> {
  return eltHere(args, {
    DATABASE_URL: database.url,
    CVCRM_ACCOUNT: "acme",
    CVCRM_API_EMAIL: account.email,
    CVCRM_API_TOKEN: account.token,
    CVCRM_API_URL: emulator.url,
    CVCRM_RATE_LIMIT: "10000/1s",
  });
}

async function status(object = "leads"): Promise<ObjectStatus | undefined> {
  const { out } = await elt("status", "--json");
  const { objects } = JSON.parse(out) as { objects: ObjectStatus[] };
  return objects.find((known) => known.object === object);
}

/** Ids of landing's live records. */
async function live(object = "leads"): Promise<number[]> {
  const { rows } = await database.pool.query(
    `select chave::int as id from landing.${object}_atual order by 1`,
  );
  return rows.map(({ id }) => id);
}

function ids(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Pages that the source was asked for, in order: `/leads 3`. */
function asked(): string[] {
  return emulator.requests.map(({ path, parameters }) => `${path} ${parameters.pagina}`);
}

describe("elt extract", () => {
  test("tells every wrong name, option and setting at once with exit 2, and asks for nothing", async () => {
    const { code, err, out } = await eltHere(
      ["extract", "lead", "--page-size", "0", "--since", "ontem", "--time-limit", "5"],
      { DATABASE_URL: database.url, CVCRM_ACCOUNT: "acme", CVCRM_API_EMAIL: account.email },
    );
    expect(code).toBe(2);
    expect(err.trim().split("\n")).toEqual([
      expect.stringContaining("CVDW has no object lead. Near it:"),
      expect.stringContaining('--since is "ontem"'),
      expect.stringContaining('--time-limit is "5"'),
      expect.stringContaining('--page-size is "0"'),
      expect.stringContaining("CVCRM_API_TOKEN is missing"),
    ]);
    expect(out + err).not.toMatch(/\n\s+at /);
    expect(emulator.requests).toEqual([]);
  });

  test.each<[string, string[], string]>([
    ["--all beside a name", ["extract", "leads", "--all"], "--all already means every object"],
    ["a range for a whole run", ["run", "--since", "2024-01-01"], "Unknown option '--since'"],
    ["a name for a whole run", ["run", "leads"], "Unexpected argument 'leads'"],
  ])("refuses %s with exit 2", async (_, args, sentence) => {
    const { code, err } = await elt(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(sentence)]);
  });

  test("lands a group of objects, in pages of the size that is asked for", async () => {
    expect(await elt("extract", "pessoas/", "--page-size", "2")).toMatchObject({
      code: 0,
      err: "",
    });
    expect(await live("pessoas")).toEqual([1, 2, 3]);
    expect(await live("pessoas_contatos")).toEqual([1, 2, 3]);
    expect(new Set(emulator.requests.map(({ path }) => path.split("/")[1]))).toEqual(
      new Set(["pessoas"]),
    );
    const sizes = emulator.requests.map(({ parameters }) => parameters.registros_por_pagina);
    expect(new Set(sizes)).toEqual(new Set(["2"]));
  });

  test("lands every object with --all", async () => {
    expect(await elt("extract", "--all")).toMatchObject({ code: 0, err: "" });
    const { rows } = await database.pool.query(
      "select count(distinct objeto)::int as objects from elt.loads where verdict = 'proven'",
    );
    expect(rows).toEqual([{ objects: 76 }]);
  });

  test("stops at a limit of pages with exit 0, says what is left, and goes on from there", async () => {
    const first = await elt("extract", "leads", "--page-size", "5", "--max-pages", "4");
    expect(first).toMatchObject({ code: 0, err: "" });
    expect(first.out).toContain(
      "A limit was reached with 1 of 1 objects not read to the end (leads in the middle).",
    );
    expect(asked()).toEqual(["/leads 1", "/leads 8", "/leads 7", "/leads 6"]);
    const left = { mode: "full", pass: 1, total: 40, unread: 25, since: null, until: null };
    expect(await status()).toMatchObject({ verdict: "stopped", live: 20, open_scans: [left] });

    const second = await elt("extract", "leads", "--page-size", "5");
    expect(second).toMatchObject({ code: 0, err: "" });
    expect(asked().slice(4, 8)).toEqual(["/leads 5", "/leads 4", "/leads 3", "/leads 2"]);
    expect(await live()).toEqual(ids(1, LEADS));
    expect(await status()).toMatchObject({ verdict: "proven", live: 40, open_scans: [] });
  });

  test("reaches every object under a limit that is too small for all of them", async () => {
    const names = ["leads", "pessoas", "pessoas_contatos", "unidades"];
    for (let run = 1; run <= names.length; run++) {
      const { code, out } = await elt("extract", ...names, "--max-pages", "1");
      expect(code).toBe(0);
      expect(out).toContain("3 of 4 objects not read to the end (3 not begun)");
    }
    expect(asked()).toEqual(["/leads 1", "/pessoas 1", "/pessoas/contatos 1", "/unidades 1"]);
  });

  test("stops at a time limit that a slow source uses up, and the next run brings the rest", async () => {
    await emulator.close();
    emulator = await startEmulator({ accounts: [account], rateLimit: null, delayMs: 1_500 });
    const { code, out } = await elt("extract", "leads", "--page-size", "5", "--time-limit", "1s");
    expect(code).toBe(0);
    expect(out).toContain("A limit was reached with 1 of 1 objects not read to the end");
    expect(emulator.requests.length).toBeLessThanOrEqual(1);
    await emulator.close();
    emulator = await startEmulator({ accounts: [account], rateLimit: null });
    expect((await elt("extract", "leads", "--page-size", "5")).code).toBe(0);
    expect(await live()).toEqual(ids(1, LEADS));
  });

  test("backfills a range of days beside the daily cursor", async () => {
    await elt("extract", "leads");
    const before = await status();
    await database.pool.query("truncate landing.leads");
    const range = ["--since", "2025-01-05", "--until", "2025-01-09 10:00:00"];
    expect(await elt("extract", "leads", ...range)).toMatchObject({ code: 0, err: "" });
    expect(await live()).toEqual(ids(5, 9));
    expect(await status()).toMatchObject({ next_from: before?.next_from, mode: "full", live: 5 });
  });

  test("finds what was removed with --full, and refuses a mass removal until it is allowed", async () => {
    const full = (...more: string[]) => elt("extract", "leads", "--full", ...more);
    await full();
    account.remove("leads", 1);
    expect((await full()).code).toBe(0);
    expect(await status()).toMatchObject({ live: 40, removed: 0, watched: 1 });
    expect((await full()).code).toBe(0);
    expect(await status()).toMatchObject({ live: 39, removed: 1, watched: 0 });

    for (const id of ids(2, 10)) account.remove("leads", id);
    expect((await full()).code).toBe(0);
    const refused = await full();
    expect(refused.code).toBe(3);
    expect(refused.err).toContain("leads: nothing was removed, though 9 of its 39 records");
    expect(await live()).toEqual(ids(2, LEADS));
    expect((await full("--allow-mass-removal")).code).toBe(0);
    expect(await live()).toEqual(ids(11, LEADS));

    account.insert("leads", { idlead: 1, referencia_data: "2025-01-01 10:00:00", nome: "n1" });
    expect((await full()).code).toBe(0);
    expect(await live()).toEqual([1, ...ids(11, LEADS)]);
    expect(await status()).toMatchObject({ live: 31, removed: 9, watched: 0 });
  });
});
