import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { exemplo } from "../../../emulator/exemplo.ts";
import { type Emulator, startEmulator } from "../../../emulator/server.ts";
import { catalogue, defaultObjects } from "../../../extract/catalogue.ts";
import type { Environment } from "../../../runner/config.ts";
import { type Diagnosis, diagnose } from "../../../runner/doctor/diagnose.ts";
import type { Finding } from "../../../runner/doctor/finding.ts";
import { runElt } from "../../elt-process.ts";
import { createEmptyDatabase, createTestDatabase, withConnection } from "../../postgres.ts";

const TOKEN = "hunter2-token";
const folder = mkdtempSync(path.join(tmpdir(), "elt-doctor-"));
const database = await createTestDatabase();
let emulator: Emulator;
let dateOnly: Emulator;
beforeAll(async () => {
  const accounts = [exemplo({ email: "ana@example.com", token: TOKEN })];
  emulator = await startEmulator({ accounts, rateLimit: null });
  dateOnly = await startEmulator({ accounts, rateLimit: null, dateMode: "date-only" });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await emulator.close();
  await dateOnly.close();
  await database.drop();
});
afterEach(async () => {
  await database.pool.query("update elt.accounts set blocked_until = null");
});

function settings(changes: Record<string, string> = {}): Environment {
  return {
    CVCRM_ACCOUNT: "exemplo",
    CVCRM_API_EMAIL: "ana@example.com",
    CVCRM_API_TOKEN: TOKEN,
    CVCRM_API_URL: emulator.url,
    CVCRM_RATE_LIMIT: "1000/60s",
    DATABASE_URL: database.url,
    ...changes,
  };
}

async function findings(
  env: Environment,
  changes: Partial<Diagnosis> = {},
): Promise<readonly Finding[]> {
  const groups = await diagnose({
    ...{ env, objects: defaultObjects, now: () => new Date(), log: () => undefined },
    file: path.join(folder, ".env"),
    ...changes,
  });
  return groups.flatMap((group) => group.findings);
}

function failed(all: readonly Finding[]): readonly string[] {
  return all.filter(({ status }) => status === "fail").map(({ check }) => check);
}

function of(all: readonly Finding[], check: string): Finding | undefined {
  return all.find((finding) => finding.check === check);
}

function requestsSince(count: number): readonly (readonly [string, number])[] {
  return emulator.requests.slice(count).map(({ path: at, status }) => [at, status] as const);
}

describe("an installation that is well", () => {
  test("has no failure, and each object is asked for one record within the account's budget", async () => {
    const before = emulator.requests.length;
    const all = await findings(settings());
    expect(failed(all)).toEqual([]);
    for (const { name } of defaultObjects) {
      expect(of(all, name)).toMatchObject({
        status: "ok",
        message: expect.stringMatching(/^May be read; [\d,]+ records?; \d/),
      });
    }
    expect(of(all, "credentials")).toMatchObject({ status: "ok" });
    expect(of(all, "date filter")).toMatchObject({ message: "Takes a time of day." });
    expect(emulator.requests.length - before).toBe(defaultObjects.length + 1);
    const { rows } = await database.pool.query(
      "select count(*)::int as counted from elt.requests where conta = 'exemplo' and status = 200",
    );
    expect(rows).toEqual([{ counted: defaultObjects.length + 1 }]);
  });

  test("is told what was never done yet, as no failure", async () => {
    const all = await findings(settings(), { objects: [] });
    expect(of(all, "readings")).toMatchObject({ status: "warn", fix: "npm run elt" });
    expect(of(all, "publication")).toMatchObject({ status: "warn", fix: "npm run elt" });
    expect(of(all, "alerts")).toMatchObject({ status: "warn" });
    expect(of(all, "objects")).toMatchObject({ status: "skip" });
    expect(failed(all)).toEqual([]);
  });

  test("is left as it was: nothing is recorded but the requests", async () => {
    await findings(settings(), { objects: [] });
    const { rows } = await database.pool.query("select count(*)::int as runs from elt.runs");
    expect(rows).toEqual([{ runs: 0 }]);
  });
});

describe("the source", () => {
  test("that refuses the credentials is asked twice, and nothing else of it is told", async () => {
    const before = emulator.requests.length;
    const all = await findings(settings({ CVCRM_API_TOKEN: "hunter3-token" }));
    expect(failed(all)).toEqual(["credentials"]);
    expect(of(all, "credentials")).toMatchObject({ message: expect.stringContaining("(401)") });
    expect(of(all, "reservas")).toMatchObject({ status: "skip" });
    expect(requestsSince(before).map(([, status]) => status)).toEqual([401, 401]);
    expect(JSON.stringify(all)).not.toContain("hunter");
  });

  test.each([
    ["401", "fail", "no permission", "permission for repasses"],
    ["405", "fail", "/repasses does not exist", "out of the extraction"],
    ["500", "warn", "500", "later"],
    ["cut", "fail", "", ""],
  ] as const)(
    "that answers %s for one object: it is named, the others are read",
    async (...given) => {
      const [kind, status, message, fix] = given;
      emulator.fault({ object: "repasses", times: 1, kind });
      const all = await findings(settings());
      expect(of(all, "repasses")).toMatchObject({
        status,
        message: expect.stringContaining(message),
        fix: expect.stringContaining(fix),
      });
      const rest = defaultObjects.filter(({ name }) => name !== "repasses");
      expect(rest.map(({ name }) => of(all, name)?.status)).toEqual(rest.map(() => "ok"));
    },
  );

  test("that refuses an object that the marts do without is no failure", async () => {
    emulator.fault({ object: "leads", times: 1, kind: "401" });
    const leads = catalogue.filter(({ name }) => name === "leads");
    const all = await findings(settings(), { objects: [...defaultObjects, ...leads] });
    expect(failed(all)).toEqual([]);
    expect(of(all, "leads")).toMatchObject({ status: "warn" });
  });

  test("that is asked too much blocks the account for all processes", async () => {
    // The wait for the end of the block would be a minute: nobody waits in this test.
    emulator.fault({ object: "unidades", times: 1, kind: "429" });
    const unidades = defaultObjects.filter(({ name }) => name === "unidades");
    const blocked = await findings(settings(), { objects: unidades });
    expect(of(blocked, "unidades")).toMatchObject({ status: "warn" });
    const { rows } = await database.pool.query(
      "select blocked_until > clock_timestamp() as blocked from elt.accounts",
    );
    expect(rows).toEqual([{ blocked: true }]);
  });

  test("that takes only days in its filter is no failure", async () => {
    const all = await findings(settings({ CVCRM_API_URL: dateOnly.url }));
    expect(of(all, "date filter")).toMatchObject({
      status: "ok",
      message: expect.stringContaining("days only"),
    });
  });

  test("that is away is one failure with a way out", async () => {
    const all = await findings(settings({ CVCRM_API_URL: "http://127.0.0.1:1/api/v1/cvdw" }));
    expect(failed(all)).toEqual(["credentials"]);
    expect(of(all, "credentials")).toMatchObject({ fix: expect.stringContaining("127.0.0.1:1") });
  });

  test("whose host has no address is told by the account's name", async () => {
    const url = "https://naoexiste.invalid/api/v1/cvdw";
    const all = await findings(settings({ CVCRM_API_URL: url }));
    expect(of(all, "DNS")).toMatchObject({ status: "fail" });
  });
});

describe("the database", () => {
  test("that is empty gets the program's schemas, so that requests are counted", async () => {
    const empty = await createEmptyDatabase();
    try {
      const all = await findings(settings({ DATABASE_URL: empty.url }));
      expect(failed(all)).toEqual([]);
      expect(of(all, "first start")).toMatchObject({ status: "ok" });
      expect(of(all, "migrations")).toMatchObject({ status: "ok" });
      expect(of(all, "reservas")).toMatchObject({ status: "ok" });
      const { rows } = await empty.pool.query("select count(*)::int as counted from elt.requests");
      expect(rows).toEqual([{ counted: defaultObjects.length + 1 }]);
    } finally {
      await empty.drop();
    }
  });

  test("that is empty stays so while the source is not asked", async () => {
    const empty = await createEmptyDatabase();
    try {
      const all = await findings(settings({ DATABASE_URL: empty.url }), { objects: [] });
      expect(of(all, "migrations")).toMatchObject({ status: "warn" });
      expect(of(all, "landing and runs")).toMatchObject({ status: "skip" });
      const { rows } = await empty.pool.query("select to_regnamespace('elt') is null as empty");
      expect(rows).toEqual([{ empty: true }]);
    } finally {
      await empty.drop();
    }
  });

  test("that an older version made is left to its operator", async () => {
    const older = await createTestDatabase();
    try {
      await older.pool.query("delete from elt.migrations where name like '0014%'");
      const all = await findings(settings({ DATABASE_URL: older.url }));
      expect(of(all, "migrations")).toMatchObject({
        status: "warn",
        message: expect.stringContaining("0014"),
      });
      expect(of(all, "landing and runs")).toMatchObject({ status: "skip" });
      expect(of(all, "reservas")).toMatchObject({ status: "ok" });
    } finally {
      await older.drop();
    }
  });

  test("that somebody has locked hides nothing else, and is not waited for without end", async () => {
    const own = await createTestDatabase();
    const holder = await own.pool.connect();
    try {
      await holder.query("begin; lock table elt.quarantine in access exclusive mode");
      const changes = { objects: [], limitMs: 4_000 };
      const all = await findings(settings({ DATABASE_URL: own.url }), changes);
      expect(failed(all)).toEqual(["landing"]);
      expect(of(all, "landing")).toMatchObject({ message: expect.stringContaining("after 4 s") });
      expect(of(all, "publication")).toMatchObject({ status: "warn" });
      expect(of(all, "rights")).toMatchObject({ status: "ok" });
    } finally {
      await holder.query("rollback");
      holder.release();
      await own.drop();
    }
  });

  test("that is away hides nothing else, and the source is asked for one object", async () => {
    const before = emulator.requests.length;
    const DATABASE_URL = "postgresql://elt:hunter2@127.0.0.1:1/cvdw";
    const all = await findings(settings({ DATABASE_URL, PORT: "http" }));
    expect(failed(all)).toEqual(["PORT", "connection"]);
    expect(of(all, "connection")).toMatchObject({
      message: "No PostgreSQL answers at 127.0.0.1:1.",
      fix: expect.stringContaining("Check that it runs"),
    });
    expect(of(all, "credentials")).toMatchObject({ status: "ok" });
    expect(of(all, "other objects")).toMatchObject({ status: "skip" });
    expect(emulator.requests.length - before).toBe(2);
    expect(JSON.stringify(all)).not.toContain("hunter2");
  });

  test("that a newer version migrated is refused", async () => {
    const newer = await createTestDatabase();
    try {
      await newer.pool.query("insert into elt.migrations (name) values ('9999-later.sql')");
      const all = await findings(settings({ DATABASE_URL: newer.url }), { objects: [] });
      expect(failed(all)).toEqual(["connection"]);
      expect(of(all, "connection")).toMatchObject({ fix: expect.stringContaining("Update") });
    } finally {
      await newer.drop();
    }
  });

  test("whose user has no rights is told with the statements that give them", async () => {
    const login = `ana_${randomBytes(4).toString("hex")}`;
    await database.pool.query(`create role ${login} login password 'hunter2'`);
    const url = new URL(database.url);
    url.username = login;
    url.password = "hunter2";
    try {
      const all = await findings(settings({ DATABASE_URL: url.href }), { objects: [] });
      expect(of(all, "rights")).toMatchObject({
        status: "fail",
        message: expect.stringContaining(`"${login}" may not look at it`),
        fix: expect.stringContaining(`grant <owner> to "${login}"`),
      });
      const empty = await createEmptyDatabase();
      try {
        url.pathname = new URL(empty.url).pathname;
        const others = await findings(settings({ DATABASE_URL: url.href }), { objects: [] });
        expect(of(others, "rights")).toMatchObject({
          fix: expect.stringContaining("grant create on database"),
        });
        expect(of(others, "roles for BI")).toMatchObject({ check: "roles for BI" });
      } finally {
        await empty.drop();
      }
    } finally {
      await database.pool.query(`drop role ${login}`);
    }
  });

  test("that only reads is told", async () => {
    const own = await createTestDatabase();
    const name = new URL(own.url).pathname.slice(1);
    try {
      await withConnection(database.url, (client) =>
        client.query(`alter database ${name} set default_transaction_read_only = on`),
      );
      const all = await findings(settings({ DATABASE_URL: own.url }), { objects: [] });
      expect(of(all, "server")).toMatchObject({
        status: "fail",
        message: expect.stringContaining("replica"),
        fix: expect.stringContaining("reset default_transaction_read_only"),
      });
    } finally {
      await own.drop();
    }
  });

  test("that knows what went wrong tells it: quarantine, failed runs, objects that never came", async () => {
    const own = await createTestDatabase();
    try {
      await own.pool.query(`
        insert into elt.runs (command, conta, pid, host, started_at, finished_at, exit_code, error)
        values ('run', 'exemplo', 1, 'x', now() - interval '3 days', now(), 3, E'1 of 9\\nmore'),
          ('run', 'outra', 1, 'x', now(), now(), 0, null);
        insert into elt.loads (run_id, conta, objeto, mode, verdict, finished_at)
        values (1, 'exemplo', 'reservas', 'full', 'unproven', now()),
          (1, 'outra', 'unidades', 'full', 'failed', now());
        insert into elt.quarantine (
          conta, objeto, hash, load_id, seq, page, page_size, position, reason, raw, repaired
        )
        values ('exemplo', 'reservas', gen_random_uuid(), 1, 1, 1, 1, 1, 'no-key', '{}', false);
        insert into elt.publications (
          run_id, published_at, rows_added, rows_changed, rows_removed
        )
        values (1, now() - interval '3 days', 0, 0, 0)`);
      const all = await findings(settings({ DATABASE_URL: own.url }), { objects: [] });
      expect(failed(all)).toEqual([]);
      const warned = all.filter(({ status }) => status === "warn");
      expect(warned.map(({ check }) => check)).toEqual([
        ...["never read", "last unproven", "quarantine"],
        ...["publication", "schedule", "last run", "alerts"],
      ]);
      expect(of(all, "last unproven")).toMatchObject({ message: "reservas." });
      expect(of(all, "last run")).toMatchObject({ message: "It ended with exit 3: 1 of 9" });
      expect(of(all, "never read")).toMatchObject({
        message: expect.not.stringContaining("reservas,"),
      });
    } finally {
      await own.drop();
    }
  });
});

describe("elt doctor", () => {
  test("ends with 0 when nothing fails, and gives the same as data", async () => {
    const { code, out } = await runElt(["doctor", "--json", "--objects", "reservas"], settings());
    const { exitCode, counts, groups, version } = JSON.parse(out);
    expect([code, exitCode, counts.fail]).toEqual([0, 0, 0]);
    expect(version).toMatch(/^\d/);
    expect(groups.map(({ group }: { group: string }) => group)).toEqual([
      ...["Settings", "Machine", "Database", "Source", "Landing", "Operation"],
    ]);
    expect(out).not.toContain(TOKEN);
    expect(out).not.toContain(new URL(database.url).password);
  });

  test("ends with 2 when something fails, and says what to do", async () => {
    const { code, out, err } = await runElt(["doctor"], settings({ CVCRM_API_TOKEN: "" }));
    expect([code, err]).toEqual([2, ""]);
    expect(out).toContain("FAIL  CVCRM_API_TOKEN");
    expect(out).toContain("→ Set it to the API token");
    expect(out).toMatch(/1 problem keeps it from working/);
  });

  test.each([
    ["nada", "CVDW has no object nada"],
    [" , ", "--objects names none"],
  ])("refuses --objects %j with a sentence", async (names, sentence) => {
    const { code, err } = await runElt(["doctor", "--objects", names], settings());
    expect(code).toBe(2);
    expect(err).toContain(sentence);
  });
});
