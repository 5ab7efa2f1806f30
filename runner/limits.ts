/** At most `requests` in any `windowMs`. */
export type RateLimit = { readonly requests: number; readonly windowMs: number };

export const logLevels = ["silent", "error", "warn", "info"] as const;
/** Which lines of the server's log are written; each level has those before it, too. */
export type LogLevel = (typeof logLevels)[number];

/** How much the server gives, and to whom it answers; what is absent has a default of its own. */
export type ServerLimits = {
  /** Requests of one key. */
  readonly rateLimit?: RateLimit;
  /** The longest that one export may hold a connection to the database. */
  readonly exportMs?: number;
  /** Readiness is refused when the publication is older. */
  readonly readyMaxAgeMs?: number;
  /** Proxies in front of the server whose X-Forwarded-For and -Proto are believed. */
  readonly proxies?: number;
  readonly logLevel?: LogLevel;
};

type LimitVariable =
  | "SERVER_RATE_LIMIT"
  | "SERVER_EXPORT_SECONDS"
  | "READY_MAX_AGE_HOURS"
  | "TRUST_PROXY"
  | "LOG_LEVEL";

/** Reads the server's limits; adds a sentence to `problems` for each that is wrong. */
export function readServerLimits(
  texts: Readonly<Record<LimitVariable, string | undefined>>,
  problems: string[],
): ServerLimits {
  const number = (name: LimitVariable, unit: string, most: number): number | undefined => {
    const text = texts[name];
    if (text === undefined) return undefined;
    const found = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && found > 0 && found <= most) return found;
    problems.push(`${name} is "${text}": give ${unit}, above zero and at most ${most}.`);
    return undefined;
  };
  const rate = texts.SERVER_RATE_LIMIT;
  const rateLimit =
    rate === undefined ? undefined : readRateLimit("SERVER_RATE_LIMIT", rate, problems);
  const exportSeconds = number("SERVER_EXPORT_SECONDS", "seconds", 86_400);
  const maxAgeHours = number("READY_MAX_AGE_HOURS", "hours", 87_600);
  const proxies = readProxies(texts.TRUST_PROXY, problems);
  const logLevel = readLogLevel(texts.LOG_LEVEL, problems);
  return {
    ...(rateLimit === undefined ? {} : { rateLimit }),
    ...(exportSeconds === undefined ? {} : { exportMs: exportSeconds * 1000 }),
    ...(maxAgeHours === undefined ? {} : { readyMaxAgeMs: maxAgeHours * 3_600_000 }),
    ...(proxies === undefined ? {} : { proxies }),
    ...(logLevel === undefined ? {} : { logLevel }),
  };
}

/** Reads requests per seconds, like `20/60s`; adds a sentence to `problems` when it is not that. */
export function readRateLimit(
  name: string,
  text: string,
  problems: string[],
): RateLimit | undefined {
  const match = /^(\d{1,6})\s*\/\s*(\d{1,6})\s*s$/.exec(text);
  const requests = Number(match?.[1]);
  const seconds = Number(match?.[2]);
  if (match === null || requests === 0 || seconds === 0) {
    problems.push(`${name} is "${text}": give requests per seconds, like 20/60s, both above zero.`);
    return undefined;
  }
  return { requests, windowMs: seconds * 1000 };
}

function readProxies(text: string | undefined, problems: string[]): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d$/.test(text)) return Number(text);
  problems.push(
    `TRUST_PROXY is "${text}": give how many proxies stand in front of the server, 0 to 9.`,
  );
  return undefined;
}

function readLogLevel(text: string | undefined, problems: string[]): LogLevel | undefined {
  if (text === undefined) return undefined;
  const level = logLevels.find((each) => each === text.toLowerCase());
  if (level === undefined) problems.push(`LOG_LEVEL is "${text}": use ${logLevels.join(", ")}.`);
  return level;
}
