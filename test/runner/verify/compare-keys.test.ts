import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Account } from "../../../emulator/account.ts";
import { exemplo } from "../../../emulator/exemplo.ts";
import { type Emulator, startEmulator } from "../../../emulator/server.ts";
import { createBudget } from "../../../extract/budget.ts";
import { type CvdwObject, defaultObjects, findObject } from "../../../extract/catalogue.ts";
import { createCvdwClient } from "../../../extract/cvdw.ts";
import type { RunEvent } from "../../../runner/events.ts";
import { erasePerson, findPerson } from "../../../runner/forget/forget.ts";
import { compareKeys, type KeyComparison } from "../../../runner/verify/compare-keys.ts";
import { compareSource } from "../../../runner/verify/compare-source.ts";
import { eltHere } from "../../elt-here.ts";
import { extractAccounts } from "../../pipeline.ts";
import { createTestDatabase } from "../../postgres.ts";
import { addPerson, zuleide } from "../forget/person.ts";

const database = await createTestDatabase();
const { pool } = database;
let account: Account;
let source: Emulator;
afterAll(async () => {
  await source.close();
  await database.drop();
});

const reservas = findObject("reservas") as CvdwObject;
const events: RunEvent[] = [];

async function withReader<T>(
  work: (reader: Parameters<typeof compareKeys>[0]) => Promise<T>,
): Promise<T> {
  const { conta, email, token } = account;
  const client = createCvdwClient({ conta, email, token, baseUrl: source.url });
  const limit = { requests: 1_000_000, windowMs: 1 };
  const budget = createBudget({
    ...{ database: pool, conta, limit, sleep: delay, onWait: () => undefined },
  });
  const emit = (event: RunEvent) => events.push(event);
  try {
    return await work({ client, budget, emit, sleep: delay, random: () => 0 });
  } finally {
    await client.close();
  }
}

const compare = (...objects: readonly CvdwObject[]): Promise<readonly KeyComparison[]> =>
  withReader((reader) => compareKeys(reader, pool, account.conta, objects));

async function only(object: CvdwObject): Promise<KeyComparison> {
  const [found] = await compare(object);
  if (found === undefined) throw new Error("nothing was compared");
  return found;
}

const counted = async (object: CvdwObject) =>
  (await withReader((reader) => compareSource(reader, pool, account.conta, [object])))[0];

const extract = () => extractAccounts(database, account, { scan: { full: true } });
const someKeys = async (table: string, count: number): Promise<readonly string[]> =>
  (
    await pool.query(`select chave from landing.${table}_atual order by chave limit ${count}`)
  ).rows.map(({ chave }) => chave);

beforeAll(async () => {
  const { rows } = await pool.query("select elt.hoje()::text as hoje");
  account = exemplo({ hoje: rows[0].hoje });
  source = await startEmulator({ rateLimit: null, accounts: [account], now: () => new Date() });
});
beforeEach(async () => {
  await extract();
  events.length = 0;
});

describe("every key and value of the source against landing", () => {
  test("finds nothing after a full reading, and lands nothing", async () => {
    const landed =
      "select (select count(*) from elt.loads) as loads, (select count(*) from landing.reservas) as reservas";
    const before = (await pool.query(landed)).rows;
    const all = await compare(...defaultObjects);
    expect(
      all.map(({ status, lost, changed, extra, fresh }) => [status, lost, changed, extra, fresh]),
    ).toEqual(all.map(() => ["equal", 0, 0, 0, 0]));
    expect(all.find(({ object }) => object === "reservas")?.source).toBeGreaterThan(5);
    expect((await pool.query(landed)).rows).toEqual(before);
  });

  test("tells one that was lost from one that was deleted, which a count takes for nothing", async () => {
    const [lost = "", gone = ""] = await someKeys("reservas", 2);
    await pool.query("delete from landing.reservas where chave = $1", [lost]);
    account.remove("reservas", gone);
    expect(await counted(reservas)).toMatchObject({ status: "equal" });
    expect(await only(reservas)).toMatchObject({
      ...{ status: "differs", lost: 1, extra: 1, changed: 0 },
      keys: { lost: [lost], extra: [gone] },
      because: expect.stringContaining("landing lacks 1 that are not new"),
    });
    await extract();
    // Missed once by a full reading: a second one removes it.
    expect(await only(reservas)).toMatchObject({ status: "deleted", lost: 0, extra: 1 });
    await extract();
    expect(await only(reservas)).toMatchObject({ status: "equal", extra: 0 });
  });

  test("tells a value that is not the source's, without the value", async () => {
    const [chave = ""] = await someKeys("unidades", 1);
    await pool.query(
      `update landing.unidades
       set payload = payload || '{"unidade": "Segredo"}', hash = gen_random_uuid() where chave = $1`,
      [chave],
    );
    const found = await only(findObject("unidades") as CvdwObject);
    expect(found).toMatchObject({ status: "differs", changed: 1, keys: { changed: [chave] } });
    expect(JSON.stringify(found)).not.toContain("Segredo");
  });

  test("takes the same value written in another way for the same", async () => {
    await pool.query("update landing.unidades set hash = gen_random_uuid()");
    expect(await only(findObject("unidades") as CvdwObject)).toMatchObject({ status: "equal" });
  });

  test("tells what is new or edited since from what was lost, also where edits are hidden", async () => {
    const [edited = ""] = await someKeys("reservas", 1);
    account.edit("reservas", edited, { tipovenda: "Outra" });
    account.insert("reservas", {
      ...{ referencia: "1", referencia_data: "2999-01-01 00:00:00", idreserva: 90_001 },
    });
    expect(await only(reservas)).toMatchObject({ status: "behind", fresh: 2, lost: 0, changed: 0 });
    const [comissao = ""] = await someKeys("comissoes", 1);
    account.edit("comissoes", comissao, { percentual_comissao: 9.5 });
    expect(await only(findObject("comissoes") as CvdwObject)).toMatchObject({
      ...{ status: "behind", fresh: 1, changed: 0 },
      because: expect.stringContaining("shows to full readings alone"),
    });
  });

  test("counts records in quarantine as there, and those that nobody kept as lost", async () => {
    const [chave = ""] = await someKeys("reservas", 1);
    account.edit("reservas", chave, { cliente: "Maria\u0000" });
    account.insert("reservas", {
      referencia: "x",
      referencia_data: "2020-01-01 00:00:00",
      idreserva: "",
    });
    await extract();
    expect(await only(reservas)).toMatchObject({ status: "equal", lost: 0 });
    await pool.query("delete from elt.quarantine where chave is null");
    expect(await only(reservas)).toMatchObject({ status: "differs", lost: 1 });
    account.remove("reservas", "");
  });

  test("expects of whoever was forgotten what landing may hold", async () => {
    addPerson(account);
    await extract();
    const wanted = { document: zuleide.documento, email: undefined };
    await erasePerson(pool, await findPerson(pool, [account.conta], wanted));
    expect(await only(reservas)).toMatchObject({ status: "equal", changed: 0 });
  });

  test("reads objects of many pages from the end, and shows how far it is", async () => {
    for (let id = 95_000; id < 96_200; id++) {
      account.insert("reservas", {
        ...{ referencia: `${id}`, referencia_data: "2020-01-01 00:00:00", idreserva: id },
      });
    }
    await extract();
    await pool.query("delete from landing.reservas where chave in ('95003', '96100')");
    events.length = 0;
    expect(await only(reservas)).toMatchObject({
      ...{ status: "differs", lost: 2, extra: 0, keys: { lost: ["95003", "96100"] } },
    });
    const progress = events.filter(({ type }) => type === "page-compared");
    expect(progress[0]).toMatchObject({ object: "reservas", done: 1, pages: 3 });
    expect(progress.at(-1)).toMatchObject({ done: 3, pages: 3 });
    for (let id = 95_000; id < 96_200; id++) account.remove("reservas", id);
  });
});

describe("elt verify --keys", () => {
  const verify = (...args: readonly string[]) =>
    eltHere(["verify", ...args], {
      DATABASE_URL: database.url,
      CVCRM_ACCOUNT: account.conta,
      CVCRM_API_EMAIL: account.email,
      CVCRM_API_TOKEN: account.token,
      CVCRM_API_URL: source.url,
      CVCRM_RATE_LIMIT: "1000/1s",
    });

  test("compares the objects named, counts the others, and ends with exit 1 where one differs", async () => {
    const [lost = ""] = await someKeys("unidades", 1);
    await pool.query("delete from landing.unidades where chave = $1", [lost]);
    const { code, out } = await verify("--keys", "unidades", "--skip-marts", "--skip-tests");
    expect(code).toBe(1);
    const { keys, source: others } = JSON.parse(out.trim().split("\n").at(-1) ?? "");
    expect(keys).toMatchObject([{ object: "unidades", status: "differs", lost: 1 }]);
    expect(others.map(({ object }: { object: string }) => object)).toContain("repasses");
    expect(others.map(({ object }: { object: string }) => object)).not.toContain("unidades");
  });

  test.each([
    [["reservas"], "Objects are named for --keys alone"],
    [["--keys", "nada"], "CVDW has no object nada"],
    [["--keys", "leads"], "Nothing of leads was extracted"],
    [["--keys", "--skip-source"], "leave one of them out"],
  ])("%j ends with exit 2 and a sentence", async (args, sentence) => {
    const { code, err } = await verify(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(sentence)]);
  });
});
