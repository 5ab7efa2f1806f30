import type { Pool } from "pg";
import { query, sql } from "../../extract/query.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { formatTable } from "../format-table.ts";
import { withDatabase } from "../session.ts";

export const command: Command = {
  summary: "the last runs, cursors and publication",
  help: `Usage: elt status

Shows the last publication, the last runs, and per object how far the source has been read.`,
  run,
};

type Status = {
  readonly publication: { readonly id: string; readonly at: string } | null;
  readonly runs: readonly Record<string, unknown>[];
  readonly objects: readonly Record<string, unknown>[];
};

function run(invocation: Invocation): Promise<number> {
  return withDatabase(invocation, "status", async (database) => {
    const status = await readStatus(database.pool);
    invocation.reporter.result(formatStatus(status), status);
    invocation.reporter.sayPrivately(`\nDatabase for psql, Metabase or Power BI: ${database.url}`);
    return exitCodes.done;
  });
}

async function readStatus(pool: Pool): Promise<Status> {
  const [publication] = await query<{ id: string; at: string }>(
    pool,
    sql`
      select publication_id::text as id, to_char(published_at, 'YYYY-MM-DD HH24:MI') as at
      from elt.publications
      order by publication_id desc
      limit 1`,
  );
  const runs = await query<Record<string, unknown>>(
    pool,
    sql`
      select
        run_id as run,
        command,
        conta,
        to_char(started_at, 'YYYY-MM-DD HH24:MI:SS') as started,
        round(extract(epoch from finished_at - started_at)::numeric, 1) as seconds,
        exit_code as exit,
        split_part(error, E'\n', 1) as error
      from elt.runs
      order by run_id desc
      limit 5`,
  );
  const objects = await query<Record<string, unknown>>(
    pool,
    sql`
      select
        loads.conta,
        loads.objeto as object,
        loads.verdict,
        loads.mode,
        loads.records,
        loads.new_versions as new,
        to_char(loads.finished_at, 'YYYY-MM-DD HH24:MI') as read_at,
        to_char(cursors.cursor_at, 'YYYY-MM-DD HH24:MI') as cursor
      from (
        select distinct on (conta, objeto) *
        from elt.loads
        order by conta, objeto, load_id desc
      ) as loads
      left join elt.cursors using (conta, objeto)
      order by loads.conta, loads.objeto`,
  );
  return { publication: publication ?? null, runs, objects };
}

function formatStatus({ publication, runs, objects }: Status): string {
  const published =
    publication === null
      ? "Nothing is published yet: npm run elt"
      : `Published: ${publication.at} (publication ${publication.id})`;
  return [
    published,
    "",
    "Last runs",
    formatTable(runs),
    "",
    "Objects",
    objects.length === 0 ? "  none has been extracted yet" : formatTable(objects),
  ].join("\n");
}
