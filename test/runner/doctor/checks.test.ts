import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createServer } from "node:tls";
import { afterAll, describe, expect, test } from "vitest";
import { variables } from "../../../runner/config.ts";
import { compareClocks } from "../../../runner/doctor/check-clock.ts";
import { checkEmbedded } from "../../../runner/doctor/check-embedded.ts";
import { checkMachine } from "../../../runner/doctor/check-machine.ts";
import { checkSettings } from "../../../runner/doctor/check-settings.ts";
import { checkSourceAddress } from "../../../runner/doctor/check-source.ts";
import { type Finding, failFrom, ok } from "../../../runner/doctor/finding.ts";
import { formatFindings } from "../../../runner/doctor/format-findings.ts";
import { leastWaitMs, noRequests } from "../../../runner/doctor/request-room.ts";
import { runChecks } from "../../../runner/doctor/run-check.ts";
import { ConfigError } from "../../../runner/errors.ts";
import { startEmbeddedPostgres } from "../../../runner/postgres/embedded.ts";

const folder = mkdtempSync(path.join(tmpdir(), "elt-doctor-checks-"));
afterAll(() => rmSync(folder, { recursive: true }));
const noFile = path.join(folder, "no.env");

const account = {
  CVCRM_ACCOUNT: "exemplo",
  CVCRM_API_EMAIL: "ana@example.com",
  CVCRM_API_TOKEN: "hunter2-token",
};

function problems(findings: readonly Finding[]): readonly string[] {
  return findings
    .filter(({ status }) => status === "fail" || status === "warn")
    .map(({ check }) => check);
}

describe("settings", () => {
  test("that are right are told to be", () => {
    expect(checkSettings(account, noFile)).toEqual([
      ok("environment", "3 variables are set and make sense."),
      ok(".env", "There is none: the environment alone counts."),
    ]);
  });

  test("are all read: a value that nothing takes is found, whatever its variable", () => {
    // Any text is a password, a key or a level of no consequence.
    const anything = new Set([
      ...["ALERT_EMAIL_PASSWORD", "RAILWAY_ENVIRONMENT", "RAILWAY_ENVIRONMENT_NAME"],
    ]);
    const missed = variables.filter((name) => {
      if (anything.has(name)) return false;
      const findings = checkSettings({ ...account, [name]: "no\nsense, at: all" }, noFile);
      return !findings.some(({ status }) => status === "fail");
    });
    expect(missed.filter((name) => name !== "DATABASE_CA" && name !== "HOST")).toEqual([]);
  });

  test("with several problems are told all at once, without a value", () => {
    const findings = checkSettings(
      { ...account, CVCRM_API_TOKEN: "hunter2 x", PORT: "http", SYNC_CRON: "daily" },
      noFile,
    );
    expect(problems(findings)).toEqual(["CVCRM_API_TOKEN", "PORT", "SYNC_CRON"]);
    expect(JSON.stringify(findings)).not.toContain("hunter2");
  });

  test.each([
    ["CVRM_API_TOKEN", "CVCRM_API_TOKEN"],
    ["DATABSE_URL", "DATABASE_URL"],
    ["ALERT_WEBHOOK", "ALERT_WEBHOOK_URL"],
  ])("named %s were probably meant as %s", (written, meant) => {
    const { [meant as keyof typeof account]: _, ...others } = account;
    const findings = checkSettings({ ...others, [written]: "hunter2" }, noFile);
    expect(findings.find(({ check }) => check === written)).toMatchObject({
      status: "warn",
      fix: expect.stringContaining(`Did you mean ${meant}?`),
    });
    expect(JSON.stringify(findings)).not.toContain("hunter2");
  });

  test("that look like this program's and are not are told, others' are left alone", () => {
    const others = { PATH: "/bin", HOSTNAME: "x", PORTS: "1", PGHOST: "x" };
    expect(problems(checkSettings({ ...account, ...others }, noFile))).toEqual([]);
    const old = { ...account, CVCRM_DOMAIN: "exemplo" };
    expect(problems(checkSettings(old, noFile))).toEqual(["CVCRM_DOMAIN"]);
  });

  test.skipIf(process.platform === "win32")(
    "in a .env that others may read, or that the environment overrides, are told",
    () => {
      const file = path.join(folder, ".env");
      writeFileSync(file, "CVCRM_API_TOKEN=hunter3\nOTHER=1\n", { mode: 0o600 });
      chmodSync(file, 0o644);
      const findings = checkSettings(account, file);
      expect(findings.filter(({ check }) => check === ".env")).toMatchObject([
        { status: "warn", fix: "chmod 600 .env" },
        { status: "warn", message: expect.stringContaining("of CVCRM_API_TOKEN, and wins") },
      ]);
      expect(JSON.stringify(findings)).not.toContain("hunter");
      chmodSync(file, 0o600);
      const same = { ...account, CVCRM_API_TOKEN: "hunter3" };
      expect(problems(checkSettings(same, file))).toEqual([]);
    },
  );
});

describe("checks", () => {
  test("that fail, or never end, hide no other and cost their time alone", async () => {
    const findings = await runChecks([
      { name: "endless", limitMs: 30, look: () => new Promise(() => undefined) },
      {
        name: "refused",
        limitMs: 5_000,
        look: async () => {
          throw new ConfigError(["It is shut: open it.", "It is small"]);
        },
      },
      {
        name: "broken",
        limitMs: 5_000,
        look: async () => {
          throw new Error("no such column");
        },
      },
      { name: "well", limitMs: 5_000, look: async () => [ok("well", "Well.")] },
    ]);
    expect(findings).toMatchObject([
      { check: "endless", status: "fail", message: expect.stringContaining("after 0.03 s") },
      { check: "refused", status: "fail", message: "It is shut.", fix: "Open it." },
      { check: "refused", status: "fail", message: "It is small" },
      { check: "broken", status: "fail", message: expect.stringContaining("no such column") },
      { check: "well", status: "ok" },
    ]);
    expect(JSON.stringify(findings)).not.toMatch(/\bat .*\.ts/);
  });

  test("are ended when their time is over", async () => {
    const ended = new Promise<boolean>((resolve) => {
      void runChecks([
        {
          name: "endless",
          limitMs: 10,
          look: (signal) => {
            signal.addEventListener("abort", () => resolve(true));
            return new Promise(() => undefined);
          },
        },
      ]);
    });
    expect(await ended).toBe(true);
  });
});

describe("the clock", () => {
  const there = new Date("2026-01-01T12:00:00Z");
  test.each([
    [0, "ok", "agree"],
    [-30_000, "ok", "30.0 s behind"],
    [90_000, "warn", "90.0 s ahead of"],
    [-3_600_000, "fail", "60 minutes behind it: edits at the source could be missed"],
  ])("that is %s ms off is %s", (ms, status, words) => {
    const here = new Date(there.getTime() + ms);
    expect(compareClocks("clock", { here, there })).toMatchObject({
      status,
      message: expect.stringContaining(words),
    });
  });

  test("of Brasília is known here, and a Node that is too old is told", () => {
    const at = new Date("2026-01-01T02:00:00Z");
    expect(checkMachine(at, "20.18.1")).toMatchObject([
      { check: "node", status: "ok" },
      { check: "time zone", message: expect.stringContaining("2025-12-31 23:00:00") },
    ]);
    expect(checkMachine(at, "20.9.0")[0]).toMatchObject({
      status: "fail",
      fix: expect.stringContaining("20.18.1"),
    });
  });
});

describe("requests", () => {
  const limit = { rateLimit: { requests: 10, windowMs: 60_000 } };
  test.each([
    [{ used: 0 }, 10, 0],
    [{ used: 0 }, 11, 60_000],
    [{ used: 10 }, 1, 60_000],
    [{ used: 0, blockedUntil: new Date(90_000) }, 1, 90_000],
  ])("with %j of which %s more are asked take at least %s ms", (room, requests, ms) => {
    expect(leastWaitMs(limit, { ...noRequests, ...room }, requests, new Date(0))).toBe(ms);
  });
});

describe("the embedded PostgreSQL", () => {
  test("that was never made is made by the first run, not here", async () => {
    const home = path.join(folder, "never", "postgres");
    const { state, findings } = await checkEmbedded(home);
    expect([state, problems(findings)]).toEqual(["absent", []]);
    expect(existsSync(home)).toBe(false);
  });

  test("is known while it runs, after it stopped, and after it was killed", async () => {
    const home = path.join(folder, "cluster");
    const server = await startEmbeddedPostgres({ dataDir: home, lingerMs: 100 });
    const process_ = (findings: readonly Finding[]) =>
      findings.find(({ check }) => check === "server process");
    const running = await checkEmbedded(home);
    expect(running.state).toBe("usable");
    expect(process_(running.findings)).toMatchObject({
      status: "ok",
      message: expect.stringContaining("It runs"),
    });
    await server.stop();
    expect(process_((await checkEmbedded(home)).findings)).toMatchObject({
      status: "ok",
      message: expect.stringContaining("stopped"),
    });
    // What a server that was killed leaves: the number of a process that is none of its.
    const pidFile = ["999999999", `${home}/data`, "1", "20000", "", "127.0.0.1", "", "ready"];
    writeFileSync(path.join(home, "data", "postmaster.pid"), pidFile.join("\n"));
    expect(process_((await checkEmbedded(home)).findings)).toMatchObject({
      status: "warn",
      message: expect.stringContaining("killed"),
    });
    rmSync(path.join(home, "data", "postmaster.pid"));
    chmodSync(path.join(home, "password"), 0o644);
    expect(problems((await checkEmbedded(home)).findings)).toEqual(["cluster"]);
    const version = path.join(home, "data", "PG_VERSION");
    const made = readFileSync(version, "utf8");
    writeFileSync(version, "13\n");
    const other = await checkEmbedded(home);
    expect(other.state).toBe("broken");
    expect(other.findings.find(({ check }) => check === "programs")).toMatchObject({
      status: "fail",
      message: expect.stringContaining("was made by PostgreSQL 13"),
    });
    writeFileSync(version, made);
    rmSync(path.join(home, "password"));
    expect((await checkEmbedded(home)).state).toBe("broken");
  });

  test.skipIf(process.getuid?.() === 0)("in a folder that is somebody else's is told", async () => {
    const home = path.join(folder, "shut");
    mkdirSync(home, { mode: 0o500 });
    const { state, findings } = await checkEmbedded(path.join(home, "postgres"));
    expect([state, problems(findings)]).toEqual(["broken", ["cluster"]]);
  });
});

test("a certificate that nobody vouches for is refused, and the clock is not asked for", async () => {
  const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=localhost",
    ].concat(["-keyout", key, "-out", cert]),
    { stdio: "ignore" },
  );
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }).listen(0);
  server.on("tlsClientError", () => undefined);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const source = { ...{ conta: "exemplo", email: "", token: "" }, rateLimit: noLimit };
  const url = `https://localhost:${port}/api/v1/cvdw`;
  const now = () => new Date();
  const findings = await checkSourceAddress({ ...source, url }, now, new AbortController().signal);
  server.close();
  expect(findings).toMatchObject([
    { check: "DNS", status: "ok" },
    { check: "TLS", status: "fail", fix: expect.stringContaining("NODE_EXTRA_CA_CERTS") },
  ]);
});
const noLimit = { requests: 1, windowMs: 1 };

test("findings read as a list, with what to do below, and a sentence at the end", () => {
  expect(
    formatFindings([
      {
        group: "Settings",
        findings: [ok("node", "20."), failFrom("PORT", 'PORT is "x": give a number.')],
      },
    ]),
  ).toBe(
    [
      "Settings",
      "  ok    node  20.",
      '  FAIL  PORT  "x".',
      "              → Give a number.",
      "",
      "1 problem keeps it from working.",
    ].join("\n"),
  );
});
