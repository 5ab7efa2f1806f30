import type { Pool } from "pg";
import { query, sql } from "../extract/query.ts";
import type { Invocation } from "./command.ts";
import type { MetabaseConfig } from "./config.ts";
import { tellMetabase } from "./metabase.ts";

/**
 * Tells the programs beside this one of a publication. What they answer changes nothing of it: a
 * failure is said, and that is all.
 */
export async function announcePublication(
  { reporter }: Pick<Invocation, "reporter">,
  pool: Pool,
  metabase: MetabaseConfig | undefined,
): Promise<void> {
  if (metabase === undefined) return;
  const [row] = await query<{ database: string }>(pool, sql`select current_database() as database`);
  const result = await tellMetabase(metabase, row?.database ?? "");
  if (result.status === "told") {
    reporter.say(`Metabase reads the schema anew: ${result.databases.join(", ")}.`);
  } else {
    const message = `Metabase was not told of the publication: ${result.because}.`;
    reporter.event({ type: "warning", message });
  }
}
