import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import { redactRecord } from "../../extract/redact.ts";
import { recogniseBy, type Tombstones, tombstoneSecret } from "../../extract/tombstones.ts";
import { ConfigError } from "../errors.ts";
import { buildAgain } from "./build-again.ts";
import { redactQuarantine } from "./forget-quarantine.ts";
import { eachVersion, landedObjects, type ObjectTraces, replacePayload } from "./landed-records.ts";
import type { AccountTraces, Receipt } from "./receipt.ts";
import { hashOfSecret, type Register, type RegisteredReceipt } from "./register.ts";
import { emptyCells, engineTexts, rowsWith } from "./traces.ts";

/** People of a register whom a database did not know as forgotten, and what it held of them. */
export type ForgottenAgain = {
  readonly receipts: readonly Receipt[];
  readonly accounts: readonly AccountTraces[];
  /** Cells emptied in the engine's own tables, by table. */
  readonly logs: Readonly<Record<string, number>>;
};

/**
 * Forgets everybody of a register whom the database does not know as forgotten: a backup that was
 * made before holds them. Nobody's document is needed, since the marks recognise what the source
 * sends and so what landing holds. Call it in a transaction, while nothing is extracted or built.
 * @throws ConfigError when the register is of another database
 */
export async function forgetAgain(
  database: Queryable,
  register: Register,
  how: "count" | "erase",
  because: "restore" | "again",
): Promise<ForgottenAgain> {
  if (how === "erase") await execute(database, sql`lock table elt.environments in exclusive mode`);
  const secret = await tombstoneSecret(database);
  if (register.secretHash !== hashOfSecret(secret)) {
    throw new ConfigError([
      "The list of who was forgotten is of another database: its marks say nothing here. Use the list that was written by the database of this backup.",
    ]);
  }
  const missing = await unknownReceipts(database, register);
  const accounts: AccountTraces[] = [];
  const logs: Record<string, number> = {};
  // A mark that two people share is of the first: all of the list are asked, if anybody is missing.
  for (const [conta, marks] of marksByAccount(missing.length === 0 ? [] : register.receipts)) {
    const tombstones = recogniseBy(new Set(marks), secret, conta);
    const objects: ObjectTraces[] = [];
    for (const object of await landedObjects(database)) {
      const traces = await redactVersions(database, { conta, object }, tombstones, how);
      if (traces.versions > 0) objects.push(traces);
    }
    const person = { ...tombstones.person, isTracedIn: tombstones.person.isNamedIn };
    const quarantine = await redactQuarantine(database, conta, person, how);
    accounts.push({ conta, objects, quarantine });
    if (how === "count") continue;
    for (const [table, cells] of Object.entries(await eraseLogs(database, tombstones))) {
      logs[table] = (logs[table] ?? 0) + cells;
    }
  }
  const at = new Date().toISOString();
  const receipts: Receipt[] = missing.map(({ receipt }) => ({
    ...receipt,
    // The marts of before are still there, and follow with a build; after a restore there are none.
    status: because === "again" ? "landing" : receipt.status,
    again: [...(receipt.again ?? []), { at, because, accounts, logs }],
  }));
  if (how === "count") return { receipts, accounts, logs };
  const kept: Receipt[] = [];
  for (const [at, { marks }] of missing.entries()) {
    const receipt = receipts[at];
    if (receipt !== undefined) kept.push(await keep(database, receipt, marks));
  }
  await execute(
    database,
    sql`
      select setval(
        pg_get_serial_sequence('elt.forgotten', 'receipt_id'),
        (select max(receipt_id) from elt.forgotten)
      )
      where exists (select from elt.forgotten)`,
  );
  return { receipts: kept, accounts, logs };
}

/** A receipt is the same when number and instant are: numbers begin again in a restored database. */
async function unknownReceipts(
  database: Queryable,
  { receipts }: Register,
): Promise<readonly RegisteredReceipt[]> {
  const rows = await query<{ id: string; at: string | null }>(
    database,
    sql`
      select
        coalesce(receipt ->> 'formerId', receipt ->> 'id') as id,
        receipt ->> 'forgottenAt' as at
      from elt.forgotten`,
  );
  return receipts.filter(
    ({ receipt }) => !rows.some(({ id, at }) => id === receipt.id && at === receipt.forgottenAt),
  );
}

function marksByAccount(
  receipts: readonly RegisteredReceipt[],
): ReadonlyMap<string, readonly string[]> {
  const byAccount = new Map<string, string[]>();
  for (const { marks } of receipts) {
    for (const [conta, own] of Object.entries(marks)) {
      byAccount.set(conta, [...(byAccount.get(conta) ?? []), ...own]);
    }
  }
  return byAccount;
}

async function redactVersions(
  database: Queryable,
  { conta, object }: { readonly conta: string; readonly object: string },
  { person, mayConcern }: Tombstones,
  how: "count" | "erase",
): Promise<ObjectTraces> {
  const records = new Set<string>();
  const loads = new Set<string>();
  let versions = 0;
  await eachVersion(database, { conta, object, condition: sql`true` }, async (version) => {
    const { chave, payload, load_id } = version;
    const json = Buffer.from(payload);
    if (!mayConcern(object, chave, json)) return;
    const redacted = redactRecord({ json, object, chave, person });
    if (redacted === undefined || redacted.json === json) return;
    records.add(chave);
    versions++;
    if (how === "count") return;
    loads.add(load_id);
    await replacePayload(database, { conta, object, version, json: redacted.json });
  });
  if (how === "erase") await buildAgain(database, { conta, object }, [...loads]);
  return { object, records: records.size, versions };
}

async function eraseLogs(
  database: Queryable,
  { person }: Tombstones,
): Promise<Readonly<Record<string, number>>> {
  const erased: Record<string, number> = {};
  for (const column of await engineTexts(database)) {
    const found = await rowsWith(database, column, person.isNamedIn);
    if (found.length === 0) continue;
    const name = `${column.schema}.${column.relation}`;
    const ctids = found.map(({ ctid }) => ctid);
    erased[name] = (erased[name] ?? 0) + (await emptyCells(database, column, ctids));
  }
  return erased;
}

/** Under its own number where that is free, so that who has the paper finds it. */
async function keep(
  database: Queryable,
  receipt: Receipt,
  marks: RegisteredReceipt["marks"],
): Promise<Receipt> {
  const [free] = await query<{ id: string }>(
    database,
    sql`
      select
        case
          when exists (select from elt.forgotten where receipt_id = ${receipt.id}::bigint)
          then (select max(receipt_id) + 1 from elt.forgotten)
          else ${receipt.id}::bigint
        end::text as id`,
  );
  const id = free?.id ?? receipt.id;
  const kept: Receipt = id === receipt.id ? receipt : { ...receipt, id, formerId: receipt.id };
  await execute(
    database,
    sql`
      insert into elt.forgotten (receipt_id, forgotten_at, receipt)
      overriding system value
      values (
        ${id}::bigint, ${receipt.forgottenAt}::timestamptz, ${JSON.stringify(kept)}::jsonb
      )`,
  );
  for (const [conta, own] of Object.entries(marks)) {
    await execute(
      database,
      sql`
        insert into elt.tombstones (conta, mark, receipt_id)
        select ${conta}, mark, ${id}::bigint
        from unnest(${[...own]}::text[]) as mark
        on conflict do nothing`,
    );
  }
  return kept;
}
