import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../../emulator/account.ts";
import { exemplo } from "../../../emulator/exemplo.ts";
import { openScan } from "../../../extract/scan-record.ts";
import { eltHere } from "../../elt-here.ts";
import { buildModels, extractAccounts, runPipeline } from "../../pipeline.ts";
import { createTestDatabase } from "../../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const elt = (...args: string[]) => eltHere(args, { DATABASE_URL: database.url });
let account: Account;
let sale: number;

async function value(statement: string): Promise<unknown> {
  const { rows } = await pool.query({ text: statement, rowMode: "array" });
  return rows[0]?.[0];
}

const count = (of: string) => value(`select count(*)::int from ${of}`);

/** Everything that staging reads, and everything that is published. */
async function everything(): Promise<unknown> {
  const { rows } = await pool.query<{ name: string }>(
    `select format('%I.%I', nspname, relname) as name
     from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace
     where nspname = 'landing' and relkind = 'v' or nspname in ('marts', 'marts_pii', 'staging') order by 1`,
  );
  const found = [];
  for (const { name } of rows.filter(({ name }) => !/_pkey|_idx|_key/.test(name))) {
    found.push([
      name,
      await value(`select md5(string_agg(r::text, ' ' order by r::text)) from ${name} as r`),
    ]);
  }
  return found;
}

beforeAll(async () => {
  const hoje = await value("select elt.hoje()::text");
  account = exemplo({ hoje: String(hoje) });
  await runPipeline(database, account, { scan: { full: true } });
  const [first, gone] = [...account.records("reservas")].map(({ idreserva }) => Number(idreserva));
  sale = first ?? 0;
  for (const tipovenda of ["A", "B", "A", "C", "D"]) {
    account.edit("reservas", sale, { tipovenda });
    await runPipeline(database, account);
    // Each version landed a month after the one before it.
    await pool.query("update landing.reservas set landed_at = landed_at - interval '30 days'");
  }
  account.remove("reservas", gone ?? 0);
  for (const _ of [1, 2]) await runPipeline(database, account, { scan: { full: true } });
});

const ofSale = () => count(`landing.reservas where chave = '${sale}'`);

describe("elt prune", () => {
  test.each([
    [["--versions-days", "-1"], "--versions-days"],
    [["--versions-days", "x"], '--versions-days takes a whole number from 0 to 99999, not "x"'],
    [["--keep-versions", "2"], "--keep-versions narrows --versions-days"],
    [["--requests-days", "0"], "--requests-days takes a whole number from 1"],
  ])("%j ends with exit 2 and a sentence", async (args, sentence) => {
    const { code, err } = await elt("prune", ...args);
    expect(code).toBe(2);
    expect(err).toContain(sentence);
  });

  test("shows what would go, and deletes nothing without --apply", async () => {
    expect(await ofSale()).toBe(6);
    const { code, out } = await elt("prune", "--versions-days", "45", "--json");
    expect(code).toBe(0);
    const { pruned, applied } = JSON.parse(out);
    expect(applied).toBe(false);
    expect(pruned).toContainEqual({ what: "landing.reservas", rows: 4 });
    expect(await ofSale()).toBe(6);
  });

  test("keeps every version when nobody asks for less", async () => {
    expect((await elt("prune", "--apply")).code).toBe(0);
    expect(await ofSale()).toBe(6);
  });

  test("lets superseded versions go, and what is read and published stays to the last cell", async () => {
    const before = await everything();
    expect(
      (await elt("prune", "--versions-days", "45", "--keep-versions", "4", "--apply")).code,
    ).toBe(0);
    expect(await ofSale()).toBe(4);
    expect(await everything()).toEqual(before);
    const { out } = await elt("prune", "--versions-days", "45", "--apply");
    // Versions C and D: C was superseded thirty days ago.
    expect(await ofSale()).toBe(2);
    expect(await everything()).toEqual(before);
    expect(out).toContain("landing.reservas");
    expect(await count("landing.reservas where removed_at is not null")).toBe(1);
  });

  test("takes nothing from builds and extractions that follow", async () => {
    await elt("prune", "--versions-days", "0", "--logs-days", "1", "--apply");
    expect(await ofSale()).toBe(1);
    const before = await everything();
    expect((await elt("build", "--full-refresh")).code).toBe(0);
    expect(await everything()).toEqual(before);
    const { scans } = await extractAccounts(database, account);
    const results = [...scans.values()].flat();
    expect(results.map(({ newVersions }) => newVersions)).toEqual(results.map(() => 0));
    account.edit("reservas", sale, { tipovenda: "E" });
    await runPipeline(database, account);
    expect(await value(`select tipo_venda from marts.vendas where reserva_id = ${sale}`)).toBe("E");
  });

  test("keeps loads that a model has not built yet, and the last of each kind", async () => {
    account.edit("reservas", sale, { tipovenda: "F" });
    await extractAccounts(database, account);
    await pool.query("update elt.loads set started_at = now() - interval '400 days'");
    for (const tipovenda of ["G", "H", "I"]) {
      account.edit("reservas", sale, { tipovenda });
      await extractAccounts(database, account);
    }
    const unbuilt = await count(
      "elt.loads as l where not exists (select from elt.built_loads as b where b.load_id = l.load_id)",
    );
    const loads = Number(await count("elt.loads"));
    expect((await elt("prune", "--apply")).code).toBe(0);
    expect(Number(await count("elt.loads"))).toBeLessThan(loads);
    expect(
      await count(
        "elt.loads as l where not exists (select from elt.built_loads as b where b.load_id = l.load_id)",
      ),
    ).toBe(unbuilt);
    await buildModels(database);
    expect(await value(`select tipo_venda from marts.vendas where reserva_id = ${sale}`)).toBe("I");
    expect((await elt("status")).code).toBe(0);
  });

  test("forgets runs, requests and changes that are old, but not the last publication", async () => {
    await pool.query(
      "update elt.runs set started_at = now() - interval '400 days', finished_at = now()",
    );
    await pool.query(
      "insert into elt.runs (command, pid, host) select 'x', 1, 'y' from generate_series(1, 60)",
    );
    await pool.query(
      "insert into elt.requests (conta, sent_at, objeto, pagina) select 'exemplo', now() - interval '31 days', 'x', n from generate_series(1, 12000) as n",
    );
    await pool.query("update elt.changes set changed_at = now() - interval '91 days'");
    const publication = await value("select max(publication_id)::text from elt.publications");
    const { out } = await elt("prune", "--apply", "--json");
    const { pruned } = JSON.parse(out.trim().split("\n").at(-1) ?? "");
    expect(pruned).toContainEqual({ what: "elt.requests", rows: 12_000 });
    expect(await count("elt.changes")).toBe(0);
    expect(await value("select string_agg(publication_id::text, ',') from elt.publications")).toBe(
      publication,
    );
  });

  test("closes nothing in quarantine by taking the load in which it was read", async () => {
    // Read by a load that was stopped; the next one went on with the scan and read the rest.
    await pool.query(`
      insert into elt.loads (load_id, conta, objeto, mode, verdict, scan_id, started_at)
      overriding system value
      values
        (90001, 'exemplo', 'pesquisas', 'full', 'stopped', 77, now() - interval '400 days'),
        (90002, 'exemplo', 'pesquisas', 'full', 'proven', 77, now() - interval '400 days'),
        (90003, 'exemplo', 'pesquisas', 'full', 'stopped', 78, now() - interval '399 days'),
        (90004, 'exemplo', 'pesquisas', 'full', 'stopped', 79, now() - interval '399 days'),
        (90005, 'exemplo', 'pesquisas', 'full', 'stopped', 80, now() - interval '399 days');
      insert into elt.quarantine (
        conta, objeto, hash, load_id, seq, page, page_size, position, reason, raw, repaired
      )
      values ('exemplo', 'pesquisas', gen_random_uuid(), 90001, 1, 1, 1, 1, 'no-key', '{}', false)`);
    const open = () => count("elt.open_quarantine where objeto = 'pesquisas'");
    expect(await open()).toBe(1);
    expect((await elt("prune", "--apply")).code).toBe(0);
    expect(await count("elt.loads where load_id = 90003")).toBe(0);
    expect(await open()).toBe(1);
  });

  test("forgets incidents that ended long ago, and never one that lasts", async () => {
    await pool.query(`
      insert into elt.incidents (conta, kind, subject, opened_at, last_seen_at, closed_at)
      values
        ('exemplo', 'stale-data', '', now() - interval '400 days', now(), now() - interval '399 days'),
        ('exemplo', 'stale-data', '', now() - interval '400 days', now(), now() - interval '1 day'),
        ('exemplo', 'stale-data', '', now() - interval '400 days', now(), null)`);
    await pool.query(
      "insert into elt.incident_messages (incident_id, phase, channel, attempted_at) select incident_id, 'opened', 'x', now() from elt.incidents",
    );
    await elt("prune", "--apply");
    expect(
      await value(
        "select string_agg((closed_at is null)::text, ',' order by incident_id) from elt.incidents",
      ),
    ).toBe("false,true");
    expect(await count("elt.incident_messages")).toBe(2);
  });

  test("gives up a reading that nobody went on with, and drops keys that a crash left", async () => {
    const scan = {
      conta: "exemplo",
      mode: "backfill",
      since: "2020-01-01",
      until: undefined,
    } as const;
    await openScan(pool, { ...scan, object: "leads", startedAt: new Date("2020-01-01") });
    const young = await openScan(pool, { ...scan, object: "pessoas", startedAt: new Date() });
    await pool.query("create table elt.scan_keys_999999 (chave text)");
    await elt("prune", "--apply");
    const { rows } = await pool.query("select scan_id::text from elt.scans");
    expect(rows).toEqual([{ scan_id: young.scanId }]);
    expect(
      await value(
        "select string_agg(relname, ',') from pg_class where relname like 'scan_keys_%' and relkind = 'r'",
      ),
    ).toBe(`scan_keys_${young.scanId}`);
  });
});
