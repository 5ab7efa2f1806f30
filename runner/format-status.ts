import type { LastDrift } from "./drift/read-drift.ts";
import { formatTable } from "./format-table.ts";
import { namesText, staleText } from "./freshness/age-text.ts";
import type { SourceAge } from "./freshness/source-ages.ts";
import { acceptCommand, heldText } from "./guardrail/held-kpi.ts";
import type { OpenHold } from "./guardrail/hold-record.ts";
import type { ObjectStatus, OpenScan } from "./object-status.ts";
import type { RunStatus } from "./run-status.ts";

/** What `elt status` tells: data for a program, and text after `formatStatus`. */
export type Status = {
  readonly publication: { readonly id: string; readonly at: string } | null;
  /** What is wrong and lasts: `elt alert` lists it. */
  readonly incidents: number;
  /** KPIs that keep builds from being published. */
  readonly held: readonly OpenHold[];
  readonly runs: readonly RunStatus[];
  readonly objects: readonly ObjectStatus[];
  /** Ages of the objects that a model declares @fresh for, as of the last build. */
  readonly freshness: readonly SourceAge[];
  /** Fields that changed in the last run of each account. */
  readonly drift: readonly LastDrift[];
};

/** Columns of a terminal that the text fits into. */
const WIDTH = 110;

/** The status for a person: tables, and below a row what is unusual about it. */
export function formatStatus(status: Status): string {
  const { publication, incidents, held, runs, objects, freshness, drift } = status;
  const published =
    publication === null
      ? "Nothing is published yet: npm run elt"
      : `Published: ${publication.at} Brasília (publication ${publication.id})`;
  const contas = [...new Set(objects.map(({ conta }) => conta))];
  return [
    published,
    ...(incidents === 0
      ? []
      : [`Wrong now: ${incidents === 1 ? "1 incident" : `${incidents} incidents`} (elt alert)`]),
    ...heldLines(held),
    "",
    "Last runs",
    tableWithNotes(runs, runRow, ({ error }) => (error === null ? [] : [error])),
    ...contas.flatMap((conta) => [
      "",
      `Objects of ${conta}`,
      tableWithNotes(
        objects.filter((object) => object.conta === conta),
        objectRow,
        (object) => [...objectNotes(object), ...staleNotes(freshness.filter(isOf(object)))],
      ),
      ...unreadNotes(freshness, objects, conta),
      ...driftNote(drift.filter((found) => found.conta === conta)),
    ]),
    ...(contas.length === 0 ? ["", "Objects", "  none has been extracted yet"] : []),
  ].join("\n");
}

/** By run: since when, which numbers, and what lets them through. */
function heldLines(held: readonly OpenHold[]): readonly string[] {
  const runs = [...new Set(held.map(({ run }) => run))];
  return runs.flatMap((run) => {
    const kpis = held.filter((one) => one.run === run);
    return [
      "",
      `Held back since run ${run} (${kpis[0]?.since ?? ""}): nothing is published`,
      ...kpis.map((kpi) => `  ${heldText(kpi)}`),
      `  If it is right: ${acceptCommand(run)}`,
    ];
  });
}

function tableWithNotes<Row>(
  rows: readonly Row[],
  toCells: (row: Row) => Readonly<Record<string, unknown>>,
  notesOf: (row: Row) => readonly string[],
): string {
  const [head = "", ...lines] = formatTable(rows.map(toCells)).split("\n");
  const notes = rows.map((row) => notesOf(row).map((note) => clip(`      ${note}`)));
  return [head, ...lines.flatMap((line, i) => [line, ...(notes[i] ?? [])])].join("\n");
}

function runRow({ error, ...run }: RunStatus): Readonly<Record<string, unknown>> {
  return run;
}

function objectRow(status: ObjectStatus): Readonly<Record<string, unknown>> {
  return {
    object: status.object,
    live: count(status.live),
    gone: orBlank(status.removed),
    watch: orBlank(status.watched),
    "last read": status.last_read,
    verdict: status.verdict,
    "next from": status.next_from,
  };
}

function objectNotes(status: ObjectStatus): readonly string[] {
  const { verdict, last_proven: proven, quarantined, repaired, page_size: size } = status;
  return [
    ...errorNotes(status),
    ...(["proven", "stopped"].includes(verdict)
      ? []
      : [proven ? `read whole last ${proven}` : "never read whole"]),
    ...(["full", "incremental"].includes(status.mode) ? [] : ["read by backfills only"]),
    ...status.open_scans.map(openScanNote),
    ...(quarantined === 0 ? [] : [quarantineNote(quarantined, repaired)]),
    ...(size === null ? [] : [`${size} records a page, since the source was too slow for more`]),
  ];
}

function isOf({ conta, object }: ObjectStatus): (age: SourceAge) => boolean {
  return (age) => age.conta === conta && age.object === object;
}

function staleNotes(ages: readonly SourceAge[]): readonly string[] {
  return ages
    .filter(({ level }) => level !== "fresh")
    .map((age) => {
      const held = age.blocks && age.level === "error" ? "holds back" : "feeds";
      return `stale (${age.level}): ${staleText(age)}; ${held} ${namesText(age.feeds)}`;
    });
}

/** Objects that models read and that were never even asked for have no row. */
function unreadNotes(
  freshness: readonly SourceAge[],
  objects: readonly ObjectStatus[],
  conta: string,
): readonly string[] {
  return freshness
    .filter((age) => age.conta === conta && !objects.some((object) => isOf(object)(age)))
    .flatMap((age) => staleNotes([age]).map((note) => clip(`  ${age.object} ${note}`)));
}

/** The row names the object already, and what a limit left is told of its open scan. */
function errorNotes({ error, object, verdict }: ObjectStatus): readonly string[] {
  return error === null || verdict === "stopped" ? [] : [withoutPrefix(error, `${object}: `)];
}

/** Only at its start: further on, the object's name belongs to the sentence. */
function withoutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

function openScanNote({ mode, since, until, pass, total, unread }: OpenScan): string {
  const range = [since && ` since ${since}`, until && ` until ${until}`].join("");
  const left =
    unread === null || total === null
      ? "nothing is read yet"
      : unread === 0
        ? `all ${count(total)} records are read, their end once more is left`
        : `${count(unread)} of ${count(total)} records are left`;
  return `${mode} reading${range} under way: ${left}${pass > 1 ? `, pass ${pass}` : ""}`;
}

function quarantineNote(quarantined: number, repaired: number): string {
  const landed = repaired === 0 ? "" : `, ${count(repaired)} of them landed repaired`;
  return `${count(quarantined)} in quarantine${landed} (elt quarantine)`;
}

function driftNote(drift: readonly LastDrift[]): readonly string[] {
  const counts = drift.map(({ change, fields }) => `${count(fields)} ${change}`);
  return counts.length === 0
    ? []
    : [`  Fields that changed in the last run: ${counts.join(", ")} (elt drift)`];
}

function orBlank(value: number): string {
  return value === 0 ? "" : count(value);
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function clip(line: string): string {
  return line.length <= WIDTH ? line : `${line.slice(0, WIDTH - 1)}…`;
}
