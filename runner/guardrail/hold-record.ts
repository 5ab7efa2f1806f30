import type { Pool } from "pg";
import { connect } from "../../extract/connection.ts";
import { execute, type Queryable, query, sql } from "../../extract/query.ts";
import { openIncident } from "../alerts/incident-record.ts";
import { brasilia } from "../brasilia.ts";
import type { GuardedBuild } from "./guard-build.ts";
import type { HeldKpi } from "./held-kpi.ts";
import type { KpiMove } from "./measure-kpis.ts";

/** Who lets a held run through, and why. */
export type Acceptance = {
  readonly run: string;
  readonly by: string;
  readonly why: string;
};

/** A KPI that keeps builds from being published. */
export type OpenHold = HeldKpi & {
  /** The run to accept. */
  readonly run: string;
  /** Brasília, `YYYY-MM-DD HH:MM`. */
  readonly since: string;
};

/** A hold that is over. */
export type ClosedHold = Pick<OpenHold, "model" | "kpi" | "conta"> & {
  /** The run that was held back first. */
  readonly heldIn: string;
  readonly outcome: "accepted" | "within-limits" | "replaced" | "unguarded";
};

/** What is held back now, by account and KPI. */
export async function openHolds(database: Queryable): Promise<readonly OpenHold[]> {
  return query<OpenHold>(
    database,
    sql`
      select
        run_id::text as run,
        ${brasilia(sql`held_at`)} as since,
        model, kpi, conta,
        before::text, after::text, explained::text,
        round(after - before, 2)::text as delta,
        round(100 * (after - before) / nullif(abs(before), 0), 1)::text as percent,
        round(after - explained, 2)::text as unexplained,
        rows_before::float8 as "rowsBefore",
        true as "isBeyond",
        reason,
        share_percent::text as "sharePercent",
        rows_percent::text as "rowsPercent",
        rows_touched::float8 as "rowsTouched"
      from elt.kpi_holds
      where closed_at is null
      order by conta, model, kpi`,
  );
}

/** The run to accept, when that run is held back: by itself, or with the numbers of an earlier one. */
export async function runHeldAs(database: Queryable, run: string): Promise<string | undefined> {
  const [row] = await query<{ run: string }>(
    database,
    sql`
      select run_id::text as run
      from elt.kpi_holds
      where closed_at is null and ${run}::bigint in (run_id, last_run_id)
      limit 1`,
  );
  return row?.run;
}

/**
 * Whether a build does just what that run would have done: everything that is held now was held by it,
 * and all that it held moves now as it did then, to the cent.
 */
export async function isAccepted(
  database: Queryable,
  { models, moves, held }: Pick<GuardedBuild, "models" | "moves" | "held">,
  { run }: Pick<Acceptance, "run">,
): Promise<boolean> {
  const holds = (await openHolds(database)).filter(
    (hold) => hold.run === run && models.includes(hold.model),
  );
  const isIn = (kpis: readonly KpiMove[]) => (one: KpiMove) =>
    kpis.some((other) => sameKpi(other, one) && other.delta === one.delta);
  return held.every(isIn(holds)) && holds.every(isIn(moves));
}

/**
 * Writes down what a build was held back for, in a transaction of its own, and opens an incident for
 * each. The same numbers as before stay the matter of the run that was held first.
 * @param models guarded models of the build: what is held of others is left as it is
 * @returns the run to accept
 */
export async function recordHolds(
  pool: Pool,
  runId: bigint,
  models: readonly string[],
  held: readonly HeldKpi[],
): Promise<string> {
  const { client, release } = await connect(pool);
  try {
    await client.query("begin");
    const known = (await openHolds(client)).filter(({ model }) => models.includes(model));
    const [first] = known;
    const isSame =
      first !== undefined &&
      known.length === held.length &&
      known.every((hold) => hold.run === first.run && held.some((one) => sameNumbers(hold, one)));
    if (isSame) {
      await execute(
        client,
        sql`
          update elt.kpi_holds
          set last_run_id = ${runId}, last_held_at = now()
          where closed_at is null and run_id = ${first.run}::bigint
            and model = any (${[...models]}::text[])`,
      );
    } else {
      await closeHolds(client, runId, models, "replaced");
      await insertHolds(client, runId, held);
    }
    await client.query("commit");
    await closeIncidentsWithoutHold(pool);
    await openIncidents(pool, held);
    return isSame ? first.run : String(runId);
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  } finally {
    release();
  }
}

/**
 * Ends what is held of these models, because a build of them is published or held anew.
 * @param how `replaced`, `unguarded`, or that it is published: of the accepted run by an acceptance
 */
export async function closeHolds(
  database: Queryable,
  runId: bigint,
  models: readonly string[],
  how: "replaced" | "unguarded" | { readonly accepted: Acceptance | undefined },
): Promise<readonly ClosedHold[]> {
  const accepted = typeof how === "string" ? undefined : how.accepted;
  const isAcceptedRun = sql`run_id = ${accepted?.run ?? null}::bigint`;
  const otherwise = typeof how === "string" ? how : "within-limits";
  return query<ClosedHold>(
    database,
    sql`
      update elt.kpi_holds
      set
        closed_at = now(),
        closed_in = ${runId},
        outcome = case when ${isAcceptedRun} then 'accepted' else ${otherwise} end,
        accepted_by = case when ${isAcceptedRun} then ${accepted?.by ?? null}::text end,
        accepted_why = case when ${isAcceptedRun} then ${accepted?.why ?? null}::text end
      where closed_at is null and model = any (${[...models]}::text[])
      returning run_id::text as "heldIn", model, kpi, conta, outcome`,
  );
}

async function insertHolds(
  database: Queryable,
  runId: bigint,
  held: readonly HeldKpi[],
): Promise<void> {
  await execute(
    database,
    sql`
      insert into elt.kpi_holds (
        run_id, last_run_id, model, kpi, conta, before, after, explained, share_percent,
        rows_percent, rows_before, rows_touched, reason
      )
      select
        ${runId}, ${runId}, model, kpi, conta, before, after, explained, "sharePercent",
        "rowsPercent", "rowsBefore", "rowsTouched", reason
      from jsonb_to_recordset(${JSON.stringify(held)}::jsonb) as held (
        model text, kpi text, conta text, before numeric, after numeric, explained numeric,
        "sharePercent" numeric, "rowsPercent" numeric, "rowsBefore" bigint,
        "rowsTouched" bigint, reason text
      )`,
  );
}

/**
 * Ends the incidents of holds that are over, told by the next look at alerts: also of those whose
 * process was killed between its publication and this.
 */
export async function closeIncidentsWithoutHold(database: Queryable): Promise<void> {
  await execute(
    database,
    sql`
      update elt.incidents
      set closed_at = ${new Date()}
      where closed_at is null and kind = 'kpi-moved'
        and not exists (
          select from elt.kpi_holds
          where kpi_holds.closed_at is null and kpi_holds.conta = incidents.conta
            and incidents.subject = kpi_holds.model || ' ' || kpi_holds.kpi
        )`,
  );
}

async function openIncidents(database: Queryable, held: readonly HeldKpi[]): Promise<void> {
  for (const { model, kpi, conta, before, after, sharePercent } of held) {
    const details = { kpi, before, after, thresholdPercent: sharePercent, published: false };
    await openIncident(
      database,
      { kind: "kpi-moved", conta, subject: `${model} ${kpi}`, details },
      new Date(),
    );
  }
}

type Named = Pick<HeldKpi, "model" | "kpi" | "conta">;

function sameKpi(a: Named, b: Named): boolean {
  return a.model === b.model && a.kpi === b.kpi && a.conta === b.conta;
}

function sameNumbers(a: HeldKpi, b: HeldKpi): boolean {
  return sameKpi(a, b) && a.before === b.before && a.after === b.after && a.reason === b.reason;
}
