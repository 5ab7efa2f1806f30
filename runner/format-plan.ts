import type { ModelResult } from "./events.ts";
import { formatTable } from "./format-table.ts";
import { heldText } from "./guardrail/held-kpi.ts";
import type { ChangedKpi, KpiChange } from "./models/compare-kpis.ts";
import type { BuildPlan } from "./models/plan-build.ts";
import { formatTestFailure } from "./models/test-failure.ts";

/** What a build would do, as an analyst reads it. */
export function formatPlan(plan: BuildPlan): string {
  const { tables, views, notKeyLocal, losses, kpis, held, findings, withheld } = plan;
  const sections = [
    section("Tables", formatTables(tables)),
    section("Views that are defined anew", views.map((view) => `  ${view}`).join("\n")),
    section("Readers would lose", losses.map((loss) => `  ${loss}`).join("\n")),
    section(
      "Stay as published, their source being too old",
      withheld.models.map((model) => `  ${model}`).join("\n"),
    ),
    section("KPIs", kpis.map(formatKpi).join("\n") || "  no view"),
    section(
      "Would be held back: further than @guard allows",
      held.map((one) => `  ${heldText(one)}.`).join("\n"),
    ),
    section("Tests", findings.map(formatTestFailure).join("\n\n")),
    section(
      "Always computed whole",
      notKeyLocal.map(({ model, because }) => `  ${model}: ${because}`).join("\n"),
    ),
  ];
  return [...sections.filter((one) => one !== ""), "Nothing was published."].join("\n\n");
}

/** A title with what stands below it; nothing when that is empty. */
export function section(title: string, content: string): string {
  return content === "" ? "" : `${title}\n${content}`;
}

function formatTables(tables: readonly ModelResult[]): string {
  const touched = tables.filter(
    ({ changes, mode }) =>
      mode === "first" ||
      (changes !== undefined && changes.added + changes.changed + changes.removed > 0),
  );
  const rest = tables.length - touched.length;
  const unchanged =
    rest === 0 ? "" : `  ${rest === 1 ? "1 table stays" : `${rest} tables stay`} as published.`;
  if (touched.length === 0) return unchanged;
  const rows = touched.map(({ model, changes, mode, because }) => ({
    model,
    rows: count(changes?.total),
    added: count(changes?.added),
    changed: count(changes?.changed),
    removed: count(changes?.removed),
    computed: because === undefined ? (mode ?? "") : `${mode}: ${because}`,
  }));
  return [formatTable(rows), unchanged].filter((line) => line !== "").join("\n");
}

/** Rows of a view on a terminal; --json has more of them. */
const SHOWN_ROWS = 6;

/** How a KPI view changes, with the first rows that do. */
export function formatKpi(change: KpiChange): string {
  const { view, status, rowsBefore, rowsAfter, differing, rows, totals } = change;
  if (status === "new") return `  ${view}: new, ${rowsAfter} rows`;
  if (differing === 0) return `  ${view}: no change`;
  const size = rowsBefore === rowsAfter ? `${rowsAfter}` : `${rowsBefore} → ${rowsAfter}`;
  const lines = rows
    .slice(0, SHOWN_ROWS)
    .map((row) => `    ${formatLabel(row)}: ${formatValues(row.values)}`);
  const more = differing - lines.length;
  const sums = Object.keys(totals).length === 0 ? [] : [`    in all: ${formatValues(totals)}`];
  return [
    `  ${view}: ${differing} of ${size} rows`,
    ...sums,
    ...lines,
    ...(more > 0 ? [`    and ${more} more`] : []),
  ].join("\n");
}

function formatLabel({ label }: ChangedKpi): string {
  return Object.values(label)
    .filter((value) => value !== null)
    .join(", ");
}

function formatValues(values: ChangedKpi["values"]): string {
  return Object.entries(values)
    .map(([name, [before, after]]) => {
      const difference = differenceOf(before, after);
      return `${name} ${shown(before)} → ${shown(after)}${difference}`;
    })
    .join(", ");
}

function shown(value: string | null): string {
  return value === null ? "none" : grouped(value);
}

/** ` (+1,200.00)`; nothing where one side is missing. */
function differenceOf(before: string | null, after: string | null): string {
  if (before === null || after === null) return "";
  const digits = Math.max(decimals(before), decimals(after));
  const difference = Number(after) - Number(before);
  const sign = difference < 0 ? "−" : "+";
  return ` (${sign}${grouped(Math.abs(difference).toFixed(digits))})`;
}

function decimals(value: string): number {
  return value.split(".")[1]?.length ?? 0;
}

/** Thousands in groups, every digit kept. */
function grouped(value: string): string {
  const [whole = "", rest] = value.split(".");
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return rest === undefined ? groups : `${groups}.${rest}`;
}

function count(value: number | undefined): string {
  return value === undefined ? "" : value.toLocaleString("en-US");
}
