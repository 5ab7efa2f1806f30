import type { PoolClient } from "pg";
import type { Landed, Load } from "./land.ts";
import { landRepaired } from "./land-repaired.ts";
import { type CaughtRecord, keepInQuarantine, type Trouble } from "./quarantine-record.ts";
import type { LandingRecord, PageRecords } from "./record.ts";
import { withoutForgotten } from "./tombstones.ts";

/** A page's records and where they were read. */
export type PlacedRecords = PageRecords & {
  readonly page: number;
  readonly pageSize: number;
};

/**
 * Lands pages, in the order given, inside the caller's transaction. What cannot land as the source
 * sent it stands raw in `elt.quarantine`, with the reason and the place, and costs no other record:
 * it lands repaired where that is possible. A repaired record that is read again unchanged is a
 * record that did not change. What is about people who were forgotten reaches neither place.
 *
 * @returns what landing did, and how many records of these pages stand in quarantine for it
 * @throws DatabaseError for what is no record's fault
 */
export async function landOrQuarantine(
  client: PoolClient,
  load: Load,
  given: readonly PlacedRecords[],
): Promise<Landed & { readonly quarantined: number }> {
  const pages = await withoutForgotten(client, load, given);
  const records = pages.flatMap((page) => page.records);
  const { landed, troubles } = await landRepaired(client, load, records);
  if (troubles.size === 0 && pages.every(({ refused }) => refused.length === 0)) {
    return { ...landed, quarantined: 0 };
  }
  const caught = caughtRecords(load, pages, troubles);
  await keepInQuarantine(client, load, caught);
  return { ...landed, quarantined: caught.length };
}

/** A record of a page in its place. */
type Item = Omit<CaughtRecord, "seq" | "superseded" | keyof Trouble> & {
  /** Undefined when it landed as it is. */
  readonly trouble: Trouble | undefined;
};

function caughtRecords(
  load: Load,
  pages: readonly PlacedRecords[],
  troubles: ReadonlyMap<LandingRecord, Trouble>,
): readonly CaughtRecord[] {
  const items = pages.flatMap((page) => itemsInOrder(page, troubles));
  const lastLanded = new Map<string, number>();
  for (const [order, { chave, trouble }] of items.entries()) {
    const hasLanded = trouble === undefined || trouble.repaired;
    if (hasLanded && chave !== undefined) lastLanded.set(chave, order);
  }
  return items.flatMap(({ trouble, ...item }, order) => {
    if (trouble === undefined) return [];
    const superseded = item.chave !== undefined && (lastLanded.get(item.chave) ?? -1) > order;
    return [{ ...item, ...trouble, seq: load.nextSeq++, superseded }];
  });
}

/** The page as it was: what was refused stands between what was not. */
function itemsInOrder(
  { page, pageSize, records, refused }: PlacedRecords,
  troubles: ReadonlyMap<LandingRecord, Trouble>,
): readonly Item[] {
  const items: Item[] = [];
  const next = records.values();
  const refusedAt = new Map(refused.map((record) => [record.index, record]));
  for (let index = 0; index < records.length + refused.length; index++) {
    const place = { page, pageSize, position: index + 1 };
    const bad = refusedAt.get(index);
    if (bad !== undefined) {
      const { hash, raw, chave, reason } = bad;
      const trouble: Trouble = { reason, sqlstate: undefined, repaired: false };
      items.push({ ...place, hash, raw, chave, trouble });
      continue;
    }
    const record = next.next().value;
    if (record === undefined) continue;
    const { hash, json, chave } = record;
    items.push({ ...place, hash, raw: json, chave, trouble: troubles.get(record) });
  }
  return items;
}
