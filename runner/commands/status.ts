import { hostname } from "node:os";
import type { Pool } from "pg";
import { query, sql } from "../../extract/query.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { formatTable } from "../format-table.ts";
import { withDatabase } from "../session.ts";

export const command: Command = {
  summary: "the last runs, cursors and publication",
  help: `Usage: elt status

Shows the last publication, the last runs, and per object how far the source has been read. Times are
Brasília's. On a terminal it also shows the database's address.`,
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
    const reachable = database.embedded ? ", reachable while a command like serve runs" : "";
    invocation.reporter.sayPrivately(`\nDatabase (its owner's login${reachable}): ${database.url}`);
    return exitCodes.done;
  });
}

async function readStatus(pool: Pool): Promise<Status> {
  const [publication] = await query<{ id: string; at: string }>(
    pool,
    sql`
      select publication_id::text as id, ${brasilia("published_at")} as at
      from elt.publications
      order by publication_id desc
      limit 1`,
  );
  const runs = await query<RunRow>(
    pool,
    sql`
      select
        run_id::int as run,
        command,
        conta,
        ${brasilia("started_at")} as started,
        round(extract(epoch from finished_at - started_at)::numeric, 1)::float8 as seconds,
        exit_code as exit,
        split_part(error, E'\n', 1) as error,
        pid,
        host
      from elt.runs
      order by run_id desc
      limit 5`,
  );
  const objects = await query<Record<string, unknown>>(
    pool,
    sql`
      select
        last.conta,
        last.objeto as object,
        last.verdict,
        last.mode,
        last.records::int as read,
        last.new_versions::int as new,
        ${brasilia("last.finished_at")} as last_read,
        ${brasilia("proven.finished_at")} as last_proven,
        to_char(cursors.cursor_at, 'YYYY-MM-DD HH24:MI') as next_from
      from (
        select distinct on (conta, objeto) *
        from elt.loads
        order by conta, objeto, load_id desc
      ) as last
      left join lateral (
        select loads.finished_at
        from elt.loads
        where loads.conta = last.conta and loads.objeto = last.objeto
          and loads.verdict = 'proven'
        order by loads.load_id desc
        limit 1
      ) as proven on true
      left join elt.cursors on cursors.conta = last.conta and cursors.objeto = last.objeto
      order by last.conta, last.objeto`,
  );
  return { publication: publication ?? null, runs: runs.map(withFate), objects };
}

/** An instant as Brasília wall clock, the zone of everything else that the source says. */
function brasilia(instant: string) {
  const column = sql.__dangerous__rawValue(instant);
  return sql`to_char(${column} at time zone 'America/Sao_Paulo', 'YYYY-MM-DD HH24:MI')`;
}

type RunRow = Readonly<Record<string, unknown>> & {
  readonly exit: number | null;
  readonly error: string | null;
  readonly pid: number;
  readonly host: string;
};

/** A run without an end goes on, or its process was killed: this machine's processes tell. */
function withFate({ pid, host, ...run }: RunRow): Record<string, unknown> {
  if (run.exit !== null) return run;
  const here = host === hostname();
  return {
    ...run,
    error: here && !isAlive(pid) ? "killed" : `running (process ${pid} on ${host})`,
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function formatStatus({ publication, runs, objects }: Status): string {
  const published =
    publication === null
      ? "Nothing is published yet: npm run elt"
      : `Published: ${publication.at} Brasília (publication ${publication.id})`;
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
