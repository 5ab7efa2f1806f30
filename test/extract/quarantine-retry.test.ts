import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { CvdwObject } from "../../extract/catalogue.ts";
import { startLoad } from "../../extract/load-record.ts";
import { slicePage } from "../../extract/page.ts";
import { landOrQuarantine } from "../../extract/quarantine.ts";
import { retryQuarantine } from "../../extract/quarantine-retry.ts";
import { toLandingRecords, wantedFields } from "../../extract/record.ts";
import { startRun } from "../../runner/run-record.ts";
import { createTestDatabase } from "../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;

const object: CvdwObject = { name: "reservas", path: "/reservas", key: ["idreserva"] };
/** The same, as a catalogue that has the key's name wrong knows it. */
const wrongKey: CvdwObject = { ...object, key: ["id"] };
const runId = await startRun(pool, { command: "test", conta: "acme" });

beforeEach(async () => {
  await pool.query("select landing.create_object('reservas')");
  await pool.query("truncate landing.reservas, elt.quarantine, elt.loads, elt.removals");
});

async function land(texts: readonly string[], of = object): Promise<bigint> {
  const load = await startLoad(pool, {
    ...{ runId, conta: "acme", object: of.name, mode: "full" },
    ...{ since: undefined, until: undefined },
  });
  const body = `{"dados":[${texts.join()}],"total_de_registros":1,"total_de_paginas":1}`;
  const page = toLandingRecords(of, slicePage(Buffer.from(body), wantedFields(of)));
  const client = await pool.connect();
  try {
    await client.query("begin");
    await landOrQuarantine(client, load, [{ page: 1, pageSize: 500, ...page }]);
    await client.query("commit");
  } finally {
    client.release();
  }
  return load.loadId;
}

const retry = (of = object) => retryQuarantine(pool, { runId, conta: "acme", object: of });

async function landed(): Promise<Record<string, unknown[]>> {
  const { rows } = await pool.query(
    "select chave, array_agg(payload -> 'v' order by load_id, seq) as v from landing.reservas group by 1",
  );
  return Object.fromEntries(rows.map((row) => [row.chave, row.v]));
}

async function held() {
  const { rows } = await pool.query(
    `select reason, chave, repaired, resolved_at is not null as resolved, times_seen::int as times
     from elt.quarantine order by load_id, seq`,
  );
  return rows;
}

async function loads() {
  const { rows } = await pool.query(
    `select mode, verdict, records::int, new_versions::int as versions, error
     from elt.loads where mode = 'quarantine'`,
  );
  return rows;
}

describe("trying what is in quarantine again", () => {
  test("lands what a corrected key makes readable, each key's versions in their order", async () => {
    await land(['{"idreserva":1,"v":"a"}', '{"idreserva":2,"v":"b\\u0000"}'], wrongKey);
    await land(['{"idreserva":1,"v":"c"}', '{"v":"d"}', "7"], wrongKey);
    expect(await landed()).toEqual({});
    expect(await retry()).toEqual({
      ...{ conta: "acme", object: "reservas", tried: 5, landed: 2, repaired: 1 },
      ...{ superseded: 0, refused: 2 },
    });
    expect(await landed()).toEqual({ 1: ["a", "c"], 2: ["b\ufffd"] });
    expect(await loads()).toEqual([
      {
        ...{ mode: "quarantine", verdict: "unproven", records: 5, versions: 3 },
        error: "2 of 5 are still refused",
      },
    ]);
    expect(await held()).toEqual([
      { reason: "no-key", chave: "1", repaired: false, resolved: true, times: 1 },
      { reason: "no-key", chave: "1", repaired: false, resolved: true, times: 1 },
      { reason: "no-key", chave: null, repaired: false, resolved: false, times: 1 },
      { reason: "not-an-object", chave: null, repaired: false, resolved: false, times: 1 },
      { reason: "nul-character", chave: "2", repaired: true, resolved: false, times: 1 },
    ]);
    // The source sends the same again: nothing is new, nothing is caught.
    await land(['{"idreserva":1,"v":"c"}', '{"idreserva":2,"v":"b\\u0000"}']);
    expect(await landed()).toEqual({ 1: ["a", "c"], 2: ["b\ufffd"] });
    expect(await retry()).toMatchObject({ tried: 2, landed: 0, refused: 2 });
  });

  test("never puts a record over a newer version of itself", async () => {
    await land(['{"idreserva":1,"v":"old"}', '{"idreserva":2,"v":"old"}'], wrongKey);
    await land(['{"idreserva":1,"v":"new"}']);
    expect(await retry()).toMatchObject({ tried: 2, landed: 1, superseded: 1, refused: 0 });
    expect(await landed()).toEqual({ 1: ["new"], 2: ["old"] });
    expect(await held()).toMatchObject([{ resolved: true }, { resolved: true }]);
  });

  test("does not bring back what the source no longer has", async () => {
    const load = await land(['{"idreserva":1,"v":"old"}'], wrongKey);
    await pool.query(
      `insert into elt.removals (conta, objeto, chave, missing_in, removed_in)
       values ('acme', 'reservas', '1', $1, $2)`,
      [String(load + 1n), String(load + 2n)],
    );
    expect(await retry()).toMatchObject({ tried: 1, landed: 0, superseded: 1 });
    expect(await landed()).toEqual({});
  });

  test("tries beyond one batch, and each record by itself", async () => {
    const texts = Array.from({ length: 250 }, (_, id) => {
      const v = id % 50 === 0 ? "verdade" : `"${id}"`;
      return `{"idreserva":${id},"v":${v}}`;
    });
    await land([...texts, '{"idreserva":1,"v":"later"}'], wrongKey);
    expect(await retry()).toMatchObject({ tried: 251, landed: 246, superseded: 0, refused: 5 });
    const versions = await landed();
    expect(Object.keys(versions)).toHaveLength(245);
    expect(versions["1"]).toEqual(["1", "later"]);
    expect((await held()).filter(({ resolved }) => !resolved)).toMatchObject(
      Array.from({ length: 5 }, (_, i) => ({ reason: "broken-json", chave: String(i * 50) })),
    );
  });

  test("tries what PostgreSQL refused before, and says when it still does", async () => {
    await land(['{"idreserva":1,"v":verdade}', '{"idreserva":2,"v":1}']);
    expect(await retry()).toMatchObject({ tried: 1, refused: 1 });
    // As if a release had not known that this text lands.
    await pool.query(`update elt.quarantine set raw = '{"idreserva":1,"v":true}'`);
    expect(await retry()).toMatchObject({ tried: 1, landed: 1, refused: 0 });
    expect(await landed()).toEqual({ 1: [true], 2: [1] });
  });

  test("of nothing leaves no load", async () => {
    await land(['{"idreserva":1,"v":"\\u0000"}']);
    expect(await retry()).toMatchObject({ tried: 0 });
    expect(await loads()).toEqual([]);
  });
});
