import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../../emulator/account.ts";
import { exemplo } from "../../../emulator/exemplo.ts";
import { defaultObjects, findObject } from "../../../extract/catalogue.ts";
import { tryLock } from "../../../extract/lock.ts";
import { BACKUP_LOCK } from "../../../runner/backup/back-up.ts";
import { BUILD_LOCK } from "../../../runner/building.ts";
import { type EltProcess, runElt, startElt } from "../../elt-process.ts";
import { buildModels, extractAccounts } from "../../pipeline.ts";
import { createTestDatabase } from "../../postgres.ts";
import { addPerson, searchEverything, values, zuleide } from "./person.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const settings = { DATABASE_URL: database.url };
const forget = ["forget", "--documento", zuleide.documento, "--apply"];

const objects = [
  ...defaultObjects,
  ...["leads_interacoes", "pessoas", "pessoas_contatos", "simulacoes"].flatMap(
    (name) => findObject(name) ?? [],
  ),
];
let account: Account;
beforeAll(async () => {
  const { rows } = await pool.query("select elt.hoje()::text as hoje");
  account = exemplo({ hoje: rows[0].hoje });
  addPerson(account);
  await extractAccounts(database, account, { objects });
  await buildModels(database);
  await pool.query("analyze");
});

const processes: EltProcess[] = [];
afterEach(async () => {
  for (const each of processes.splice(0)) {
    each.process.kill("SIGKILL");
    await each.outcome;
  }
});

/** What the planner remembers of values is readable, too. */
async function inStatistics(): Promise<readonly string[]> {
  const { rows } = await pool.query<{ place: string }>(
    `select distinct schemaname || '.' || tablename as place
     from pg_stats as row
     where schemaname !~ '^pg_' and row::text ilike any ($1::text[])`,
    [values.map((value) => `%${value}%`)],
  );
  return rows.map(({ place }) => place);
}

async function statuses(): Promise<readonly unknown[]> {
  const { rows } = await pool.query(
    "select receipt ->> 'status' as status from elt.forgotten order by receipt_id",
  );
  return rows.map(({ status }) => status);
}

describe("elt forget", () => {
  test("begins nothing while a backup is made, which would hold the person and be named nowhere", async () => {
    const client = await pool.connect();
    try {
      await tryLock(client, BACKUP_LOCK);
      const { code, err } = await runElt(forget, settings);
      expect([code, err]).toEqual([4, expect.stringContaining("A backup of this database is")]);
      const backup = await runElt(["backup", "/nowhere/to/write"], settings);
      expect([backup.code, backup.err]).toEqual([
        4,
        expect.stringContaining("Another backup, or elt forget, is already under way"),
      ]);
    } finally {
      client.release(true);
    }
    expect(await statuses()).toEqual([]);
  });

  test("erases nothing under a build that would publish the person once more", async () => {
    const client = await pool.connect();
    let waiting: EltProcess;
    try {
      await tryLock(client, BUILD_LOCK);
      waiting = startElt(forget, settings);
      processes.push(waiting);
      await waiting.says("lock-wait");
      expect(await searchEverything(pool, [zuleide.email])).toHaveProperty(["landing.reservas"]);
      // When its turn comes, the build fails.
      await pool.query(
        "alter table marts_pii.vendas add constraint named check (cliente is not null) not valid",
      );
    } finally {
      client.release(true);
    }
    const { code, out } = await waiting.outcome;
    expect(code).toBe(1);
    expect(out).toContain("give the same command again");
    expect(await statuses()).toEqual(["landing"]);
    expect(Object.keys(await searchEverything(pool, values))).toContain("marts_pii.vendas");
  });

  test("says of a person whom a failed build left in the marts that it is not finished", async () => {
    const { code, out } = await runElt(forget.slice(0, -1), settings);
    expect(code).toBe(0);
    expect(out).toContain("Receipt 1 is not finished");
  });

  test("given again finishes it: no table and no statistics of the planner hold the person", async () => {
    expect(await inStatistics()).toEqual(expect.arrayContaining(["staging.reservas"]));
    await pool.query("alter table marts_pii.vendas drop constraint named");
    const { code, out } = await runElt(forget, settings);
    expect(await searchEverything(pool, values)).toEqual({});
    expect(await inStatistics()).toEqual([]);
    expect([code, await statuses()]).toEqual([0, ["done"]]);
    expect(JSON.parse(out.trim().split("\n").at(-1) ?? "")).toMatchObject({
      ...{ status: "done", id: "1", finished: ["1"], left: [] },
    });
  });

  test("tells of an environment that was built before, also where only the name stands in it", async () => {
    await pool.query(`
      create schema ana_marts;
      create table ana_marts.vendas (conta text, cliente text);
      insert into ana_marts.vendas values ('exemplo', 'Zuleide Ferraz Quintão');
      insert into elt.environments (name, schemas, host, built_at)
      values ('ana', '{ana_marts}', 'here', now() - interval '1 day')`);
    await pool.query("truncate elt.tombstones");
    await extractAccounts(database, account, { objects, scan: { full: true } });
    await buildModels(database);
    const { code, out } = await runElt(forget, settings);
    expect(code).toBe(1);
    expect(JSON.parse(out.trim().split("\n").at(-1) ?? "").left).toContainEqual({
      ...{ table: "ana_marts.vendas", environment: "ana", identified: 0, named: 1 },
    });
    await pool.query("drop schema ana_marts cascade; delete from elt.environments");
    expect(await searchEverything(pool, values)).toEqual({});
    expect(await statuses()).toEqual(["done", "landing"]);
    expect((await runElt(forget, settings)).code).toBe(0);
    expect(await statuses()).toEqual(["done", "done"]);
  });

  test("keeps out what a retry of quarantine learns to read", async () => {
    const raw = JSON.stringify({ idlead: 8077, nome: zuleide.nome, email: zuleide.email });
    await pool.query(
      `insert into elt.quarantine (conta, objeto, hash, load_id, seq, page, page_size, position, reason, chave, raw, repaired)
       values ('exemplo', 'leads', gen_random_uuid(), 999, 1, 1, 500, 1, 'broken-json', '8077', convert_to($1, 'UTF8'), false)`,
      [raw],
    );
    expect((await runElt(["quarantine", "retry"], settings)).code).toBe(0);
    const { rows } = await pool.query(
      "select payload ->> 'nome' as nome from landing.leads where chave = '8077'",
    );
    expect(rows).toEqual([{ nome: null }]);
  });
});
