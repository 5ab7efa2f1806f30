import type { Pool } from "pg";
import { query, sql } from "../../extract/query.ts";
import { openIncidents } from "../alerts/incident-record.ts";
import { brasilia } from "../brasilia.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { driftOfLastRuns } from "../drift/read-drift.ts";
import { formatStatus, type Status } from "../format-status.ts";
import { readSourceAges } from "../freshness/source-ages.ts";
import { openHolds } from "../guardrail/hold-record.ts";
import { readObjectStatus } from "../object-status.ts";
import { readRunStatus } from "../run-status.ts";
import { withDatabase } from "../session.ts";
import { shownAddress } from "../shown-address.ts";

export const command: Command = {
  help: `Usage: elt status

Shows the last publication, how much is wrong now (elt alert lists it), the last runs, and per object
how far the source has been read:
  live       records that the source still has, as far as is known
  gone       records that two full readings in a row did not bring
  watch      records that the last full reading did not bring; gone if the next does not either
  verdict    proven: read whole; unproven: read, but counts disagree; stopped: by a limit
  next from  the next run asks for what was created or altered since; blank: for everything
Below an object: why it was not read whole, what an unfinished reading has left, records in
quarantine, a page size that time-outs reduced, and an object that was read longer ago than its
staging model declares (@fresh), with what it feeds. Times are Brasília's. On a terminal it also
shows the database's address.`,
  run,
};

function run(invocation: Invocation): Promise<number> {
  return withDatabase(invocation, "status", async (database) => {
    const status = await readStatus(database.pool);
    invocation.reporter.result(formatStatus(status), status);
    const reachable = database.embedded ? ", reachable while a command like serve runs" : "";
    invocation.reporter.sayPrivately(
      `\nDatabase (its owner's login${reachable}): ${shownAddress(database)}`,
    );
    return exitCodes.done;
  });
}

async function readStatus(pool: Pool): Promise<Status> {
  const [publication] = await query<{ id: string; at: string }>(
    pool,
    sql`
      select publication_id::text as id, ${brasilia(sql`published_at`)} as at
      from elt.publications
      order by publication_id desc
      limit 1`,
  );
  const incidents = (await openIncidents(pool)).length;
  const held = await openHolds(pool);
  const runs = await readRunStatus(pool);
  const objects = await readObjectStatus(pool);
  const freshness = await readSourceAges(pool, new Date());
  const drift = await driftOfLastRuns(pool);
  return { publication: publication ?? null, incidents, held, runs, objects, freshness, drift };
}
