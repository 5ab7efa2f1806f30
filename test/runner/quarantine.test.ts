import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type CvdwObject, findObject } from "../../extract/catalogue.ts";
import { startLoad } from "../../extract/load-record.ts";
import { tryLock } from "../../extract/lock.ts";
import { slicePage } from "../../extract/page.ts";
import { landOrQuarantine } from "../../extract/quarantine.ts";
import { toLandingRecords, wantedFields } from "../../extract/record.ts";
import { startRun } from "../../runner/run-record.ts";
import { eltHere } from "../elt-here.ts";
import { createTestDatabase } from "../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const runId = await startRun(pool, { command: "test", conta: "acme" });

const elt = (...args: string[]) => eltHere(args, { DATABASE_URL: database.url });

/** Lands raw texts as a page of an object. */
async function land(conta: string, object: CvdwObject, texts: readonly string[]): Promise<void> {
  const load = await startLoad(pool, {
    ...{ runId, conta, object: object.name, mode: "full" },
    ...{ since: undefined, until: undefined },
  });
  const body = `{"dados":[${texts.join()}],"total_de_registros":1,"total_de_paginas":1}`;
  const page = slicePage(Buffer.from(body, "latin1"), wantedFields(object));
  const client = await pool.connect();
  try {
    await client.query("begin");
    const records = toLandingRecords(object, page);
    await landOrQuarantine(client, load, [{ page: 3, pageSize: 500, ...records }]);
    await client.query("commit");
  } finally {
    client.release();
  }
}

function objectNamed(name: string): CvdwObject {
  const object = findObject(name);
  if (object === undefined) throw new Error(`no ${name}`);
  return object;
}

const reservas = objectNamed("reservas");
const MARIA = '{"idreserva":7,"cliente":"Maria \\u0000da Silva\xe9"}';

beforeEach(async () => {
  await pool.query("truncate elt.quarantine restart identity");
  await pool.query("drop table if exists landing.reservas, landing.leads cascade");
  const withoutKey = '{"idlead":null,"nome":"Ana Costa"}';
  await land("acme", reservas, ['{"idreserva":6}', MARIA]);
  await land("acme", objectNamed("leads"), [withoutKey, withoutKey]);
  // The catalogue of an earlier release had another key.
  await land("outra", { ...reservas, key: ["id"] }, ['{"idreserva":8,"cliente":"Joao"}']);
});

describe("elt quarantine", () => {
  test("lists what did not land as it was sent, and nothing of what is in it", async () => {
    const { code, out, err } = await elt("quarantine");
    expect(code).toBe(0);
    expect(out).toMatch(
      /acme +reservas +invalid-utf8 +7 +record 2 of page 3 \(500 a page\).* repaired/,
    );
    expect(out).toMatch(/acme +leads +no-key +record 2 of page 3 .* 2 +no/);
    expect(out).toMatch(/outra +reservas +no-key +record 1 of page 3 .* 1 +no/);
    expect(out + err).not.toMatch(/Maria|Ana|Joao|cliente/);
    const { total, records } = JSON.parse((await elt("quarantine", "--json")).out);
    expect(total).toBe(3);
    expect(records.map(({ reason }: { reason: string }) => reason)).toEqual([
      "no-key",
      "no-key",
      "invalid-utf8",
    ]);
  });

  test("lists the objects named, as many as asked for, and what is closed when told to", async () => {
    expect((await elt("quarantine", "leads/*")).out).not.toContain("reservas");
    expect((await elt("quarantine", "--limit", "1")).out).toContain("and 2 more: --limit 3");
    await land("acme", reservas, ['{"idreserva":7,"cliente":"Maria"}']);
    const { out: open } = await elt("quarantine", "reservas", "--json");
    expect(JSON.parse(open).records).toMatchObject([{ conta: "outra" }]);
    const { out: all } = await elt("quarantine", "reservas", "--all", "--json");
    expect(JSON.parse(all).records).toMatchObject([
      { landed: "no" },
      { landed: "closed", key: "7" },
    ]);
  });

  test("says so when there is nothing", async () => {
    await pool.query("truncate elt.quarantine");
    expect((await elt("quarantine")).out).toContain("every record landed as it was sent");
    expect((await elt("quarantine", "retry")).out).toContain("Nothing in quarantine waits");
  });

  test("gives the bytes of one record as the source sent them", async () => {
    const { rows } = await pool.query(
      "select quarantine_id::int as id from elt.quarantine where chave = '7'",
    );
    const id = String(rows[0].id);
    const { code, out } = await elt("quarantine", "--raw", id);
    expect(code).toBe(0);
    expect(out).toBe(Buffer.from(MARIA, "latin1").toString("utf8"));
    const { base64 } = JSON.parse((await elt("quarantine", "--raw", id, "--json")).out);
    expect(Buffer.from(base64, "base64")).toEqual(Buffer.from(MARIA, "latin1"));
  });

  test.each([
    [["--raw", "99999"], "There is no record 99999 in quarantine"],
    [["--raw", "sete"], '--raw takes a number from 1 on, not "sete"'],
    [["--limit", "0"], '--limit takes a number from 1 on, not "0"'],
    [["retri"], "CVDW has no object retri"],
    [["leads", "--raw", "1"], "leave out leads"],
  ])("%j ends with exit 2 and a sentence", async (args, sentence) => {
    const { code, err } = await elt("quarantine", ...args);
    expect(code).toBe(2);
    expect(err).toContain(sentence);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test("retry lands what a corrected catalogue can read, in every account", async () => {
    const { code, out } = await elt("quarantine", "retry");
    expect(code).toBe(0);
    expect(out).toMatch(/outra +reservas +1 +1 +0 +0 +0/);
    expect(out).toMatch(/acme +leads +1 +0 +0 +0 +1/);
    expect(out).toContain("npm run elt -- build");
    const { rows } = await pool.query(
      "select conta, payload ->> 'cliente' as cliente from landing.reservas_atual where chave = '8'",
    );
    expect(rows).toEqual([{ conta: "outra", cliente: "Joao" }]);
    const { out: left } = await elt("quarantine", "--json");
    expect(JSON.parse(left).records).toMatchObject([{ object: "leads" }, { landed: "repaired" }]);
    const { rows: runs } = await pool.query(
      "select command, exit_code from elt.runs order by run_id desc limit 1",
    );
    expect(runs).toEqual([{ command: "quarantine retry", exit_code: 0 }]);
  });

  test("retry waits for nobody: while the account is extracted it ends with exit 4", async () => {
    const client = await pool.connect();
    try {
      await tryLock(client, "extract outra");
      const { code, err } = await elt("quarantine", "retry", "reservas");
      expect(code).toBe(4);
      expect(err).toContain("An extraction of account outra is already under way");
      expect((await elt("quarantine", "retry", "leads")).code).toBe(0);
    } finally {
      client.release(true);
    }
  });
});
