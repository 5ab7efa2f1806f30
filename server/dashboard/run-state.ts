import type { Pool } from "pg";
import { query, sql } from "../../extract/query.ts";
import { isUnderWay } from "../../runner/run-record.ts";

/** How the newest load went, as far as its reader may know. */
export type RunState = {
  /** Instant of its end, else of its start; ISO 8601. */
  readonly em: string;
  readonly outcome: "done" | "running" | "partial" | "failed";
};

export type RunStateSource = {
  /** Of loads of these accounts, or of any; undefined before the first. */
  current(contas: readonly string[]): Promise<RunState | undefined>;
};

/** So long an answer serves again: pages that did not change are told so without a query. */
const keptMs = 15_000;

/** Reads how the newest run that loads or builds went. */
export function createRunStateSource(pool: Pool, now: () => Date): RunStateSource {
  const kept = new Map<string, { readonly at: number; readonly state: RunState | undefined }>();
  return {
    current: async (contas) => {
      const key = JSON.stringify(contas);
      const found = kept.get(key);
      const at = now().getTime();
      if (found !== undefined && Math.abs(at - found.at) < keptMs) return found.state;
      const state = await readRunState(pool, contas);
      kept.set(key, { at, state });
      return state;
    },
  };
}

async function readRunState(pool: Pool, contas: readonly string[]): Promise<RunState | undefined> {
  const [row] = await query<{ em: Date; exit: number | null; isUnderWay: boolean }>(
    pool,
    sql`
      select
          coalesce(finished_at, started_at) as em,
          exit_code as exit,
          ${isUnderWay(sql`run_id`)} as "isUnderWay"
      from elt.runs
      where command in ('run', 'extract', 'build', 'retry', 'demo')
          and (conta is null or cardinality(${contas}::text[]) = 0 or conta = any (${contas}::text[]))
      order by run_id desc
      limit 1`,
  );
  if (row === undefined) return undefined;
  return { em: row.em.toISOString(), outcome: outcomeOf(row) };
}

/** A run that has no end, and that nobody goes on with, was killed. */
function outcomeOf(run: { readonly exit: number | null; readonly isUnderWay: boolean }) {
  const { exit, isUnderWay } = run;
  if (exit === null) return isUnderWay ? "running" : "failed";
  if (exit === 0) return "done";
  return exit === 3 ? "partial" : "failed";
}
