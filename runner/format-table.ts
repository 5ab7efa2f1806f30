/** Rows as aligned text columns under their names; numbers to the right. */
export function formatTable(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const [first] = rows;
  if (first === undefined) return "  none";
  const names = Object.keys(first);
  const cells = rows.map((row) => names.map((name) => cell(row[name])));
  const widths = names.map((name, i) =>
    Math.max(name.length, ...cells.map((row) => row[i]?.length ?? 0)),
  );
  const numeric = names.map((_, i) => cells.every((row) => /^-?[\d.,]*$/.test(row[i] ?? "")));
  const line = (row: readonly string[]) =>
    `  ${row
      .map((value, i) =>
        numeric[i] ? value.padStart(widths[i] ?? 0) : value.padEnd(widths[i] ?? 0),
      )
      .join("  ")}`.trimEnd();
  return [line(names), ...cells.map(line)].join("\n");
}

function cell(value: unknown): string {
  return value === null || value === undefined ? "" : String(value);
}
