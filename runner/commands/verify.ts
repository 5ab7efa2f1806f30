import { setTimeout as delay } from "node:timers/promises";
import { createBudget } from "../../extract/budget.ts";
import { createCvdwClient } from "../../extract/cvdw.ts";
import { whileBuilding } from "../building.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { readSourceConfig, type SourceConfig } from "../config.ts";
import { ConfigError } from "../errors.ts";
import { formatTable } from "../format-table.ts";
import { testProject } from "../models/run-build-tests.ts";
import {
  formatTestFailure,
  isFailing,
  TestFailure,
  type TestResult,
} from "../models/test-failure.ts";
import { openProject, projectHelp, projectOption } from "../open-project.ts";
import { recorded, type Session, withDatabase } from "../session.ts";
import { compareMarts, type MartsComparison } from "../verify/compare-marts.ts";
import { compareSource, type SourceComparison } from "../verify/compare-source.ts";

export const command: Command = {
  help: `Usage: elt verify [options]

The weekly check: that nothing was lost on the way, and that what is published is what is landed.

  source   asks CVDW how many records each landed object has (one request an object, within the
           budget; a second where the numbers differ) and compares with the live records of landing
  marts    computes every model whole from landing, in throw-away schemas, and compares each table
           and view with what is published, row by row. Nothing published is locked or changed
  tests    every test on what is published, as elt test

Best right after elt run: what was landed since the last build is told, and nothing is compared then.
Exit 1 when something differs or a test fails, 3 when only the source could not be asked.

Options
  --skip-source   --skip-marts   --skip-tests
${projectHelp}`,
  options: {
    ...projectOption,
    "skip-source": { type: "boolean" },
    "skip-marts": { type: "boolean" },
    "skip-tests": { type: "boolean" },
  },
  run,
};

type Verified = {
  readonly source: readonly SourceComparison[] | null;
  readonly marts: MartsComparison | null;
  readonly tests: { readonly run: number; readonly failing: readonly TestResult[] } | null;
};

async function run(invocation: Invocation): Promise<number> {
  const { options, env, reporter } = invocation;
  const skips = (what: string) => options[`skip-${what}`] === true;
  if (skips("source") && skips("marts") && skips("tests")) {
    throw new ConfigError(["All three checks are skipped: leave one of them out."]);
  }
  const source = skips("source") ? undefined : readSourceConfig(env);
  const project = await openProject(invocation);
  return withDatabase(invocation, "verify", ({ pool }) =>
    recorded(
      invocation,
      pool,
      { command: "verify", conta: source?.conta ?? null },
      async (session) => {
        const verified: Verified = {
          source: source === undefined ? null : await askSource(session, source, reporter.event),
          marts: skips("marts")
            ? null
            : await whileBuilding(pool, reporter.event, () => compareMarts(pool, project)),
          tests: skips("tests")
            ? null
            : await testPublished(() =>
                testProject({ ...session, emit: () => undefined }, project),
              ),
        };
        const outcome = judge(verified);
        reporter.result(format(verified), { ...verified, ok: outcome.exitCode === exitCodes.done });
        return outcome;
      },
    ),
  );
}

async function askSource(
  { pool }: Session,
  { conta, email, token, url, rateLimit }: SourceConfig,
  emit: Invocation["reporter"]["event"],
): Promise<readonly SourceComparison[]> {
  const client = createCvdwClient({ conta, email, token, baseUrl: url });
  const budget = createBudget({
    database: pool,
    conta,
    limit: rateLimit,
    sleep: delay,
    onWait: ({ object, ms }) => emit({ type: "budget-wait", object, ms }),
  });
  try {
    const reader = { client, budget, emit, sleep: delay, random: Math.random };
    return await compareSource(reader, pool, conta);
  } finally {
    await client.close();
  }
}

async function testPublished(
  work: () => Promise<readonly TestResult[]>,
): Promise<NonNullable<Verified["tests"]>> {
  try {
    const results = await work();
    return { run: results.length, failing: results.filter(isFailing) };
  } catch (error) {
    if (!(error instanceof TestFailure)) throw error;
    return { run: error.all.length, failing: error.all.filter(isFailing) };
  }
}

function judge({ source, marts, tests }: Verified): { exitCode: number; error?: string } {
  const differing = [
    ...(source ?? [])
      .filter(({ status }) => status === "differs" || status === "unread")
      .map(({ object }) => object),
    ...(marts?.status === "compared"
      ? marts.relations.filter(isDifferent).map(({ relation }) => relation)
      : []),
    ...(marts?.status === "behind" ? ["the marts are behind landing"] : []),
    ...(tests?.failing ?? []).flatMap(({ severity, test }) => (severity === "error" ? [test] : [])),
  ];
  if (differing.length > 0) {
    return { exitCode: exitCodes.modelFailed, error: `differs: ${differing.join(", ")}` };
  }
  const silent = (source ?? []).filter(({ status }) => status === "not asked");
  return silent.length > 0
    ? {
        exitCode: exitCodes.sourceFailed,
        error: `not asked: ${silent.map(({ object }) => object).join(", ")}`,
      }
    : { exitCode: exitCodes.done };
}

function isDifferent(of: { missing: number; extra: number; changed: number }): boolean {
  return of.missing + of.extra + of.changed > 0;
}

function format({ source, marts, tests }: Verified): string {
  return [
    ...(source === null ? [] : ["Source", formatSource(source), ""]),
    ...(marts === null ? [] : ["Marts", ...formatMarts(marts), ""]),
    ...(tests === null ? [] : ["Tests", ...formatTests(tests)]),
  ].join("\n");
}

function formatSource(source: readonly SourceComparison[]): string {
  return formatTable(
    source.map(({ object, status, source: there, landing, because }) => ({
      ...{ object, source: there, landing, status, because },
    })),
  );
}

function formatMarts(marts: MartsComparison): readonly string[] {
  if (marts.status === "behind") {
    return [
      "  Not compared, since a build would change them (npm run elt -- build, then verify again):",
      ...marts.because.map((sentence) => `  - ${sentence}`),
    ];
  }
  const different = marts.relations.filter(isDifferent);
  const rows = marts.relations.reduce((sum, relation) => sum + relation.rows, 0);
  if (different.length === 0) {
    return [`  ${marts.relations.length} tables and views, ${rows} rows: as computed afresh.`];
  }
  return [
    formatTable(different.map(({ keys, ...relation }) => relation)),
    ...different.flatMap(({ relation, keys }) =>
      keys.map((key) => `  ${relation} ${JSON.stringify(key)}`),
    ),
    "  To publish them as computed: npm run elt -- build --full-refresh",
  ];
}

function formatTests({ run, failing }: NonNullable<Verified["tests"]>): readonly string[] {
  return [`  ${run} tests, ${failing.length} with findings.`, ...failing.map(formatTestFailure)];
}
