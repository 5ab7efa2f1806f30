import type { PoolClient } from "pg";
import { type Landed, type Load, landRecords } from "./land.ts";
import type { PageRecords } from "./record.ts";

/** Lands pages; the quarantine of refused records takes this place. */
export async function landOrQuarantine(
  client: PoolClient,
  load: Load,
  pages: readonly (PageRecords & { readonly page: number; readonly pageSize: number })[],
): Promise<Landed & { readonly quarantined: number }> {
  const landed = await landRecords(
    client,
    load,
    pages.flatMap(({ records }) => records),
  );
  return { ...landed, quarantined: 0 };
}
