import path from "node:path";
import { DatabaseError, type Pool } from "pg";
import type { CvdwObject } from "../../extract/catalogue.ts";
import { sleepUntil } from "../../extract/limits.ts";
import { query, sql } from "../../extract/query.ts";
import {
  type DatabaseConfig,
  type Environment,
  environmentFile,
  readDatabaseConfig,
  readSourceConfig,
  type SourceConfig,
} from "../config.ts";
import { openDatabase } from "../database.ts";
import { databaseNames } from "../database-failure.ts";
import { ConfigError, collectProblems } from "../errors.ts";
import { failureOf } from "../failure.ts";
import { migrate, pendingMigrations } from "../migrate.ts";
import { closeInTime } from "../session.ts";
import { checkServer } from "./check-database.ts";
import { checkEmbedded } from "./check-embedded.ts";
import { checkLanding } from "./check-landing.ts";
import { checkMachine } from "./check-machine.ts";
import { checkObjects } from "./check-objects.ts";
import { checkAlerts, checkRuns, checkServing } from "./check-operation.ts";
import { checkPooling } from "./check-pooling.ts";
import { checkRights } from "./check-rights.ts";
import { checkSettings } from "./check-settings.ts";
import { checkSourceAddress } from "./check-source.ts";
import { type Finding, type Findings, fail, failFrom, ok, skip } from "./finding.ts";
import {
  describeRoom,
  leastWaitMs,
  noRequests,
  readRequestRoom,
  sharedBudget,
  uncounted,
} from "./request-room.ts";
import { type Check, runCheck, runChecks } from "./run-check.ts";

/** What is looked at, and with what. */
export type Diagnosis = {
  readonly env: Environment;
  /** Asked for one record each; none: the source is not asked at all. */
  readonly objects: readonly CvdwObject[];
  readonly now: () => Date;
  /** Gets a sentence before something that takes long. */
  readonly log: (sentence: string) => void;
  /** The project's `.env`. */
  readonly file?: string;
  /** How long one check may take, those of objects apart. */
  readonly limitMs?: number;
};

const LIMIT_MS = 20_000;
/** Answers take their time, and other runs use the same requests. */
const PATIENCE_MS = 120_000;

/**
 * Looks at everything that the program needs. Never throws for what it finds.
 *
 * It changes nothing, with one exception: where the source will be asked, an embedded PostgreSQL that
 * is not there yet is made, and an empty database gets the program's schemas, as by any other command.
 * Requests that nobody counted would make the next run ask too much.
 */
export async function diagnose(diagnosis: Diagnosis): Promise<readonly Findings[]> {
  const { env, now, file = environmentFile, limitMs = LIMIT_MS } = diagnosis;
  const source = collectProblems([], () => readSourceConfig(env));
  const config = collectProblems([], () => readDatabaseConfig(env));
  const machine = checkMachine(now(), process.versions.node);
  const asks = source !== undefined && diagnosis.objects.length > 0;
  const opened = await open(config, { make: asks ? "missing" : "nothing", log: diagnosis.log });
  const look = (name: string, check: Check["look"]): Promise<readonly Finding[]> =>
    runCheck({ name, limitMs, look: check });
  try {
    const { stored, counting } = await whatStands(opened.pool);
    const unread = skip("landing and runs", opened.whyUnread ?? whyUnread(counting));
    const [database, address, objects, landing, runs, serving] = await Promise.all([
      lookAtDatabase(opened, config, { now, limitMs }),
      asks ? look("address", (signal) => checkSourceAddress(source, now, signal)) : [],
      source === undefined ? [noSource] : lookAtObjects(diagnosis, source, counting),
      stored === undefined
        ? [unread]
        : look("landing", () => checkLanding(stored, source?.conta, now())),
      stored === undefined ? [] : look("runs", () => checkRuns(stored, env, source?.conta, now())),
      look("server keys", () => checkServing(stored, env, now())),
    ]);
    return [
      { group: "Settings", findings: checkSettings(env, file) },
      { group: "Machine", findings: machine },
      { group: "Database", findings: [...opened.findings, ...database] },
      { group: "Source", findings: [...address, ...objects] },
      { group: "Landing", findings: landing },
      { group: "Operation", findings: [...runs, checkAlerts(env), ...serving] },
    ].filter(({ findings }) => findings.length > 0);
  } finally {
    await closeInTime(opened);
  }
}

const noSource = skip("source", "Not asked: its settings cannot be read.");

type Opened = {
  readonly findings: readonly Finding[];
  readonly pool: Pool | undefined;
  readonly url: string;
  /** Why nothing that is stored there can be looked at; undefined when it is open. */
  readonly whyUnread?: string;
  readonly close: () => Promise<void>;
};

/** Opens the database as it is, or makes what was never there. */
async function open(
  config: DatabaseConfig | undefined,
  { make, log }: { readonly make: "missing" | "nothing"; readonly log: (text: string) => void },
): Promise<Opened> {
  const closed = (findings: readonly Finding[]): Opened => ({
    ...{ findings, pool: undefined, url: "", close: async () => undefined },
    whyUnread: "Not looked at: the database is not open.",
  });
  if (config === undefined) return closed([skip("connection", "Its settings cannot be read.")]);
  const files = config.kind === "embedded" ? await lookAtFiles(config.dataDir) : undefined;
  const findings = files?.findings ?? [];
  if (files?.state === "broken") {
    return closed([...findings, skip("connection", "Not tried before that is solved.")]);
  }
  if (files?.state === "absent" && make === "nothing")
    return { ...closed(findings), whyUnread: nothingYet };
  try {
    const options = { applicationName: "elt doctor", maxConnections: 8, log };
    const { pool, url, close } = await openDatabase(config, { ...options, migrations: "left" });
    const made = make === "missing" ? await makeSchemas(pool) : [];
    return { findings: [...findings, ...made], pool, url, close };
  } catch (error) {
    const login = config.kind === "server" ? databaseNames(config.url).user : "elt";
    return closed([...findings, ...refusal(error, login)]);
  }
}

/** Only where there is nothing: what an older version made is its operator's to bring forward. */
async function makeSchemas(pool: Pool): Promise<readonly Finding[]> {
  const [row] = await query<{ empty: boolean }>(
    pool,
    sql`select to_regnamespace('elt') is null as empty`,
  );
  if (row?.empty !== true) return [];
  try {
    await migrate(pool);
    return [ok("first start", "The database was empty: the program's schemas were made.")];
  } catch {
    // Why it could not is told by the check of rights.
    return [];
  }
}

async function lookAtFiles(dataDir: string): ReturnType<typeof checkEmbedded> {
  try {
    return await checkEmbedded(path.resolve(dataDir));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const finding = fail("cluster", `${dataDir} cannot be looked at: ${reason}.`, "Solve that.");
    return { findings: [finding], state: "broken" };
  }
}

function refusal(error: unknown, login: string): readonly Finding[] {
  const check = "connection";
  if (error instanceof DatabaseError && error.code === "42501") {
    const fix = `Log in as the owner of schema elt in DATABASE_URL, or let the owner run: grant <owner> to "${login}";`;
    return [fail("rights", `"${login}" may not look at it: ${error.message}.`, fix)];
  }
  if (error instanceof ConfigError) return error.problems.map((each) => failFrom(check, each));
  const [sentence = ""] = failureOf(error).message.split("\n");
  const reason = error instanceof Error ? error.message : sentence;
  return [fail(check, `It could not be opened: ${reason}.`, "Check DATABASE_URL.")];
}

/** The pool again, as far as the database has what this version needs: all, or to count requests. */
async function whatStands(
  pool: Pool | undefined,
): Promise<{ readonly stored: Pool | undefined; readonly counting: Pool | undefined }> {
  if (pool === undefined) return { stored: undefined, counting: undefined };
  try {
    const [row] = await query<{ counts: boolean }>(
      pool,
      sql`
        select to_regproc('elt.take_request') is not null
          and to_regclass('elt.requests') is not null as counts`,
    );
    const pending = await pendingMigrations(pool);
    return {
      stored: pending.length === 0 ? pool : undefined,
      counting: row?.counts === true ? pool : undefined,
    };
  } catch {
    // What it lacks is told by the checks of the database.
    return { stored: undefined, counting: undefined };
  }
}

const nothingYet = "There is nothing yet: the first run makes it.";

function whyUnread(counting: Pool | undefined): string {
  return counting === undefined ? nothingYet : "Not looked at before the migrations.";
}

async function lookAtDatabase(
  { pool, url }: Opened,
  config: DatabaseConfig | undefined,
  { now, limitMs }: { readonly now: () => Date; readonly limitMs: number },
): Promise<readonly Finding[]> {
  if (pool === undefined || config === undefined) return [];
  const tls = config.kind === "server" ? config.tls : undefined;
  const checks: readonly Check[] = [
    {
      name: "server",
      limitMs,
      look: () => checkServer(pool, now, tls, new URL(url).hostname),
    },
    { name: "sessions", limitMs, look: () => checkPooling(pool, url) },
    { name: "rights", limitMs, look: () => checkRights(pool) },
  ];
  return runChecks(checks);
}

/**
 * The budget is the database's, which all processes of the account share. While that cannot be asked,
 * a single object is all that is tried.
 * @param counting the database, when it counts requests
 */
async function lookAtObjects(
  { objects, now, log }: Diagnosis,
  source: SourceConfig,
  counting: Pool | undefined,
): Promise<readonly Finding[]> {
  if (objects.length === 0) return [skip("objects", "Not asked, as --objects none says.")];
  if (counting === undefined) {
    const budget = uncounted(source);
    const asked = { source, objects: objects.slice(0, 1), budget, until: now(), now };
    const rest = "Not asked before the database is open, where requests are counted.";
    return [
      ...(await runCheck({
        ...{ name: "objects", limitMs: PATIENCE_MS, look: () => checkObjects(asked) },
      })),
      skip("other objects", rest),
    ];
  }
  const room = await readRequestRoom(counting, source).catch(() => noRequests);
  // The date filter takes two more at most.
  const waitMs = leastWaitMs(source, room, objects.length + 2, now());
  const seconds = Math.ceil(waitMs / 1000) + 2 * objects.length;
  log(
    `Asking CVDW for one record of ${objects.length} objects, within the account's requests: up to about ${seconds} s.`,
  );
  const until = new Date(now().getTime() + waitMs + PATIENCE_MS);
  const findings = await runCheck({
    name: "objects",
    limitMs: waitMs + 2 * PATIENCE_MS,
    look: (signal) => {
      const budget = sharedBudget(counting, source, sleepUntil(signal));
      return checkObjects({ source, objects, budget, until, now });
    },
  });
  return [describeRoom(source, room), ...findings];
}
