import type { KpiMove } from "./measure-kpis.ts";

/** A KPI that moved further than its guard allows, and why that is not taken for granted. */
export type HeldKpi = KpiMove & {
  /** `unexplained`: something else than the source moved it; else too many rows changed at once. */
  readonly reason: "unexplained" | "too-many-rows";
  readonly sharePercent: string;
  readonly rowsPercent: string;
  /** Rows that differ in what it counts; null where rows cannot be told apart. */
  readonly rowsTouched: number | null;
};

/** How a held build was written down. */
export type RecordedHold = {
  readonly run: string;
  /** The first run that was held back with these numbers: the one to accept. */
  readonly since: string;
  /** The run that was to be let through, and was held back with other numbers. */
  readonly accepting?: string | undefined;
};

/** A build that would move guarded KPIs: it was rolled back, and nothing was published. */
export class KpiHeld extends Error {
  override readonly name = "KpiHeld";
  readonly held: readonly HeldKpi[];
  /** The guarded models that were built. */
  readonly models: readonly string[];

  constructor(
    { held, models }: { readonly held: readonly HeldKpi[]; readonly models: readonly string[] },
    recorded?: RecordedHold,
  ) {
    super(textOfHeld(held, recorded));
    this.held = held;
    this.models = models;
  }
}

function textOfHeld(held: readonly HeldKpi[], recorded: RecordedHold | undefined): string {
  const contas = [...new Set(held.map(({ conta }) => conta))].join(", ");
  const count = held.length === 1 ? "a KPI" : `${held.length} KPIs`;
  return [
    `Nothing was published, because ${count} of ${contas} would move further than @guard allows${sinceText(recorded)}:`,
    "",
    ...held.map((one) => `  ${heldText(one)}.`),
    "",
    "What changes: npm run elt -- plan. Where a mapping, a model or the source is wrong, correct it and build again.",
    ...(recorded === undefined ? [] : [`If it is right: ${acceptCommand(recorded.since)}`]),
  ].join("\n");
}

function sinceText(recorded: RecordedHold | undefined): string {
  if (recorded === undefined) return "";
  const { run, since, accepting } = recorded;
  if (accepting !== undefined && accepting !== since) {
    return `, by other numbers than those of run ${accepting}`;
  }
  return since === run ? "" : `, as in run ${since}`;
}

/** What lets a held run through. */
export function acceptCommand(run: string): string {
  return `npm run elt -- publish --accept ${run} --why "…"`;
}

/** One sentence: which account, from what to what, the limit, and what nothing explains. */
export function heldText(held: HeldKpi): string {
  const { sharePercent, rowsPercent, rowsTouched, rowsBefore, reason, explained } = held;
  const { unexplained, delta } = held;
  const move = `${moveText(held)}, guard ${sharePercent} %`;
  if (reason === "unexplained") {
    const left =
      unexplained === delta
        ? "nothing that changed in the source explains it"
        : `what changed in the source makes ${grouped(explained)}, nothing explains the other ${signed(unexplained)}`;
    return `${move}: ${left}`;
  }
  const rows = rowsTouched === null ? "its" : `${count(rowsTouched)} of ${count(rowsBefore)}`;
  return `${move}: the source explains it, but ${rows} rows changed at once (guard: rows ${rowsPercent} %)`;
}

type MovedKpi = Pick<KpiMove, "kpi" | "conta" | "before" | "after" | "delta" | "percent">;

/** `valor_total of acme: 3,425,000.00 → 1,712,500.00 (−50.0 %)`. */
export function moveText({ kpi, conta, before, after, delta, percent }: MovedKpi): string {
  const size = percent === null ? signed(delta) : `${signed(percent)} %`;
  return `${kpi} of ${conta}: ${grouped(before)} → ${grouped(after)} (${size})`;
}

/** What is told when a hold is over. */
export function releasedText({ kpi, conta, heldIn, outcome }: ReleasedKpi): string {
  switch (outcome) {
    case "accepted":
      return `${kpi} of ${conta} is published as run ${heldIn} would have: it was accepted.`;
    case "within-limits":
      return `${kpi} of ${conta} moved within its guard: what run ${heldIn} was held back for is over.`;
    case "replaced":
      return `${kpi} of ${conta} is held back by other numbers than those of run ${heldIn}.`;
    case "unguarded":
      return `${kpi} of ${conta} is guarded no longer: what run ${heldIn} was held back for is over.`;
  }
}

type ReleasedKpi = {
  readonly kpi: string;
  readonly conta: string;
  readonly heldIn: string;
  readonly outcome: "accepted" | "within-limits" | "replaced" | "unguarded";
};

function signed(number: string): string {
  return number.startsWith("-") ? `−${grouped(number.slice(1))}` : `+${grouped(number)}`;
}

/** Thousands in groups, every digit kept. */
function grouped(number: string): string {
  const [whole = "", rest] = number.split(".");
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return rest === undefined ? groups : `${groups}.${rest}`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
