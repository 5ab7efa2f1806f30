import { setTimeout as delay } from "node:timers/promises";
import { createBudget } from "../../extract/budget.ts";
import type { CvdwObject } from "../../extract/catalogue.ts";
import { createCvdwClient } from "../../extract/cvdw.ts";
import { extractionLock } from "../../extract/extract.ts";
import { whileBuilding } from "../building.ts";
import { chooseObjects } from "../choose-objects.ts";
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
import { locked, recorded, type Session, withDatabase } from "../session.ts";
import { compareKeys, type KeyComparison } from "../verify/compare-keys.ts";
import { compareMarts, type MartsComparison } from "../verify/compare-marts.ts";
import { compareSource, type SourceComparison } from "../verify/compare-source.ts";
import { landedObjects } from "../verify/read-landed.ts";

export const command: Command = {
  help: `Usage: elt verify [options]
       elt verify --keys [object…] [options]

The weekly check: that nothing was lost on the way, and that what is published is what is landed.

  source   asks CVDW how many records each landed object has (one request an object, within the
           budget; a second where the numbers differ) and compares with the live records of landing.
           A record that was lost and a deletion that nobody noticed cancel out in a count: --keys
           reads the objects named (default: all that are landed) whole, 500 records a request, and
           compares every key and value. Nothing lands, and the account is not extracted meanwhile
  marts    computes every model whole from landing, in throw-away schemas, and compares each table
           and view with what is published, row by row. Nothing published is locked or changed
  tests    every test on what is published, as elt test

Best right after elt run: what was landed since the last build is told, and nothing is compared then.
Exit 1 when something differs or a test fails, 3 when only the source could not be asked.

Options
  --keys          compare record by record; names, groups and patterns as in elt extract
  --skip-source   --skip-marts   --skip-tests
${projectHelp}`,
  options: {
    ...projectOption,
    keys: { type: "boolean" },
    "skip-source": { type: "boolean" },
    "skip-marts": { type: "boolean" },
    "skip-tests": { type: "boolean" },
  },
  takesNames: true,
  run,
};

type Verified = {
  readonly source: readonly SourceComparison[] | null;
  readonly keys: readonly KeyComparison[] | null;
  readonly marts: MartsComparison | null;
  readonly tests: { readonly run: number; readonly failing: readonly TestResult[] } | null;
};

async function run(invocation: Invocation): Promise<number> {
  const { options, env, reporter } = invocation;
  const skips = (what: string) => options[`skip-${what}`] === true;
  if (skips("source") && skips("marts") && skips("tests")) {
    throw new ConfigError(["All three checks are skipped: leave one of them out."]);
  }
  const chosen = chosenObjects(invocation);
  const source = skips("source") ? undefined : readSourceConfig(env);
  const project = await openProject(invocation);
  return withDatabase(invocation, "verify", ({ pool }) =>
    recorded(
      invocation,
      pool,
      { command: "verify", conta: source?.conta ?? null },
      async (session) => {
        const compared =
          source === undefined
            ? { source: null, keys: null }
            : await askSource(session, source, chosen, reporter.event);
        const verified: Verified = {
          ...compared,
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

/** `none`: all are counted; else those that are read whole, without names all that are landed. */
type Chosen = "none" | readonly CvdwObject[];

function chosenObjects({ names, options }: Invocation): Chosen {
  const problems: string[] = [];
  const objects = chooseObjects(names, problems);
  if (options.keys !== true) {
    if (names.length === 0) return "none";
    problems.unshift("Objects are named for --keys alone: elt verify --keys reservas");
  } else if (options["skip-source"] === true) {
    problems.push("--keys asks the source, and --skip-source does not: leave one of them out.");
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return objects;
}

async function askSource(
  { pool }: Session,
  { conta, email, token, url, rateLimit }: SourceConfig,
  chosen: Chosen,
  emit: Invocation["reporter"]["event"],
): Promise<Pick<Verified, "source" | "keys">> {
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
    const landed = await landedObjects(pool, conta);
    if (chosen === "none") {
      return { source: await compareSource(reader, pool, conta, landed), keys: null };
    }
    const unlanded = chosen.filter((object) => !landed.includes(object));
    if (unlanded.length > 0) {
      const names = unlanded.map(({ name }) => name).join(", ");
      throw new ConfigError([`Nothing of ${names} was extracted, so there is nothing to compare.`]);
    }
    const read = chosen.length === 0 ? landed : chosen;
    const counted = landed.filter((object) => !read.includes(object));
    const lock = { name: extractionLock(conta), subject: `An extraction of account ${conta}` };
    const keys = await locked(pool, lock, () => compareKeys(reader, pool, conta, read));
    return { source: await compareSource(reader, pool, conta, counted), keys };
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

function judge({ source, keys, marts, tests }: Verified): { exitCode: number; error?: string } {
  const differing = [
    ...[...(source ?? []), ...(keys ?? [])]
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
  const silent = [...(source ?? []), ...(keys ?? [])].filter(
    ({ status }) => status === "not asked" || status === "unproven",
  );
  return silent.length > 0
    ? {
        exitCode: exitCodes.sourceFailed,
        error: silent.map(({ object, status }) => `${status}: ${object}`).join(", "),
      }
    : { exitCode: exitCodes.done };
}

function isDifferent(of: { missing: number; extra: number; changed: number }): boolean {
  return of.missing + of.extra + of.changed > 0;
}

function format({ source, keys, marts, tests }: Verified): string {
  return [
    ...(keys === null ? [] : ["Source, record by record", ...formatKeys(keys), ""]),
    ...(source === null || (keys !== null && source.length === 0)
      ? []
      : ["Source", formatSource(source), ""]),
    ...(marts === null ? [] : ["Marts", ...formatMarts(marts), ""]),
    ...(tests === null ? [] : ["Tests", ...formatTests(tests)]),
  ].join("\n");
}

function formatSource(source: readonly SourceComparison[]): string {
  return formatTable(
    source.map(({ object, status, source: there, landing, because }) => ({
      ...{ object, source: counted(there), landing: counted(landing), status, because },
    })),
  );
}

function formatKeys(keys: readonly KeyComparison[]): readonly string[] {
  return [
    formatTable(
      keys.map(
        ({ object, status, source: there, landing, lost, changed, extra, fresh, because }) => ({
          ...{ object, source: counted(there), landing: counted(landing), lost: counted(lost) },
          ...{ changed: counted(changed), extra: counted(extra), fresh: counted(fresh) },
          ...{ status, because },
        }),
      ),
    ),
    ...keys.flatMap(({ object, keys: shown }) =>
      Object.entries(shown).flatMap(([what, chaves]) =>
        chaves.length === 0 ? [] : [`  ${object}, ${what}: ${chaves.join(", ")}`],
      ),
    ),
  ];
}

function counted(count: number | null): string {
  return count === null ? "" : count.toLocaleString("en-US");
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
    return [
      `  ${counted(marts.relations.length)} tables and views, ${counted(rows)} rows: as computed afresh.`,
    ];
  }
  return [
    formatTable(
      different.map(({ relation, rows, missing, extra, changed }) => ({
        ...{ relation, rows: counted(rows), missing: counted(missing) },
        ...{ extra: counted(extra), changed: counted(changed) },
      })),
    ),
    ...different.flatMap(({ relation, keys }) =>
      keys.map((key) => `  ${relation} ${JSON.stringify(key)}`),
    ),
    "  To publish them as computed: npm run elt -- build --full-refresh",
  ];
}

function formatTests({ run, failing }: NonNullable<Verified["tests"]>): readonly string[] {
  return [
    `  ${counted(run)} tests, ${counted(failing.length)} with findings.`,
    ...failing.map(formatTestFailure),
  ];
}
