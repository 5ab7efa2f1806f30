import type { BuildContext } from "../models/build.ts";
import type { RunningBuild } from "../models/running-build.ts";
import type { GuardedBuild } from "./guard-build.ts";
import { KpiHeld } from "./held-kpi.ts";
import {
  type Acceptance,
  type ClosedHold,
  closeHolds,
  closeIncidentsWithoutHold,
  isAccepted,
  recordHolds,
} from "./hold-record.ts";

/** A build that may be published; `accepted` when only somebody's word lets it. */
export type LetThrough = Pick<GuardedBuild, "models" | "unguarded"> & {
  readonly accepted: Acceptance | undefined;
};

/**
 * Lets a build go on whose numbers stay within their guards, or move just as somebody accepted.
 * @throws KpiHeld for any other
 */
export async function letThrough(
  { client, options }: Pick<RunningBuild, "client" | "options">,
  guarded: GuardedBuild,
): Promise<LetThrough> {
  const { accept } = options;
  if (guarded.held.length === 0) return { ...guarded, accepted: undefined };
  if (accept !== undefined && (await isAccepted(client, guarded, accept))) {
    return { ...guarded, accepted: accept };
  }
  throw new KpiHeld(guarded);
}

/**
 * Records a build that was rolled back, outside its transaction, and tells of it.
 * @returns the error that names the run to accept
 */
export async function holdBack(
  { pool, runId, emit }: BuildContext,
  { held, models }: KpiHeld,
  accept: Acceptance | undefined,
): Promise<KpiHeld> {
  const since = await recordHolds(pool, runId, models, held);
  for (const one of held) emit({ type: "kpi-held", since, ...one });
  return new KpiHeld({ held, models }, { run: String(runId), since, accepting: accept?.run });
}

/** Ends what was held of the guarded models, with the transaction that publishes them. */
export async function releaseHolds(
  { client, runId }: Pick<RunningBuild, "client" | "runId">,
  { models, unguarded, accepted }: LetThrough,
): Promise<readonly ClosedHold[]> {
  return [
    ...(await closeHolds(client, runId, models, { accepted })),
    ...(await closeHolds(client, runId, unguarded, "unguarded")),
  ];
}

/** Tells what is held no longer, once it is published. */
export async function tellReleased(
  { pool, emit }: Pick<BuildContext, "pool" | "emit">,
  released: readonly ClosedHold[],
): Promise<void> {
  await closeIncidentsWithoutHold(pool);
  for (const hold of released) emit({ type: "kpi-released", ...hold });
}
