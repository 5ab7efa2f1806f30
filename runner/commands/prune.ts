import type { Pool } from "pg";
import { connect } from "../../extract/connection.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { readKeepChangesDays } from "../config.ts";
import { ConfigError, collectProblems } from "../errors.ts";
import { formatTable } from "../format-table.ts";
import { KEEP_CHANGES_DAYS } from "../models/change-log.ts";
import { type LogRules, type Pruned, pruneLogs } from "../prune/prune-logs.ts";
import { pruneScans } from "../prune/prune-scans.ts";
import { landingTables, pruneVersions, type VersionRule } from "../prune/prune-versions.ts";
import { locked, recorded, withDatabase } from "../session.ts";

const REQUESTS_DAYS = 30;
const LOGS_DAYS = 180;
const SCANS_DAYS = 30;

export const command: Command = {
  help: `Usage: elt prune [options] [--apply]

Shows how many rows are older than what is to be kept, per table, and with --apply deletes them, a few
thousand at a time, while everything else goes on.

Versions of records go only when --versions-days says so. The newest version of a record never goes,
so landing.<object>_atual and all marts stay as they are; a build --as-of of a day within those days
gives what it gave. Without it every version is kept.

Options
  --versions-days <n>    versions that were superseded more than n days ago
  --keep-versions <n>    keep the n newest versions of each record whatever their age (default 1)
  --changes-days <n>     changes of marts (default CHANGES_KEEP_DAYS, else ${KEEP_CHANGES_DAYS})
  --logs-days <n>        runs with test results and failing rows, loads, drift, incidents that ended,
                         what left quarantine (default ${LOGS_DAYS}); the last of each kind stay
  --requests-days <n>    requests to the source (default ${REQUESTS_DAYS})
  --scans-days <n>       readings that no run went on with (default ${SCANS_DAYS}); what they landed stays
  --apply                do it; without it nothing is deleted

Receipts of forgotten people and their marks are never pruned.`,
  options: {
    "versions-days": { type: "string" },
    "keep-versions": { type: "string" },
    "changes-days": { type: "string" },
    "logs-days": { type: "string" },
    "requests-days": { type: "string" },
    "scans-days": { type: "string" },
    apply: { type: "boolean" },
  },
  run,
};

type Rules = {
  readonly logs: LogRules;
  readonly versions: VersionRule | undefined;
  readonly scansDays: number;
};

async function run(invocation: Invocation): Promise<number> {
  const { options, reporter } = invocation;
  const rules = readRules(invocation);
  return withDatabase(invocation, "prune", async ({ pool }) => {
    if (options.apply !== true) {
      const pruned = await prune(pool, rules, "count");
      const rows = pruned.filter((one) => one.rows > 0);
      reporter.result(
        rows.length === 0
          ? "Nothing is older than what is to be kept."
          : `${formatTable(rows)}\n\nNothing was deleted. To delete them, the same with --apply.`,
        { pruned, applied: false },
      );
      return exitCodes.done;
    }
    const lock = { name: "prune", subject: "Another prune of this database" };
    return recorded(invocation, pool, { command: "prune", conta: null }, () =>
      locked(pool, lock, async () => {
        const pruned = await prune(pool, rules, "delete");
        const rows = pruned.filter((one) => one.rows > 0);
        reporter.result(formatDone(rows), { pruned, applied: true });
        return { exitCode: exitCodes.done };
      }),
    );
  });
}

async function prune(
  pool: Pool,
  { logs, versions, scansDays }: Rules,
  how: "count" | "delete",
): Promise<readonly Pruned[]> {
  const pruned: Pruned[] = [];
  if (versions !== undefined) {
    const { client, release } = await connect(pool);
    try {
      for (const object of await landingTables(client)) {
        pruned.push(await pruneVersions(client, object, versions, how));
      }
    } finally {
      release({ close: true });
    }
  }
  pruned.push(...(await pruneScans(pool, scansDays, how)));
  pruned.push(...(await pruneLogs(pool, logs, how)));
  return pruned;
}

function formatDone(rows: readonly Pruned[]): string {
  if (rows.length === 0) return "Nothing is older than what is to be kept.";
  const tables = rows.filter(({ what }) => !what.endsWith("*")).map(({ what }) => what);
  return [
    formatTable(rows),
    "",
    "Deleted. PostgreSQL uses the space again by itself. To have it at once for other tables, in a quiet hour:",
    `  vacuum (analyze) ${tables.join(", ")};`,
    "and to give it back to the disk, while nobody reads them: vacuum full.",
  ].join("\n");
}

function readRules({ options, env }: Invocation): Rules {
  const problems: string[] = [];
  const number = (option: string, least: number): number | undefined => {
    const given = options[option];
    if (given === undefined) return undefined;
    if (/^\d{1,5}$/.test(String(given)) && Number(given) >= least) return Number(given);
    problems.push(`--${option} takes a whole number from ${least} to 99999, not "${given}".`);
    return undefined;
  };
  const versionsDays = number("versions-days", 0);
  const keep = number("keep-versions", 1);
  if (keep !== undefined && options["versions-days"] === undefined) {
    problems.push("--keep-versions narrows --versions-days: give both.");
  }
  const changes =
    number("changes-days", 0) ?? collectProblems(problems, () => readKeepChangesDays(env));
  const rules = {
    logs: {
      changes: changes ?? KEEP_CHANGES_DAYS,
      // The window of the budget is rows of this table.
      requests: number("requests-days", 1) ?? REQUESTS_DAYS,
      logs: number("logs-days", 1) ?? LOGS_DAYS,
    },
    versions: versionsDays === undefined ? undefined : { days: versionsDays, keep: keep ?? 1 },
    scansDays: number("scans-days", 1) ?? SCANS_DAYS,
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return rules;
}
