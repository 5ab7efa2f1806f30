import type { Pool } from "pg";
import { query, sql } from "../extract/query.ts";
import { brasilia } from "./brasilia.ts";
import { isUnderWay } from "./run-record.ts";

/** One run of the program, as `elt status` tells it. */
export type RunStatus = {
  readonly run: number;
  readonly command: string;
  readonly conta: string | null;
  /** Brasília, `YYYY-MM-DD HH:MM`. */
  readonly started: string;
  /** Null while it runs, and when its process was killed. */
  readonly seconds: number | null;
  readonly exit: number | null;
  /** The first line of what a person saw; or that it runs, or was killed. */
  readonly error: string | null;
};

/** The last five runs, the newest first. */
export async function readRunStatus(pool: Pool): Promise<readonly RunStatus[]> {
  const runs = await query<RunStatus & Process>(
    pool,
    sql`
      select
        run_id::int as run,
        command,
        conta,
        ${brasilia(sql`started_at`)} as started,
        round(extract(epoch from finished_at - started_at)::numeric, 1)::float8 as seconds,
        exit_code as exit,
        split_part(error, E'\n', 1) as error,
        pid,
        host,
        ${isUnderWay(sql`run_id`)} as "isUnderWay"
      from elt.runs
      order by run_id desc
      limit 5`,
  );
  return runs.map(withFate);
}

type Process = { readonly pid: number; readonly host: string; readonly isUnderWay: boolean };

/** A run without an end goes on, or its process was killed: who goes on holds a lock. */
function withFate({ pid, host, isUnderWay, ...run }: RunStatus & Process): RunStatus {
  if (run.seconds !== null) return run;
  return { ...run, error: isUnderWay ? `running (process ${pid} on ${host})` : "killed" };
}
