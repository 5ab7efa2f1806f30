import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exemplo } from "../../emulator/exemplo.ts";
import { type Emulator, startEmulator } from "../../emulator/server.ts";
import { createReporter } from "../../runner/reporter.ts";
import { secretsOf, withoutSecrets } from "../../runner/secrets.ts";
import { eltHere } from "../elt-here.ts";
import { runElt, startElt } from "../elt-process.ts";
import { createTestDatabase } from "../postgres.ts";

describe("the secrets of an environment", () => {
  test("are its tokens, passwords and keys, the passwords of addresses as written and as meant", () => {
    expect(
      secretsOf({
        CVCRM_ACCOUNT: "exemplo",
        CVCRM_API_TOKEN: " token-of-cv ",
        DATABASE_URL: "postgresql://elt:p%40ss%20word@db.example/cvdw",
        SMTP_URL: "smtps://mailer:mail-pass@mail.example:465",
        ALERT_EMAIL_PASSWORD: "abcd efgh ijkl mnop",
        ALERT_WEBHOOK_URL: "https://hooks.example/services/T1/B2/xyz",
        METABASE_API_KEY: "mb_key",
        PORT: "5000",
      }).toSorted(),
    ).toEqual(
      [
        ...["/services/T1/B2/xyz", "abcd efgh ijkl mnop", "abcdefghijklmnop"],
        ...["https://hooks.example/services/T1/B2/xyz", "mail-pass", "mb_key", "p%40ss%20word"],
        ...["p@ss word", "token-of-cv"],
      ].toSorted(),
    );
  });

  test("are no words that also name a user, a host or a database", () => {
    const DATABASE_URL = "postgresql://postgres:postgres@localhost/cvdw";
    expect(secretsOf({ DATABASE_URL })).toEqual([]);
  });

  test("are the whole of what should be an address and is none", () => {
    expect(secretsOf({ DATABASE_URL: "hunter2-only" })).toEqual(["hunter2-only"]);
  });

  test("are taken out of a text, the longest first, and out of what JSON made of them", () => {
    const secrets = secretsOf({ CVCRM_API_TOKEN: 'a"quoted"token', SESSION_SECRET: "quoted" });
    expect(withoutSecrets('x a"quoted"token quoted', secrets)).toBe("x [secret] [secret]");
    expect(withoutSecrets(JSON.stringify({ x: 'a"quoted"token' }), secrets)).toBe(
      '{"x":"[secret]"}',
    );
  });
});

describe("the reporter", () => {
  function reporterOn(written: string[], json: boolean) {
    const stream = { write: (text: string | Uint8Array) => written.push(String(text)) };
    const secrets = ["hunter2-token"];
    return createReporter({
      ...{ out: { ...stream, isTTY: !json }, err: stream, json, secrets, now: () => new Date(0) },
    });
  }

  test.each([
    ["lines of JSON", true],
    ["text", false],
  ])("takes secrets out of %s, whatever brought them", (_, json) => {
    const written: string[] = [];
    const reporter = reporterOn(written, json);
    reporter.event({ type: "warning", message: "the proxy said hunter2-token" });
    reporter.say("hunter2-token");
    reporter.result("hunter2-token", { token: "hunter2-token" });
    reporter.failure("hunter2-token", 5);
    expect(written.join("")).toContain("[secret]");
    expect(written.join("")).not.toContain("hunter2-token");
  });

  test("names the run in each line of a run, and in no other", () => {
    const written: string[] = [];
    const reporter = reporterOn(written, true);
    reporter.say("before");
    reporter.nameRun(12n);
    reporter.event({ type: "warning", message: "during" });
    reporter.failure("during", 1);
    reporter.nameRun(null);
    reporter.say("after");
    const lines = written.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
    expect(lines.map(({ run, message }) => [message, run])).toEqual([
      ["before", undefined],
      ["during", 12],
      ["during", 12],
      ["after", undefined],
    ]);
  });
});

describe("no secret of the environment is written", () => {
  const TOKEN = "s3cret-token-of-cvdw";
  const key = createHash("sha256").update("s3cret-key").digest("hex");
  const folder = mkdtempSync(path.join(tmpdir(), "elt-secrets-"));
  let emulator: Emulator;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    database = await createTestDatabase();
    emulator = await startEmulator({
      accounts: [exemplo({ email: "ana@example.com", token: TOKEN })],
      rateLimit: null,
    });
    env = {
      CVCRM_ACCOUNT: "exemplo",
      CVCRM_API_EMAIL: "ana@example.com",
      CVCRM_API_TOKEN: TOKEN,
      CVCRM_API_URL: emulator.url,
      CVCRM_RATE_LIMIT: "1000/60s",
      DATABASE_URL: database.url,
      SESSION_SECRET: "s3cret-of-sessions-0123456789abcdef",
      SERVER_API_KEYS: `bi::${key}`,
      PORT: "0",
      // Nobody listens there, so that sending fails and the failure is told.
      SMTP_URL: "smtp://mailer:s3cret-of-mail@127.0.0.1:1",
      ALERT_EMAIL_FROM: "elt@example.com",
      ALERT_EMAIL_TO: "ana@example.com",
      ALERT_WEBHOOK_URL: "http://127.0.0.1:1/services/s3cret-hook",
      METABASE_URL: "http://127.0.0.1:1",
      METABASE_API_KEY: "mb_s3cret",
    };
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await emulator.close();
    await database.drop();
  });

  function expectNone(written: string): void {
    const password = new URL(database.url).password;
    for (const secret of [password, key, "s3cret"]) expect(written).not.toContain(secret);
  }

  /** What commands need; any other is run as it is. */
  const words: Readonly<Record<string, readonly string[]>> = {
    alert: ["test"],
    backup: [path.join(folder, "backup")],
    docs: ["--out", path.join(folder, "site")],
    env: ["list"],
    extract: ["reservas"],
    forget: ["--documento", "529.982.247-25"],
    keys: ["list"],
    restore: [path.join(folder, "backup")],
    show: ["vendas"],
    compile: ["vendas"],
  };
  const endless = new Set(["serve", "worker", "demo", "emulator"]);
  /** Commands that end their process themselves. */
  const endsItself = new Set(["doctor"]);

  // Two dozen commands, some of which wait for what does not answer.
  const aWhile = { timeout: 600_000 };
  test("by any command, as lines of JSON or as a sentence, nor by any table", aWhile, async () => {
    const help = JSON.parse((await eltHere(["help", "--json"], env)).out).help as string;
    const commands = [...help.matchAll(/^ {2}(\w+) {2,}/gm)].map(([, name = ""]) => name);
    expect(commands.length).toBeGreaterThan(20);
    expectNone(help);
    for (const command of ["run", ...commands.filter((name) => name !== "run")]) {
      if (endless.has(command)) continue;
      const call = endsItself.has(command) ? runElt : eltHere;
      const { code, out, err } = await call([command, ...(words[command] ?? [])], env);
      expect([command, code]).not.toEqual([command, 70]);
      expectNone(out + err);
    }
    const { rows } = await database.pool.query(
      "select format('%I.%I', table_schema, table_name) as name from information_schema.tables where table_schema !~ '^(pg_|information_schema)'",
    );
    expect(rows.length).toBeGreaterThan(50);
    for (const { name } of rows) {
      const found = await database.pool.query(
        `select count(*)::int as n from ${name} as t where t::text ~ 's3cret'`,
      );
      expect([name, found.rows[0].n]).toEqual([name, 0]);
    }
  });

  test.each([
    ["worker", "worker-started"],
    ["serve", "Dashboard: "],
  ])("by elt %s", async (command, begun) => {
    const child = startElt([command], env);
    await child.says(begun);
    child.process.kill("SIGTERM");
    const { out, err } = await child.outcome;
    expectNone(out + err);
  });

  test.each([
    ["a wrong password", "run", { DATABASE_URL: "postgresql://elt:s3cret-pass@HOST/cvdw" }],
    ["a database that is away", "status", { DATABASE_URL: "postgresql://u:s3cret@127.0.0.1:1/x" }],
    ["an address that is none", "status", { DATABASE_URL: "s3cret-pass" }],
    ["a token with blanks", "run", { CVCRM_API_TOKEN: "s3cret token" }],
    ["a webhook without TLS", "run", { ALERT_WEBHOOK_URL: "http://hooks.example/s3cret" }],
    ["a mail server that is none", "worker", { SMTP_URL: "ftp://u:s3cret@mail" }],
    ["keys that are none", "serve", { SERVER_API_KEYS: "bi:s3cret" }],
    ["a Metabase with a password", "run", { METABASE_URL: "https://u:s3cret@bi.example.com" }],
    ["a source with a password", "run", { CVCRM_API_URL: "https://u:s3cret@x.cvcrm.com.br/x" }],
  ])("by what complains of %s", async (_, command, changes) => {
    const host = new URL(database.url).host;
    const given = Object.entries(changes).map(([name, text]) => [name, text.replace("HOST", host)]);
    const { code, out, err } = await eltHere([command], { ...env, ...Object.fromEntries(given) });
    expect(err).not.toBe("");
    expect(code).toBe(2);
    expectNone(out + err);
  });
});
