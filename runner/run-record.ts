import { hostname } from "node:os";
import { execute, type Queryable, query, sql } from "../extract/query.ts";

/** A run to record; `options` are those of its command, as it was called. */
export type StartedRun = {
  readonly command: string;
  readonly conta: string | null;
  readonly options?: Readonly<Record<string, unknown>>;
};

/** Opens a run in `elt.runs` and gives its number. */
export async function startRun(database: Queryable, run: StartedRun): Promise<bigint> {
  const [row] = await query<{ run_id: string }>(
    database,
    sql`
      insert into elt.runs (command, conta, pid, host, options)
      values (
        ${run.command}, ${run.conta}, ${process.pid}, ${hostname()},
        ${JSON.stringify(run.options ?? {})}::jsonb
      )
      returning run_id::text`,
  );
  return BigInt(row?.run_id ?? 0);
}

/** Writes down how a run ended; `error` is the sentence that a person saw. */
export async function finishRun(
  database: Queryable,
  runId: bigint,
  outcome: { readonly exitCode: number; readonly error: string | null },
): Promise<void> {
  await execute(
    database,
    sql`
      update elt.runs
      set finished_at = now(), exit_code = ${outcome.exitCode}, error = ${outcome.error}
      where run_id = ${runId}`,
  );
}
