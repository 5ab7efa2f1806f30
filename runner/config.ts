import { accessSync, constants, existsSync } from "node:fs";
import path from "node:path";
import { type AlertSettings, readAlertSettings } from "./alerts/alert-settings.ts";
import { type DatabaseAddress, readAuthority, readDatabaseUrl } from "./database-address.ts";
import { ConfigError } from "./errors.ts";
import { type RateLimit, readRateLimit, readServerLimits, type ServerLimits } from "./limits.ts";
import { isLoopback } from "./loopback.ts";
import { isProduction } from "./production.ts";
import { withSecretFiles } from "./secret-files.ts";
import { readSchedule, type Schedule } from "./worker/schedule.ts";

/** Environment variables, as `process.env` holds them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How to reach CVDW. */
export type SourceConfig = {
  /** The CV account, first column of every key. */
  readonly conta: string;
  readonly email: string;
  readonly token: string;
  /** Base of every request, without a slash at the end. */
  readonly url: string;
  readonly rateLimit: RateLimit;
};

export type DatabaseConfig =
  | ({ readonly kind: "server" } & DatabaseAddress)
  | { readonly kind: "embedded"; readonly dataDir: string };

/** A key that the server accepts before any is made in the database. */
export type ApiKey = {
  readonly name: string;
  readonly scopes: readonly string[];
  /** SHA-256 of the key, 64 hexadecimal digits. */
  readonly sha256: string;
};

export type ServerConfig = {
  readonly host: string;
  readonly port: number;
  readonly apiKeys: readonly ApiKey[];
  /** Signs the sessions of people who logged in; made up for each start when absent. */
  readonly sessionSecret?: string | undefined;
} & ServerLimits;

/** Every variable that the product reads. `.env.example` describes each of them. */
export const variables = [
  "CVCRM_ACCOUNT",
  "CVCRM_API_EMAIL",
  "CVCRM_API_TOKEN",
  "CVCRM_API_URL",
  "CVCRM_RATE_LIMIT",
  "DATABASE_URL",
  "DATABASE_CA",
  "CHANGES_KEEP_DAYS",
  "HOST",
  "PORT",
  "SERVER_API_KEYS",
  "SESSION_SECRET",
  "SERVER_RATE_LIMIT",
  "SERVER_EXPORT_SECONDS",
  "READY_MAX_AGE_HOURS",
  "TRUST_PROXY",
  "LOG_LEVEL",
  "METABASE_URL",
  "METABASE_API_KEY",
  "SYNC_CRON",
  "SYNC_HOURS",
  "ALERT_EMAIL_USER",
  "ALERT_EMAIL_PASSWORD",
  "ALERT_EMAIL_FROM",
  "ALERT_EMAIL_TO",
  "SMTP_URL",
  "ALERT_WEBHOOK_URL",
  "DASHBOARD_URL",
  "ALERT_STALE_HOURS",
  "ALERT_DIGEST",
  "RAILWAY_ENVIRONMENT",
  "RAILWAY_ENVIRONMENT_NAME",
] as const;

type Variable = (typeof variables)[number];

const projectDirectory = path.dirname(import.meta.dirname);

/** Where the embedded PostgreSQL lives when there is no DATABASE_URL. */
export const defaultDataDir = path.join(projectDirectory, ".data", "postgres");

/** Where it is remembered who was told that a database is away. */
export const alertsFolder = path.join(projectDirectory, ".data", "alerts");

/** Where the project's settings are kept. */
export const environmentFile = path.join(projectDirectory, ".env");

/**
 * The environment of this process, completed by the project's `.env` when there is one: what is
 * set already wins, also when it is set to nothing. Secrets may stand in files of their own.
 * @throws ConfigError when a file cannot be read
 */
export function loadEnvironment(file: string = environmentFile): Environment {
  try {
    if (existsSync(file)) {
      // Node's own loader says of a file that it may not read that there is none.
      accessSync(file, constants.R_OK);
      process.loadEnvFile(file);
    }
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? error.code : "no text";
    throw new ConfigError([
      `${file} cannot be read (${reason}): give this user the right to read it.`,
    ]);
  }
  return withSecretFiles(process.env);
}

/**
 * Reads what is needed to call CVDW. Throws one ConfigError with every problem; no message holds
 * the value of a secret.
 */
export function readSourceConfig(env: Environment): SourceConfig {
  const problems: string[] = [];
  const conta = value(env, "CVCRM_ACCOUNT");
  if (conta === undefined) {
    problems.push(
      "CVCRM_ACCOUNT is missing: set it in .env (a copy of .env.example) to the account's name, the first part of its address ({account}.cvcrm.com.br).",
    );
  } else if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i.test(conta)) {
    problems.push(
      `CVCRM_ACCOUNT is "${conta}": give only the first part of the address, "minhaempresa" for minhaempresa.cvcrm.com.br.`,
    );
  }
  const email = value(env, "CVCRM_API_EMAIL");
  if (email === undefined) {
    problems.push(
      "CVCRM_API_EMAIL is missing: set it to the e-mail of the CV user that owns the token.",
    );
  } else if (!isHeaderText(email) || !email.includes("@")) {
    problems.push("CVCRM_API_EMAIL is not an e-mail address: copy it again from CV.");
  }
  const token = value(env, "CVCRM_API_TOKEN");
  if (token === undefined) {
    problems.push(
      "CVCRM_API_TOKEN is missing: set it to the API token of that CV user (an administrator makes it in CV).",
    );
  } else if (!isHeaderText(token)) {
    problems.push("CVCRM_API_TOKEN holds blanks or characters that no token has: copy it again.");
  }
  const url = readSourceUrl(env, conta, problems);
  const rateLimit = readRateLimit(
    "CVCRM_RATE_LIMIT",
    value(env, "CVCRM_RATE_LIMIT") ?? "20/60s",
    problems,
  );
  if (
    problems.length > 0 ||
    conta === undefined ||
    email === undefined ||
    token === undefined ||
    url === undefined ||
    rateLimit === undefined
  ) {
    throw new ConfigError(problems);
  }
  return { conta: conta.toLowerCase(), email, token, url, rateLimit };
}

/**
 * Days that `elt.changes` remembers each change of a mart; undefined when nothing is said.
 * @throws ConfigError when it is no number of days
 */
export function readKeepChangesDays(env: Environment): number | undefined {
  const text = value(env, "CHANGES_KEEP_DAYS");
  if (text === undefined) return undefined;
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new ConfigError([
    `CHANGES_KEEP_DAYS is "${text}": give whole days, 0 to 99999; 0 remembers only the last build.`,
  ]);
}

/**
 * Reads which database to use: DATABASE_URL, or the embedded one. TLS follows `sslmode` of the
 * address with libpq's meaning; in production there is always TLS, and with DATABASE_CA the host name
 * is checked, too, unless sslmode=verify-ca says not to. Throws one ConfigError with every problem.
 */
export function readDatabaseConfig(env: Environment): DatabaseConfig {
  const problems: string[] = [];
  const address = value(env, "DATABASE_URL");
  const production = isProduction(env);
  if (address === undefined) {
    if (production) {
      throw new ConfigError([
        "DATABASE_URL is missing: on Railway the disk does not outlive a deploy, so add a PostgreSQL service and set DATABASE_URL to its address.",
      ]);
    }
    return { kind: "embedded", dataDir: defaultDataDir };
  }
  const ca = readAuthority(value(env, "DATABASE_CA"), problems);
  const server = readDatabaseUrl(address, { ca, production }, problems);
  if (problems.length > 0 || server === undefined) throw new ConfigError(problems);
  return { kind: "server", ...server };
}

/**
 * Reads where the server listens, who may ask and how much. Whether there is a key at all, which it
 * needs beyond loopback, only the database can tell. Throws one ConfigError with every problem.
 */
export function readServerConfig(env: Environment): ServerConfig {
  const problems: string[] = [];
  const host = value(env, "HOST") ?? "127.0.0.1";
  const portText = value(env, "PORT") ?? "5000";
  const port = Number(portText);
  if (!/^\d+$/.test(portText) || port > 65535) {
    problems.push(`PORT is "${portText}": give a number between 0 and 65535.`);
  }
  const apiKeys = readApiKeys(value(env, "SERVER_API_KEYS"), problems);
  const sessionSecret = value(env, "SESSION_SECRET");
  if (sessionSecret !== undefined && sessionSecret.length < 32) {
    problems.push(
      "SESSION_SECRET is shorter than 32 characters: make one with openssl rand -hex 32.",
    );
  }
  const limits = readServerLimits(
    {
      SERVER_RATE_LIMIT: value(env, "SERVER_RATE_LIMIT"),
      SERVER_EXPORT_SECONDS: value(env, "SERVER_EXPORT_SECONDS"),
      READY_MAX_AGE_HOURS: value(env, "READY_MAX_AGE_HOURS"),
      TRUST_PROXY: value(env, "TRUST_PROXY"),
      LOG_LEVEL: value(env, "LOG_LEVEL"),
    },
    problems,
  );
  if (problems.length > 0) throw new ConfigError(problems);
  return { host, port, apiKeys, sessionSecret, ...limits };
}

/** A Metabase that is told of every publication. */
export type MetabaseConfig = {
  /** Without a slash at the end. */
  readonly url: string;
  readonly apiKey: string;
};

/**
 * Reads which Metabase to tell; undefined when none is named. Throws one ConfigError with every
 * problem; no message holds the key.
 */
export function readMetabaseConfig(env: Environment): MetabaseConfig | undefined {
  const problems: string[] = [];
  const address = value(env, "METABASE_URL");
  const apiKey = value(env, "METABASE_API_KEY");
  if (address === undefined && apiKey === undefined) return undefined;
  if (address === undefined || apiKey === undefined) {
    const [there, missing] =
      address === undefined
        ? ["METABASE_API_KEY", "METABASE_URL"]
        : ["METABASE_URL", "METABASE_API_KEY"];
    throw new ConfigError([`${there} is set and ${missing} is missing: set both, or none.`]);
  }
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || url.username !== "" || url.search !== "" || url.hash !== "") {
    problems.push(
      "METABASE_URL is not a plain address: give the one people open, like https://metabase.minhaempresa.com.br.",
    );
  } else if (
    url.protocol !== "https:" &&
    !(
      url.protocol === "http:" && /^(localhost|[^.]+|.*\.internal)$|^[\d.[\]:]+$/.test(url.hostname)
    )
  ) {
    problems.push(
      `METABASE_URL starts with ${url.protocol}// and would send its key in the clear: use https:// (http:// only inside a private network).`,
    );
  }
  if (!isHeaderText(apiKey)) {
    problems.push("METABASE_API_KEY holds blanks or characters that no key has: copy it again.");
  }
  if (problems.length > 0 || url === undefined) throw new ConfigError(problems);
  return { url: `${url.origin}${url.pathname}`.replace(/\/+$/, ""), apiKey };
}

/** When the worker runs. Throws one ConfigError with every problem. */
export function readScheduleConfig(env: Environment): Schedule {
  const problems: string[] = [];
  const texts = { SYNC_CRON: value(env, "SYNC_CRON"), SYNC_HOURS: value(env, "SYNC_HOURS") };
  const schedule = readSchedule(texts, problems);
  if (schedule === undefined) throw new ConfigError(problems);
  return schedule;
}

/**
 * Who is told of what goes wrong. Throws one ConfigError with every problem; no message holds a
 * password or the webhook's address.
 */
export function readAlertConfig(env: Environment): AlertSettings {
  const problems: string[] = [];
  const settings = readAlertSettings(
    {
      ALERT_EMAIL_USER: value(env, "ALERT_EMAIL_USER"),
      ALERT_EMAIL_PASSWORD: value(env, "ALERT_EMAIL_PASSWORD"),
      ALERT_EMAIL_FROM: value(env, "ALERT_EMAIL_FROM"),
      ALERT_EMAIL_TO: value(env, "ALERT_EMAIL_TO"),
      SMTP_URL: value(env, "SMTP_URL"),
      ALERT_WEBHOOK_URL: value(env, "ALERT_WEBHOOK_URL"),
      DASHBOARD_URL: value(env, "DASHBOARD_URL"),
      ALERT_STALE_HOURS: value(env, "ALERT_STALE_HOURS"),
      ALERT_DIGEST: value(env, "ALERT_DIGEST"),
    },
    problems,
  );
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}

export { isLoopback };

function value(env: Environment, name: Variable): string | undefined {
  const text = env[name]?.trim();
  return text === "" ? undefined : text;
}

/** Printable ASCII without blanks: what an HTTP header carries unchanged. */
function isHeaderText(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

function readSourceUrl(
  env: Environment,
  conta: string | undefined,
  problems: string[],
): string | undefined {
  const text = value(env, "CVCRM_API_URL");
  if (text === undefined) {
    return conta === undefined
      ? undefined
      : `https://${conta.toLowerCase()}.cvcrm.com.br/api/v1/cvdw`;
  }
  if (!URL.canParse(text)) {
    problems.push(
      "CVCRM_API_URL is not an address: give a full one, like https://minhaempresa.cvcrm.com.br/api/v1/cvdw.",
    );
    return undefined;
  }
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") {
    problems.push(
      "CVCRM_API_URL holds a user or a password: remove it, CVCRM_API_EMAIL and CVCRM_API_TOKEN say who asks.",
    );
  }
  if (url.search !== "" || url.hash !== "") {
    problems.push("CVCRM_API_URL holds a query: give only the base, up to /api/v1/cvdw.");
  }
  if (isLoopback(url.hostname) && isProduction(env)) {
    problems.push(
      "CVCRM_API_URL leads to this machine, where only an emulator answers, and RAILWAY_ENVIRONMENT=production: remove it, the account's own address is the default.",
    );
  } else if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    problems.push(
      `CVCRM_API_URL starts with ${url.protocol}// and would send the token in the clear: use https:// (http:// only to this machine).`,
    );
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

export type { RateLimit };

/** `name:scopes:sha256`, keys parted by commas, scopes by plus signs. */
function readApiKeys(text: string | undefined, problems: string[]): readonly ApiKey[] {
  if (text === undefined) return [];
  return text.split(",").map((entry, index) => {
    const [name = "", scopes = "", sha256 = ""] = entry.trim().split(":");
    if (name === "" || !/^[0-9a-f]{64}$/i.test(sha256)) {
      problems.push(
        `SERVER_API_KEYS, key ${index + 1}, is not name:scopes:sha256: the last part is the key's SHA-256, 64 hexadecimal digits.`,
      );
    }
    return { name, scopes: scopes.split("+").filter((scope) => scope !== ""), sha256 };
  });
}
