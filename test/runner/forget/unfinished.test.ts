import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../../emulator/account.ts";
import { exemplo } from "../../../emulator/exemplo.ts";
import { defaultObjects, findObject } from "../../../extract/catalogue.ts";
import { tryLock } from "../../../extract/lock.ts";
import { BACKUP_LOCK } from "../../../runner/backup/back-up.ts";
import { BUILD_LOCK } from "../../../runner/building.ts";
import { eltHere } from "../../elt-here.ts";
import { type EltProcess, startElt } from "../../elt-process.ts";
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
  await quarantine("8078", '{"idlead":8078,"nome":"Zuleide Ferraz Quint\\u00e3o","x');
  await pool.query("analyze");
});

/** Keeps a text as a record that could not be read. */
async function quarantine(chave: string, raw: string): Promise<void> {
  await pool.query(
    `insert into elt.quarantine (conta, objeto, hash, load_id, seq, page, page_size, position, reason, chave, raw, repaired)
     values ('exemplo', 'leads', gen_random_uuid(), 999, 1, 1, 500, 1, 'broken-json', $1, convert_to($2, 'UTF8'), false)`,
    [chave, raw],
  );
}

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

const leftInAna = { table: "ana_marts.vendas", environment: "ana", identified: 0, named: 1 };

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
      const { code, err } = await eltHere(forget, settings);
      expect([code, err]).toEqual([4, expect.stringContaining("A backup of this database is")]);
      const backup = await eltHere(["backup", "/nowhere/to/write"], settings);
      expect([backup.code, backup.err]).toEqual([
        4,
        expect.stringContaining("Another backup, or elt forget, is already under way"),
      ]);
    } finally {
      client.release(true);
    }
    expect(await statuses()).toEqual([]);
  });

  test("waits for an environment that is being built, which would show the person afterwards", async () => {
    const client = await pool.connect();
    try {
      await client.query("begin; lock table elt.environments in row exclusive mode");
      const waiting = startElt(forget, settings);
      processes.push(waiting);
      const isWaiting = async () => {
        const { rows } = await pool.query(
          "select from pg_locks where relation = 'elt.environments'::regclass and not granted",
        );
        return rows.length;
      };
      await expect.poll(isWaiting, { timeout: 60_000 }).toBe(1);
      expect(await searchEverything(pool, [zuleide.email])).toHaveProperty(["landing.reservas"]);
      waiting.process.kill("SIGKILL");
      await waiting.outcome;
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
    const { code, out } = await eltHere(forget.slice(0, -1), settings);
    expect(code).toBe(0);
    expect(out).toContain("Receipt 1 is not finished");
  });

  test("given again finishes it: no table and no statistics of the planner hold the person", async () => {
    expect(await inStatistics()).toEqual(expect.arrayContaining(["staging.reservas"]));
    await pool.query("alter table marts_pii.vendas drop constraint named");
    const { code, out } = await eltHere(forget, settings);
    expect(await searchEverything(pool, values)).toEqual({});
    expect(await inStatistics()).toEqual([]);
    expect([code, await statuses()]).toEqual([0, ["done"]]);
    const { rows } = await pool.query(
      "select convert_from(raw, 'UTF8') as raw from elt.quarantine where chave = '8078'",
    );
    expect(rows).toEqual([{ raw: '{"apagado":"8078",' }]);
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
    const { code, out } = await eltHere(forget, settings);
    expect(code).toBe(1);
    expect(JSON.parse(out.trim().split("\n").at(-1) ?? "").left).toContainEqual(leftInAna);
    expect(await statuses()).toEqual(["done", "landing"]);
  });

  test("finishes nothing of a person who is left somewhere, whoever is asked for", async () => {
    // Landing knows her name no longer, and of somebody else it never told.
    for (const documento of [zuleide.documento, "390.533.447-05"]) {
      const { code, out } = await eltHere(
        ["forget", "--documento", documento, "--apply"],
        settings,
      );
      expect([code, JSON.parse(out.trim().split("\n").at(-1) ?? "")]).toEqual([
        1,
        expect.objectContaining({ id: "2", finished: [], left: [leftInAna] }),
      ]);
      expect(await statuses()).toEqual(["done", "landing"]);
    }
    await pool.query("drop schema ana_marts cascade; delete from elt.environments");
    expect(await searchEverything(pool, values)).toEqual({});
    expect((await eltHere(forget, settings)).code).toBe(0);
    expect(await statuses()).toEqual(["done", "done"]);
  });

  test("keeps out what a record nobody knew says of the person in a free text", async () => {
    const add = (idsimulacao: number, observacoes: string) =>
      account.insert("simulacoes", {
        ...{ referencia: "n", referencia_data: "2026-01-04 10:00:00", idsimulacao, observacoes },
        renda_familiar: "2",
      });
    add(8691, "avalista: 012.345.678-90");
    add(8692, "avalista CPF 01234567890.");
    add(8693, `escrever para ${zuleide.email.toUpperCase()}; obrigado`);
    add(8694, "avalista: 529.982.247-25, outra@example.com");
    await extractAccounts(database, account, { objects, scan: { full: true } });
    expect(await searchEverything(pool, values)).toEqual({});
    const { rows } = await pool.query(
      "select payload ->> 'observacoes' as text, payload ->> 'renda_familiar' as renda from landing.simulacoes where chave like '869_' order by chave",
    );
    expect(rows.map(({ text }) => text)).toEqual([
      ...[null, null, null],
      "avalista: 529.982.247-25, outra@example.com",
    ]);
    expect(new Set(rows.map(({ renda }) => renda))).toEqual(new Set(["2"]));
  });

  test("keeps out what a retry of quarantine learns to read", async () => {
    const raw = JSON.stringify({ idlead: 8077, nome: zuleide.nome, email: zuleide.email });
    await quarantine("8077", raw);
    expect((await eltHere(["quarantine", "retry"], settings)).code).toBe(0);
    const { rows } = await pool.query(
      "select payload ->> 'nome' as nome from landing.leads where chave = '8077'",
    );
    expect(rows).toEqual([{ nome: null }]);
  });
});
