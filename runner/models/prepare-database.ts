import type { Pool } from "pg";
import { execute, query, sql } from "../../extract/query.ts";
import type { BuildEvent } from "../events.ts";
import { ensureBiRoles } from "./access.ts";
import { landingObjects } from "./order.ts";
import type { Model } from "./project.ts";

/**
 * What a build needs before its transaction begins: landing tables that models read, even of
 * objects never extracted, and the roles of BI. Tells what an operator should know.
 */
export async function prepareDatabase(
  pool: Pool,
  order: readonly Model[],
  emit: (event: BuildEvent) => void,
): Promise<void> {
  const warn = (message: string) => emit({ type: "warning", message });
  for (const object of landingObjects(order)) {
    await execute(pool, sql`select landing.create_object(${object})`);
  }
  const unread = await neverProven(pool);
  if (unread.length > 0) {
    warn(
      `Never read whole, so the numbers of these accounts are incomplete: ${unread.join("; ")}. Run npm run elt again for them; an account that is read no longer is left out with npm run elt -- accounts retire.`,
    );
  }
  const missing = await ensureBiRoles(pool);
  if (missing.length > 0) {
    warn(
      `The database user may not create roles, so ${missing.join(" and ")} do not exist: ask an administrator to create them (create role ${missing[0]} nologin).`,
    );
  }
}

/** Per account that is not retired, the objects that were begun but of which no scan was ever proven. */
async function neverProven(pool: Pool): Promise<readonly string[]> {
  const rows = await query<{ account: string }>(
    pool,
    sql`
      select format('%s: %s', conta, string_agg(objeto, ', ' order by objeto)) as account
      from (
        select conta, objeto
        from elt.loads
        where conta not in (select conta from elt.accounts where retired_at is not null)
        group by conta, objeto
        having not bool_or(verdict = 'proven')
      ) as unread
      group by conta
      order by conta`,
  );
  return rows.map((row) => row.account);
}
