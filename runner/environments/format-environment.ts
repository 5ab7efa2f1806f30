import { formatKpi, section } from "../format-plan.ts";
import { formatTable } from "../format-table.ts";
import { moveText } from "../guardrail/held-kpi.ts";
import { formatTestFailure } from "../models/test-failure.ts";
import type { EnvironmentReport } from "./build-environment.ts";
import type { TableDifference } from "./compare-published.ts";
import type { EnvironmentRequest } from "./environment-build.ts";
import type { ListedEnvironment } from "./list-environments.ts";

/** What an environment holds and how it differs from what is published, as an analyst reads it. */
export function formatEnvironment(
  report: EnvironmentReport,
  end: EnvironmentRequest["end"],
): string {
  const { environment, asOf, models, left, tables, kpis, headlines, findings } = report;
  if (models.length === 0 && tables.length === 0 && kpis.length === 0 && left.length === 0) {
    return `No file differs from what is published: environment ${environment} holds nothing.`;
  }
  const day = asOf === null ? "" : ` at the end of ${asOf}`;
  const differing = kpis.filter((kpi) => kpi.differing > 0);
  const same = kpis.length - differing.length;
  const sections = [
    section("Left, being again as published", left.map((name) => `  ${name}`).join("\n")),
    section(`Tables: published → ${environment}${day}`, formatTables(tables)),
    section(
      `Guarded KPIs: published → ${environment}${day}`,
      headlines.map((move) => `  ${moveText(move)}`).join("\n"),
    ),
    section(
      `KPIs: published → ${environment}${day}`,
      [
        ...differing.map(formatKpi),
        ...(same > 0 ? [`  ${same === 1 ? "1 view shows" : `${same} views show`} the same.`] : []),
      ].join("\n"),
    ),
    section("Tests", findings.map(formatTestFailure).join("\n\n")),
  ];
  const computed = models.filter(({ mode }) => mode !== "unchanged").length;
  const summary =
    end === "commit"
      ? `${computed} of ${models.length} relations of ${environment} were computed; read them in ${environment}_marts. Nothing was published.`
      : "Nothing was built.";
  return [...sections.filter((one) => one !== ""), summary].join("\n\n");
}

function formatTables(tables: readonly TableDifference[]): string {
  const rows = tables
    .filter(
      ({ status, added, changed, removed, columns }) =>
        status !== "compared" || added + changed + removed + columns.length > 0,
    )
    .map(({ model, status, rows: total, added, changed, removed, columns }) => ({
      model,
      rows: count(total),
      added: status === "other key" ? "" : count(added),
      changed: status === "other key" ? "" : count(changed),
      removed: status === "other key" ? "" : count(removed),
      note: [...(status === "compared" ? [] : [status]), ...columns].join("; "),
    }));
  const same = tables.length - rows.length;
  const rest =
    same === 0 ? "" : `  ${same === 1 ? "1 table holds" : `${same} tables hold`} the same.`;
  return [...(rows.length > 0 ? [formatTable(rows)] : []), rest]
    .filter((line) => line !== "")
    .join("\n");
}

const OLD_DAYS = 30;

/** Environments as a table, and which of them nobody built for long. */
export function formatEnvironments(environments: readonly ListedEnvironment[]): string {
  if (environments.length === 0) {
    return "There is no environment. elt build --env <name> makes one.";
  }
  const table = environments.map(({ name, as_of, by, made, built, days, bytes, models }) => ({
    name,
    "as of": as_of ?? "",
    models: models.length,
    size: `${(bytes / 1024 / 1024).toFixed(1)} MB`,
    made,
    built,
    age: days === 1 ? "1 day" : `${days} days`,
    by,
  }));
  const old = environments.filter(({ days }) => days >= OLD_DAYS).map(({ name }) => name);
  const hint =
    old.length === 0
      ? []
      : [
          "",
          `Not built for ${OLD_DAYS} days: ${old.join(", ")}. elt env drop <name> frees the space.`,
        ];
  return [formatTable(table), ...hint].join("\n");
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
