import fc from "fast-check";
import type { Account } from "../../emulator/account.ts";
import type { CvdwRecord } from "../../emulator/record.ts";
import { objectNamed } from "./emulated-extraction.ts";
import { numberedRecord, type StruckObject } from "./fault-cases.ts";

/** Something that happens at the source between two answers; `pick` chooses the record. */
export type Change =
  | { readonly kind: "edit" | "soft delete" | "remove"; readonly pick: number }
  /** An edit that dates the record `days` back from the newest, or takes its date away. */
  | { readonly kind: "set back"; readonly pick: number; readonly date: InsertedDate }
  | { readonly kind: "insert"; readonly date: InsertedDate };
type InsertedDate = (typeof insertedDates)[number];

const insertedDates = ["now", "old", "absent", "zero", "future"] as const;
const pick = fc.nat(10_000);
const date = fc.constantFrom(...insertedDates);
const growth: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constantFrom("edit", "soft delete"), pick }),
  fc.record({ kind: fc.constant("set back" as const), pick, date }),
  fc.record({ kind: fc.constant("insert" as const), date }),
);
const loss: fc.Arbitrary<Change> = fc.record({ kind: fc.constant("remove" as const), pick });

/**
 * What happens between two answers. Records may come into what the scan reads, or go, but not both: no
 * count tells of one that came for one that went. An edit counts as coming, because that is what it does
 * to a scan by date.
 */
export const gap: fc.Arbitrary<readonly Change[]> = fc.oneof(
  { weight: 5, arbitrary: fc.constant([]) },
  { weight: 3, arbitrary: fc.array(growth, { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.array(loss, { minLength: 1, maxLength: 2 }) },
);

/** Makes a change at the emulated source. */
export function change(account: Account, object: StruckObject, made: Change): void {
  if (made.kind === "insert") {
    insert(account, object, dateOf(made.date));
    return;
  }
  const records = [...account.records(object)];
  const record = records[made.pick % Math.max(1, records.length)];
  if (record === undefined) return;
  const key = objectNamed(object).key.map((field) => String(record[field]));
  switch (made.kind) {
    case "remove":
      account.remove(object, key);
      return;
    case "soft delete":
      account.edit(object, key, { ativo: "N" });
      return;
    case "edit":
      account.edit(object, key, { descricao: `Alterado, ${made.pick}` });
      return;
    case "set back":
      account.edit(object, key, { ...dateOf(made.date), descricao: `Redatado, ${made.pick}` });
  }
}

/** Numbers beyond those that an account starts with; a removed one never comes again. */
const FIRST_INSERTED = 1_000;
const inserted = new WeakMap<Account, number>();

function insert(account: Account, object: StruckObject, dated: CvdwRecord): void {
  const nth = (inserted.get(account) ?? FIRST_INSERTED) + 1;
  inserted.set(account, nth);
  account.insert(object, { ...numberedRecord(object, nth, "2025-11-01"), ...dated });
}

function dateOf(when: InsertedDate): CvdwRecord {
  switch (when) {
    case "now":
      return { referencia_data: "2026-03-01 12:00:00" };
    case "old":
      return { referencia_data: "2026-01-10 05:30:00" };
    case "absent":
      return { referencia_data: null };
    case "zero":
      return { referencia_data: "0000-00-00 00:00:00" };
    case "future":
      return { referencia_data: "2099-12-31 00:00:00" };
  }
}
