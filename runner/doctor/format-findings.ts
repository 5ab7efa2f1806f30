import type { Finding, Findings } from "./finding.ts";

/** How many there are of each kind. */
export type FindingCounts = Readonly<Record<Finding["status"], number>>;

export function countFindings(groups: readonly Findings[]): FindingCounts {
  const counts = { ok: 0, warn: 0, fail: 0, skip: 0 };
  for (const { status } of groups.flatMap(({ findings }) => findings)) counts[status]++;
  return counts;
}

/** One line a finding, and what to do below it. */
export function formatFindings(groups: readonly Findings[]): string {
  const width = Math.max(
    ...groups.flatMap(({ findings }) => findings.map(({ check }) => check.length)),
  );
  const blocks = groups.map(({ group, findings }) =>
    [group, ...findings.map((finding) => findingText(finding, width))].join("\n"),
  );
  return [...blocks, summary(countFindings(groups))].join("\n\n");
}

const marks = { ok: "ok  ", warn: "warn", fail: "FAIL", skip: "-   " } as const;

function findingText(finding: Finding, width: number): string {
  const line = `  ${marks[finding.status]}  ${finding.check.padEnd(width)}  ${finding.message}`;
  if (!("fix" in finding)) return line;
  return `${line}\n${" ".repeat(width + 10)}→ ${finding.fix}`;
}

function summary({ fail, warn, skip }: FindingCounts): string {
  if (fail > 0) {
    const rest = warn > 0 ? `, and ${warn} to look at` : "";
    return `${fail === 1 ? "1 problem keeps" : `${fail} problems keep`} it from working${rest}.`;
  }
  const skipped = skip > 0 ? ` ${skip} could not be looked at.` : "";
  return warn > 0 ? `It works; ${warn} to look at.${skipped}` : `All is well.${skipped}`;
}
