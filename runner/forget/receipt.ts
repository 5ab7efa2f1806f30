import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import { formatTable } from "../format-table.ts";
import type { ObjectTraces } from "./landed-records.ts";
import type { TraceFound } from "./traces.ts";

/** A backup that holds the person still, as far as is known. Instants are ISO texts. */
export type OlderBackup = {
  readonly id: string;
  readonly createdAt: string;
  readonly folder: string;
  readonly host: string;
};

/** What one account held of a person. */
export type AccountTraces = {
  readonly conta: string;
  readonly objects: readonly ObjectTraces[];
  readonly quarantine: number;
};

/** What was erased, and where. It holds no personal data, nor anything it could be told from. */
export type Receipt = {
  readonly id: string;
  /** Its number in the database that was lost, where this one had given it to another receipt. */
  readonly formerId?: string;
  readonly forgottenAt: string;
  /**
   * `landing`: only landing is known to be without the person; the build that takes them out of the marts
   * did not succeed yet, or left something.
   */
  readonly status: "landing" | "done";
  readonly accounts: readonly AccountTraces[];
  /** Cells emptied in the engine's own tables. */
  readonly logs: Readonly<Record<string, number>>;
  readonly tombstones: number;
  readonly publication: string | null;
  /** Where a value of the person still stood after all. */
  readonly left: readonly TraceFound[];
  /** Made before: who restores one must forget the person again. */
  readonly backups: readonly OlderBackup[];
  /** Where a backup from before brought the person back, and they were taken out again. */
  readonly again?: readonly {
    readonly at: string;
    readonly because: "restore" | "again";
    /** What was found of all whom that took out. */
    readonly accounts: readonly AccountTraces[];
    readonly logs: Readonly<Record<string, number>>;
  }[];
};

/**
 * Opens a receipt; its number is known before anything is erased. Waits for environments that are being
 * built, and none is begun before the transaction ends.
 */
export async function openReceipt(
  database: Queryable,
): Promise<Pick<Receipt, "id" | "forgottenAt">> {
  await execute(database, sql`lock table elt.environments in exclusive mode`);
  const [row] = await query<{ id: string; at: Date }>(
    database,
    sql`
      insert into elt.forgotten (receipt, forgotten_at) values ('{}', clock_timestamp())
      returning receipt_id::text as id, forgotten_at as at`,
  );
  return { id: row?.id ?? "", forgottenAt: row?.at.toISOString() ?? "" };
}

/** Writes a receipt down. */
export async function writeReceipt(database: Queryable, receipt: Receipt): Promise<void> {
  await execute(
    database,
    sql`
      update elt.forgotten
      set receipt = ${JSON.stringify(receipt)}::jsonb
      where receipt_id = ${receipt.id}::bigint`,
  );
}

/** Receipts of people whom landing holds no longer, and of whom something may be left elsewhere. */
export async function unfinishedReceipts(database: Queryable): Promise<readonly Receipt[]> {
  const rows = await query<{ receipt: Receipt }>(
    database,
    sql`
      select receipt
      from elt.forgotten
      where receipt ->> 'status' = 'landing'
      order by receipt_id`,
  );
  return rows.map(({ receipt }) => receipt);
}

/** Backups that were finished until now. */
export async function readBackups(database: Queryable): Promise<readonly OlderBackup[]> {
  const rows = await query<{ id: string; at: Date; folder: string; host: string }>(
    database,
    sql`
      select backup_id::text as id, created_at as at, folder, host
      from elt.backups
      order by created_at`,
  );
  return rows.map(({ id, at, folder, host }) => ({
    id,
    createdAt: at.toISOString(),
    folder,
    host,
  }));
}

/** What was found of a person, as a table. */
export function formatTraces(accounts: readonly AccountTraces[]): string {
  const rows = accounts.flatMap(({ conta, objects, quarantine }) => [
    ...objects
      .filter(({ versions }) => versions > 0)
      .map(({ object, records, versions }) => ({ conta, object, records, versions })),
    ...(quarantine > 0
      ? [{ conta, object: "(quarantine)", records: quarantine, versions: quarantine }]
      : []),
  ]);
  return formatTable(rows);
}

/** Backups to delete, or to treat with care. */
export function formatBackups(backups: readonly OlderBackup[]): readonly string[] {
  if (backups.length === 0) return [];
  return [
    "",
    "Backups made before hold the person still. Delete them, or forget the person again after restoring one:",
    ...backups.map(({ createdAt, folder, host }) => `  ${createdAt}  ${folder} on ${host}`),
  ];
}
