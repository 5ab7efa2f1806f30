import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  defaultDataDir,
  loadEnvironment,
  readDatabaseConfig,
  readKeepChangesDays,
  readMetabaseConfig,
  readServerConfig,
  readSourceConfig,
  variables,
} from "../../runner/config.ts";
import { ConfigError } from "../../runner/errors.ts";
import { fileVariables, withSecretFiles } from "../../runner/secret-files.ts";

const account = {
  CVCRM_ACCOUNT: "exemplo",
  CVCRM_API_EMAIL: "dados@exemplo.com.br",
  CVCRM_API_TOKEN: "3f1c0ffee",
};
const certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const directory = mkdtempSync(path.join(tmpdir(), "cvdw-elt-config-"));
afterAll(() => rmSync(directory, { recursive: true }));

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("the source", () => {
  test("needs account, e-mail and token, and takes the rest from defaults", () => {
    expect(readSourceConfig(account)).toEqual({
      conta: "exemplo",
      email: "dados@exemplo.com.br",
      token: "3f1c0ffee",
      url: "https://exemplo.cvcrm.com.br/api/v1/cvdw",
      rateLimit: { requests: 20, windowMs: 60_000 },
    });
  });

  test("reports everything that is missing at once", () => {
    const problems = problemsOf(() => readSourceConfig({ CVCRM_API_TOKEN: "  " }));
    expect(problems.map((problem) => problem.split(" ").slice(0, 3).join(" "))).toEqual([
      "CVCRM_ACCOUNT is missing:",
      "CVCRM_API_EMAIL is missing:",
      "CVCRM_API_TOKEN is missing:",
    ]);
  });

  test("writes the account as its address does, in lower case", () => {
    expect(readSourceConfig({ ...account, CVCRM_ACCOUNT: "Exemplo" }).conta).toBe("exemplo");
  });

  test.each([
    ["https://exemplo.cvcrm.com.br", "first part of the address"],
    ["exemplo.cvcrm.com.br", "first part of the address"],
    ["evil.com/x", "first part of the address"],
  ])("refuses %s as an account", (name, complaint) => {
    const problems = problemsOf(() => readSourceConfig({ ...account, CVCRM_ACCOUNT: name }));
    expect(problems).toEqual([expect.stringContaining(complaint)]);
  });

  test.each(["http://localhost:4010/cvdw", "http://127.0.0.1:4010/cvdw", "http://[::1]:4010/cvdw"])(
    "may be reached without TLS on this machine: %s",
    (url) => {
      expect(readSourceConfig({ ...account, CVCRM_API_URL: `${url}/` }).url).toBe(url);
    },
  );

  test.each([
    ["http://exemplo.cvcrm.com.br/api/v1/cvdw", "use https://"],
    ["http://127.0.0.1.nip.io/cvdw", "use https://"],
    ["ftp://127.0.0.1/cvdw", "use https://"],
    ["https://user:hunter2@exemplo.com/cvdw", "remove it"],
    ["https://exemplo.com/cvdw?token=hunter2", "only the base"],
    ["exemplo", "not an address"],
  ])("is not asked at %s", (url, complaint) => {
    const problems = problemsOf(() => readSourceConfig({ ...account, CVCRM_API_URL: url }));
    expect(problems).toEqual([expect.stringContaining(complaint)]);
    expect(problems.join()).not.toContain("hunter2");
  });

  test("spends what CVCRM_RATE_LIMIT allows", () => {
    const config = readSourceConfig({ ...account, CVCRM_RATE_LIMIT: "5/10s" });
    expect(config.rateLimit).toEqual({ requests: 5, windowMs: 10_000 });
  });

  test.each(["0/60s", "20/0s", "20", "20/min", "-1/60s", "1e3/60s"])(
    "refuses %s as a rate",
    (rate) => {
      const read = () => readSourceConfig({ ...account, CVCRM_RATE_LIMIT: rate });
      expect(problemsOf(read)).toEqual([expect.stringContaining("like 20/60s")]);
    },
  );

  test("a token that no header can carry is refused without being shown", () => {
    const problems = problemsOf(() =>
      readSourceConfig({ ...account, CVCRM_API_TOKEN: "hunter2\r\nx" }),
    );
    expect(problems).toEqual([expect.stringContaining("CVCRM_API_TOKEN")]);
    expect(problems.join()).not.toContain("hunter2");
  });
});

describe("the database", () => {
  test("is the embedded one when nothing is said", () => {
    expect(readDatabaseConfig({})).toEqual({ kind: "embedded", dataDir: defaultDataDir });
    expect(readDatabaseConfig({ DATABASE_URL: " " }).kind).toBe("embedded");
  });

  test.each([
    ["", { mode: "disable" }],
    ["?sslmode=disable", { mode: "disable" }],
    ["?sslmode=prefer", { mode: "disable" }],
    ["?sslmode=require", { mode: "require" }],
    ["?sslmode=verify-full", { mode: "verify-full" }],
  ])("takes TLS from the address: %s", (query, tls) => {
    const config = readDatabaseConfig({ DATABASE_URL: `postgresql://u:p@db.example/x${query}` });
    expect(config).toEqual({ kind: "server", url: "postgresql://u:p@db.example/x", tls });
  });

  test("keeps the other parameters of the address", () => {
    const config = readDatabaseConfig({
      DATABASE_URL: "postgresql:///x?host=/run/postgresql&sslmode=disable",
    });
    expect(config).toMatchObject({ url: "postgresql:///x?host=%2Frun%2Fpostgresql" });
  });

  test("checks the certificate when DATABASE_CA is there, as text, as one line or as a file", () => {
    const file = path.join(directory, "ca.pem");
    writeFileSync(file, certificate);
    for (const ca of [certificate.trim(), certificate.trim().replaceAll("\n", "\\n"), file]) {
      const config = readDatabaseConfig({
        DATABASE_URL: "postgresql://u:p@db.example/x",
        DATABASE_CA: ca,
      });
      expect(config).toMatchObject({ tls: { mode: "verify-full" } });
      const tls = config.kind === "server" ? config.tls : undefined;
      expect(tls !== undefined && "ca" in tls && tls.ca?.trim()).toBe(certificate.trim());
    }
  });

  test("on Railway in production the connection is encrypted, or nothing starts", () => {
    const production = { RAILWAY_ENVIRONMENT: "production" };
    const address = "postgresql://u:hunter2@db.railway.internal/x";
    expect(readDatabaseConfig({ ...production, DATABASE_URL: address })).toMatchObject({
      tls: { mode: "require" },
    });
    const insecure = { ...production, DATABASE_URL: `${address}?sslmode=disable` };
    expect(problemsOf(() => readDatabaseConfig(insecure))).toEqual([
      expect.stringContaining("requires TLS"),
    ]);
    for (const named of [production, { RAILWAY_ENVIRONMENT_NAME: "production" }]) {
      expect(problemsOf(() => readDatabaseConfig(named))).toEqual([
        expect.stringContaining("DATABASE_URL is missing"),
      ]);
    }
  });

  test("in production an authority's certificate means that the host's name is checked, too", () => {
    const tlsOf = (mode: string, env: object) =>
      readDatabaseConfig({
        DATABASE_CA: certificate,
        DATABASE_URL: `postgresql://u:p@db.example/x${mode}`,
        ...env,
      });
    const production = { RAILWAY_ENVIRONMENT: "production" };
    for (const mode of ["", "?sslmode=require", "?sslmode=no-verify", "?sslmode=verify-full"]) {
      expect(tlsOf(mode, production)).toMatchObject({ tls: { mode: "verify-full" } });
    }
    expect(tlsOf("?sslmode=verify-ca", production)).toMatchObject({ tls: { mode: "verify-ca" } });
    expect(tlsOf("?sslmode=require", {})).toMatchObject({ tls: { mode: "verify-ca" } });
  });

  test("in production nobody reads an emulator", () => {
    const local = { ...account, CVCRM_API_URL: "http://127.0.0.1:4010/api/v1/cvdw" };
    expect(readSourceConfig(local).url).toBe(local.CVCRM_API_URL);
    expect(
      problemsOf(() => readSourceConfig({ ...local, RAILWAY_ENVIRONMENT: "production" })),
    ).toEqual([expect.stringContaining("CVCRM_API_URL leads to this machine")]);
  });

  test.each([
    ["mysql://u:hunter2@db/x", "not an address of PostgreSQL"],
    ["hunter2", "not an address of PostgreSQL"],
    ["postgresql://u:hunter2@db", "names no database"],
    ["postgresql://u:hunter2@db/x?sslmode=yes", "use disable, require"],
    ["postgresql://u:hunter2@db/x?sslrootcert=/ca.pem", "DATABASE_CA"],
  ])("refuses an address and does not repeat it: %s", (address, complaint) => {
    const problems = problemsOf(() => readDatabaseConfig({ DATABASE_URL: address }));
    expect(problems).toEqual([expect.stringContaining(complaint)]);
    expect(problems.join()).not.toContain("hunter2");
  });
});

describe("the server", () => {
  const sha256 = "a".repeat(64);

  test("listens on this machine by default", () => {
    expect(readServerConfig({})).toEqual({ host: "127.0.0.1", port: 5000, apiKeys: [] });
  });

  test("takes no secret that can be guessed", () => {
    const SESSION_SECRET = "0123456789abcdef0123456789abcdef";
    expect(readServerConfig({ SESSION_SECRET }).sessionSecret).toBe(SESSION_SECRET);
    expect(problemsOf(() => readServerConfig({ SESSION_SECRET: "short" }))).toEqual([
      expect.stringContaining("SESSION_SECRET is shorter than 32 characters"),
    ]);
  });

  test("reads its limits, and tells all that are wrong at once", () => {
    expect(
      readServerConfig({
        SERVER_RATE_LIMIT: "100/10s",
        SERVER_EXPORT_SECONDS: "30",
        READY_MAX_AGE_HOURS: "1.5",
        TRUST_PROXY: "1",
        LOG_LEVEL: "warn",
      }),
    ).toMatchObject({
      rateLimit: { requests: 100, windowMs: 10_000 },
      exportMs: 30_000,
      readyMaxAgeMs: 5_400_000,
      proxies: 1,
      logLevel: "warn",
    });
    const problems = problemsOf(() =>
      readServerConfig({
        SERVER_RATE_LIMIT: "fast",
        SERVER_EXPORT_SECONDS: "0",
        READY_MAX_AGE_HOURS: "-1",
        TRUST_PROXY: "all",
        LOG_LEVEL: "loud",
      }),
    );
    expect(problems.map((problem) => problem.split(" ")[0])).toEqual([
      "SERVER_RATE_LIMIT",
      "SERVER_EXPORT_SECONDS",
      "READY_MAX_AGE_HOURS",
      "TRUST_PROXY",
      "LOG_LEVEL",
    ]);
  });

  test("reads keys with their scopes", () => {
    const SERVER_API_KEYS = `bi::${sha256}, auditoria:pii+admin:${sha256}`;
    expect(readServerConfig({ HOST: "0.0.0.0", PORT: "8080", SERVER_API_KEYS })).toEqual({
      host: "0.0.0.0",
      port: 8080,
      apiKeys: [
        { name: "bi", scopes: [], sha256 },
        { name: "auditoria", scopes: ["pii", "admin"], sha256 },
      ],
    });
  });

  test("a malformed key is named by its place, never shown", () => {
    const SERVER_API_KEYS = `bi::${sha256},auditoria:hunter2`;
    expect(problemsOf(() => readServerConfig({ SERVER_API_KEYS, PORT: "http" }))).toEqual([
      expect.stringContaining("PORT"),
      expect.stringContaining("key 2"),
    ]);
    expect(problemsOf(() => readServerConfig({ SERVER_API_KEYS })).join()).not.toContain("hunter2");
  });
});

test("changes are remembered for as many days as CHANGES_KEEP_DAYS says", () => {
  expect(readKeepChangesDays({})).toBeUndefined();
  expect(readKeepChangesDays({ CHANGES_KEEP_DAYS: "30" })).toBe(30);
  for (const text of ["-1", "um mês", "1.5"]) {
    expect(() => readKeepChangesDays({ CHANGES_KEEP_DAYS: text })).toThrow(
      `CHANGES_KEEP_DAYS is "${text}": give whole days`,
    );
  }
});

describe("Metabase", () => {
  const METABASE_API_KEY = "mb_hunter2";

  test("is told when its address and key are there, and only then", () => {
    expect(readMetabaseConfig({})).toBeUndefined();
    const METABASE_URL = "https://bi.example.com/metabase/";
    expect(readMetabaseConfig({ METABASE_URL, METABASE_API_KEY })).toEqual({
      url: "https://bi.example.com/metabase",
      apiKey: METABASE_API_KEY,
    });
    expect(problemsOf(() => readMetabaseConfig({ METABASE_URL }))).toEqual([
      expect.stringContaining("METABASE_API_KEY is missing"),
    ]);
  });

  test.each(["http://bi.example.com", "bi.example.com", "https://user:hunter2@bi.example.com"])(
    "is not told at %s, and its key is never shown",
    (METABASE_URL) => {
      const problems = problemsOf(() => readMetabaseConfig({ METABASE_URL, METABASE_API_KEY }));
      expect(problems).toEqual([expect.stringContaining("METABASE_URL")]);
      expect(problems.join()).not.toContain("hunter2");
    },
  );
});

describe(".env", () => {
  test("completes the environment and never overrides it", () => {
    const file = path.join(directory, ".env");
    writeFileSync(file, "CVDW_TEST_SET=from the file\nCVDW_TEST_NEW=from the file\n");
    process.env.CVDW_TEST_SET = "";
    const env = loadEnvironment(file);
    expect([env.CVDW_TEST_SET, env.CVDW_TEST_NEW]).toEqual(["", "from the file"]);
  });

  test("takes secrets from files of their own, and tells every file that cannot be one", () => {
    const file = path.join(directory, "token");
    writeFileSync(file, "3f1c0ffee\n");
    expect(withSecretFiles({ CVCRM_API_TOKEN_FILE: file })).toEqual({
      CVCRM_API_TOKEN: "3f1c0ffee",
      CVCRM_API_TOKEN_FILE: file,
    });
    const empty = path.join(directory, "empty");
    writeFileSync(empty, " \n");
    const problems = problemsOf(() =>
      withSecretFiles({
        CVCRM_API_TOKEN: "other",
        CVCRM_API_TOKEN_FILE: file,
        SESSION_SECRET_FILE: path.join(directory, "nowhere"),
        SMTP_URL_FILE: directory,
        METABASE_API_KEY_FILE: empty,
        DATABASE_URL_FILE: "  ",
      }),
    );
    expect(problems).toEqual([
      "CVCRM_API_TOKEN_FILE and CVCRM_API_TOKEN are both set: leave one of them out.",
      expect.stringContaining("SESSION_SECRET_FILE names"),
      `METABASE_API_KEY_FILE names ${empty}, which is empty: write the secret into it.`,
      `SMTP_URL_FILE names ${directory}, which is no file: name the file itself.`,
    ]);
    expect(problems.join()).not.toContain("3f1c0ffee");
  });

  test("every variable that may be a file is one that the program reads, and takes no secret's way out", () => {
    for (const name of fileVariables) expect(variables).toContain(name);
    const names = variables.filter((name) => /TOKEN|PASSWORD|SECRET|_KEY/.test(name));
    expect(names.filter((name) => !fileVariables.some((one) => one === name))).toEqual([]);
  });

  test(".env.example names every variable that the program reads, and no other", () => {
    const example = path.join(import.meta.dirname, "..", "..", ".env.example");
    const lines = readFileSync(example, "utf8").split("\n");
    const named = lines.flatMap((line) => /^#?([A-Z_]+)=/.exec(line)?.[1] ?? []);
    expect(named.toSorted()).toEqual(variables.toSorted());
  });
});
