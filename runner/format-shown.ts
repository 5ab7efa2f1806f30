import { formatTable } from "./format-table.ts";
import type { ShownModel } from "./models/show-model.ts";

const WIDEST_CELL = 40;

/**
 * The first rows of a model, one a line. Where a line is wider than the terminal, rows stand side by
 * side, as many as fit, with a line for each column: wrapped lines cannot be read.
 */
export function formatShown(
  { model, columns, rows, fromFiles, masked }: ShownModel,
  { limit, width }: { readonly limit: number; readonly width: number | undefined },
): string {
  const table = rows.map((cells) =>
    Object.fromEntries(columns.map((column, i) => [column, cut(cells[i])])),
  );
  const notes = [
    `${model}: ${rows.length === limit ? `first ${limit} rows` : rowsText(rows.length)}`,
    ...(fromFiles.length > 0 ? [`computed from their files: ${fromFiles.join(", ")}`] : []),
    ...(masked.length > 0 ? [`masked: ${masked.join(", ")}`] : []),
  ];
  const lines = rows.length === 0 ? `  ${columns.join("  ")}` : formatTable(table);
  const fits = width === undefined || rows.length === 0 || widest(lines) <= width;
  return [fits ? lines : sideBySide(columns, table, width), "", notes.join(" · ")].join("\n");
}

function rowsText(count: number): string {
  return count === 1 ? "1 row" : `${count} rows`;
}

function sideBySide(
  columns: readonly string[],
  rows: readonly Readonly<Record<string, string>>[],
  width: number,
): string {
  const blocks: string[] = [];
  for (let first = 0; first < rows.length; ) {
    let block = formatRecords(columns, rows.slice(first, first + 1));
    let next = first + 1;
    while (next < rows.length) {
      const wider = formatRecords(columns, rows.slice(first, next + 1));
      if (widest(wider) > width) break;
      block = wider;
      next += 1;
    }
    blocks.push(block);
    first = next;
  }
  return blocks.join("\n\n");
}

/** A line for each column, a column of text for each row. */
function formatRecords(
  columns: readonly string[],
  rows: readonly Readonly<Record<string, string>>[],
): string {
  const names = Math.max(...columns.map((column) => column.length));
  const widths = rows.map((row) => widest(Object.values(row).join("\n")));
  return columns
    .map((column) => {
      const cells = rows.map((row, i) => (row[column] ?? "").padEnd(widths[i] ?? 0));
      return `  ${[column.padEnd(names), ...cells].join("  ")}`.trimEnd();
    })
    .join("\n");
}

function widest(text: string): number {
  return Math.max(...text.split("\n").map((line) => line.length));
}

function cut(value: string | null | undefined): string {
  const text = (value ?? "").replace(/\s+/g, " ");
  return text.length > WIDEST_CELL ? `${text.slice(0, WIDEST_CELL - 1)}…` : text;
}
