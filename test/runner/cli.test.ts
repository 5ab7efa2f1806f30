import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { exemplo } from "../../emulator/exemplo.ts";
import { type Emulator, startEmulator } from "../../emulator/server.ts";
import { eltHere } from "../elt-here.ts";
import { type EltProcess, type Outcome, runElt, startElt } from "../elt-process.ts";
import { createTestDatabase } from "../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const TOKEN = "a-very-secret-token";

let emulator: Emulator;
/** The same account at a source that takes minutes to answer. */
let slow: Emulator;
beforeAll(async () => {
  const accounts = [exemplo({ email: "ana@example.com", token: TOKEN })];
  emulator = await startEmulator({ accounts, rateLimit: null });
  slow = await startEmulator({ accounts, rateLimit: null, delayMs: 300_000 });
});
afterAll(async () => {
  await emulator.close();
  await slow.close();
});

function settings(
  changes: Record<string, string | undefined> = {},
): Readonly<Record<string, string | undefined>> {
  return {
    DATABASE_URL: database.url,
    CVCRM_ACCOUNT: "exemplo",
    CVCRM_API_EMAIL: "ana@example.com",
    CVCRM_API_TOKEN: TOKEN,
    CVCRM_API_URL: emulator.url,
    CVCRM_RATE_LIMIT: "1000/60s",
    ...changes,
  };
}

function start(args: readonly string[], env = settings()): EltProcess {
  return startElt(args, env);
}

function elt(args: readonly string[], env = settings()): Promise<Outcome> {
  return runElt(args, env);
}

/** The same without the seconds that a process takes to start: its exit is tested by others. */
function here(args: readonly string[], env = settings()): Promise<Outcome> {
  return eltHere(args, env);
}

/** A failure is a sentence on stderr: no stack, no secret. */
function expectSentence({ err, out }: Outcome): void {
  expect(err.trim()).not.toBe("");
  expect(err + out).not.toMatch(/\n\s+at /);
  expect(err + out).not.toContain(TOKEN);
}

describe("elt", () => {
  test("help names every command, and a command tells its own", async () => {
    const { code, out } = await elt(["help"]);
    expect(code).toBe(0);
    const commands = [...out.matchAll(/^ {2}(\w+) {2,}/gm)].map((match) => match[1]);
    expect(commands).toEqual([
      ...["run", "worker", "status", "serve"],
      ...["extract", "drift", "quarantine"],
      ...["check", "show", "plan", "build", "retry", "publish", "test", "env"],
      ...["compile", "lineage", "docs"],
      ...["keys", "bi"],
      ...[
        "doctor",
        "alert",
        "verify",
        "accounts",
        "prune",
        "backup",
        "restore",
        "forget",
        "migrate",
      ],
      ...["demo", "emulator"],
    ]);
    const { out: help } = await elt(["extract", "--help"]);
    expect(help).toContain("Usage: elt extract [object…]");
  });

  test.each([
    [
      "a misspelt object",
      ["extract", "lead"],
      "Near it: distribuicao_leads, leads, leads_conversoes",
    ],
    ["an unknown command", ["nada"], 'There is no command "nada"'],
    ["a misspelt command", ["statsu"], 'There is no command "statsu": did you mean status?'],
    ["an unknown option", ["run", "--rapido"], "Unknown option '--rapido'. See:"],
    ["a misspelt option", ["run", "--ful"], "Unknown option '--ful': did you mean --full? See:"],
    ["an unknown object", ["extract", "empreendimentos"], "CVDW has no object empreendimentos"],
  ])("refuses %s with exit 2", async (_, args, sentence) => {
    const outcome = await here(args);
    expect(outcome.code).toBe(2);
    expect(outcome.err).toContain(sentence);
    expectSentence(outcome);
  });

  test("tells every missing setting at once with exit 2", async () => {
    const outcome = await elt(
      ["run"],
      settings({ CVCRM_API_TOKEN: "", CVCRM_ACCOUNT: "", DATABASE_URL: "mysql://x" }),
    );
    expect(outcome.code).toBe(2);
    expect(outcome.err).toContain("CVCRM_API_TOKEN is missing");
    expect(outcome.err).toContain("CVCRM_ACCOUNT is missing");
    expect(outcome.err).toContain("DATABASE_URL");
    expectSentence(outcome);
  });

  test("ends with exit 2 when the token is wrong for every object, after asking for two", async () => {
    const before = emulator.requests.length;
    // At this pace nothing else is begun while an answer is awaited.
    const changes = { CVCRM_API_TOKEN: "wrong-token", CVCRM_RATE_LIMIT: "20/60s" };
    const outcome = await here(["run"], settings(changes));
    expect(outcome.code).toBe(2);
    expect(outcome.err).toContain("check CVCRM_API_EMAIL, CVCRM_API_TOKEN and CVCRM_ACCOUNT");
    expect(outcome.out + outcome.err).not.toContain("wrong-token");
    expect(emulator.requests.slice(before).map(({ status }) => status)).toEqual([401, 401]);
    expectSentence(outcome);
  });

  test("ends with exit 3 and names the permission when one object alone is answered with 401", async () => {
    emulator.fault({ object: "unidades", times: 1, kind: "401" });
    const outcome = await here(["extract", "unidades", "repasses", "comissoes"]);
    expect(outcome.code).toBe(3);
    expect(outcome.err).toContain("1 of 3 objects did not arrive whole (unidades)");
    expect(outcome.err).toContain("The user has no permission for unidades");
    expectSentence(outcome);
  });

  test("ends with exit 2 when the database does not answer", async () => {
    const url = "postgresql://ana:segredo@127.0.0.1:1/x";
    const outcome = await elt(["run"], settings({ DATABASE_URL: url }));
    expect(outcome.code).toBe(2);
    expect(outcome.err).toContain("No PostgreSQL answers at 127.0.0.1:1");
    expect(outcome.out + outcome.err).not.toContain("segredo");
    expectSentence(outcome);
  });

  test("ends with exit 3 when the source does not answer", async () => {
    const outcome = await here(
      ["extract", "reservas", "comissoes"],
      settings({ CVCRM_API_URL: "http://127.0.0.1:1/api/v1/cvdw" }),
    );
    expect(outcome.code).toBe(3);
    expect(outcome.err).toContain("no complete answer from 127.0.0.1:1");
    expect(outcome.err).toContain("Check the network and CVCRM_API_URL");
    expectSentence(outcome);
  });

  test("publishes what arrived and ends with exit 3 when a path is answered with 405", async () => {
    emulator.fault({ object: "repasses", times: 1, kind: "405" });
    const outcome = await here(["run"]);
    expect(outcome.code).toBe(3);
    expect(outcome.err).toContain("1 of 9 objects did not arrive whole (repasses)");
    expect(outcome.err).toContain("The path /repasses does not exist in this account's CVDW");
    expect(outcome.out).toContain('"type":"published"');
    expectSentence(outcome);
  });

  test("ends with exit 4 and names the holder when another run extracts the account", async () => {
    const holder = await database.pool.connect();
    try {
      await holder.query("set application_name = 'the other run'");
      await holder.query("select pg_advisory_lock(hashtextextended('extract exemplo', 0))");
      const outcome = await here(["extract"]);
      expect(outcome.code).toBe(4);
      expect(outcome.err).toMatch(/already under way by "the other run".*since \d{4}/);
      expectSentence(outcome);
    } finally {
      await holder.query("select pg_advisory_unlock_all()");
      holder.release();
    }
  });

  test("ends with exit 5 and a sentence when the database drops its connections", async () => {
    const child = start(["extract", "reservas"], settings({ CVCRM_API_URL: slow.url }));
    // It holds the lock once it asks for an object.
    await child.says("object-started");
    await database.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'elt extract%'",
    );
    const outcome = await child.outcome;
    expect(outcome.code).toBe(5);
    expect(outcome.err).toContain("The database was lost during the run");
    expectSentence(outcome);
  });

  test("records a run that SIGTERM ended and exits with 143", async () => {
    const child = start(["extract", "reservas"], settings({ CVCRM_API_URL: slow.url }));
    await child.says("object-started");
    child.process.kill("SIGTERM");
    expect((await child.outcome).code).toBe(143);
    const { rows } = await database.pool.query(
      "select exit_code, error from elt.runs order by run_id desc limit 1",
    );
    expect(rows).toEqual([{ exit_code: 143, error: "interrupted" }]);
  });

  test("run, check, test and status work on the same database, and the token is in no table", async () => {
    expect((await elt(["run"])).code).toBe(0);
    // The loads that the ended processes before left open are closed by the next run.
    const { rows: open } = await database.pool.query(
      "select objeto from elt.loads where verdict = 'running'",
    );
    expect(open).toEqual([]);
    expect((await elt(["check"])).out).toContain("no problems");
    expect((await elt(["test"])).code).toBe(0);
    const status = JSON.parse((await elt(["status", "--json"])).out);
    expect(status.publication).not.toBeNull();
    expect(status.objects).toHaveLength(9);
    const { rows: tables } = await database.pool.query(
      "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('elt', 'landing', 'staging', 'marts', 'marts_pii', 'seeds')",
    );
    expect(tables.length).toBeGreaterThan(30);
    for (const { name } of tables) {
      const { rows } = await database.pool.query(
        `select count(*)::int as n from ${name} as t where t::text like '%' || $1 || '%'`,
        [TOKEN],
      );
      expect([name, rows[0].n]).toEqual([name, 0]);
    }
  });
});

afterEach(async () => {
  await database.pool.query("update elt.accounts set blocked_until = null");
});
