import type { Command, Invocation } from "../runner/command.ts";
import { ConfigError } from "../runner/errors.ts";
import { refuseInProduction } from "../runner/production.ts";
import type { Account } from "./account.ts";
import { exemplo } from "./exemplo.ts";
import { generateAccount } from "./generate-account.ts";
import type { RateLimit } from "./limiter.ts";
import { startEmulator } from "./server.ts";

export const command: Command = {
  help: `Usage: elt emulator [options]

Serves accounts like the real API: paths, paging, filters, limits and its oddities.

  --port <number>       where to listen on 127.0.0.1 (default 4010)
  --reservas <number>   size of the generated account \`gerada\` (default 2000, up to 1000000)
  --seed <number>       what the generated account is made from (default 1)
  --limit <n>/<s>s      requests in a sliding window (default 20/60s), or "none"
  --date-only           refuse a time of day in date filters, as some accounts do

Account \`exemplo\` (five sales, a known answer): e-mail exemplo@example.com, token exemplo-token.
Account \`gerada\`: e-mail gerada@example.com, token gerada-token.`,
  options: {
    port: { type: "string", default: "4010" },
    reservas: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    limit: { type: "string", default: "20/60s" },
    "date-only": { type: "boolean", default: false },
  },
  run,
};

async function run({ env, options, reporter, signal }: Invocation): Promise<number> {
  refuseInProduction(env, "emulator");
  const port = wholeNumber("--port", options.port, 0, 65_535);
  const limit = readLimit(String(options.limit));
  const clientLimit = limit === null ? "100000/1s" : `${limit.requests}/${limit.windowMs / 1000}s`;
  const emulator = await startEmulator({
    accounts: accountsOf(options),
    port,
    rateLimit: limit,
    dateMode: options["date-only"] ? "date-only" : "datetime",
  }).catch((error: unknown) => {
    const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    throw taken ? new ConfigError([`Port ${port} is taken: choose another with --port.`]) : error;
  });
  const settings = (conta: string) =>
    `  CVCRM_API_URL=${emulator.url} CVCRM_RATE_LIMIT=${clientLimit} CVCRM_ACCOUNT=${conta} CVCRM_API_EMAIL=${conta}@example.com CVCRM_API_TOKEN=${conta}-token npm run elt`;
  reporter.result(
    [
      `CVDW emulator at ${emulator.url}. Point a client at one of its accounts, here this program:`,
      "",
      settings("exemplo"),
      settings("gerada"),
      "",
      "Ctrl-C ends it.",
    ].join("\n"),
    { url: emulator.url },
  );
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  await emulator.close();
  return 0;
}

function accountsOf(options: Invocation["options"]): readonly Account[] {
  return [
    exemplo({ email: "exemplo@example.com", token: "exemplo-token" }),
    generateAccount({
      conta: "gerada",
      email: "gerada@example.com",
      token: "gerada-token",
      seed: wholeNumber("--seed", options.seed, 0, 2 ** 31 - 1),
      reservas: wholeNumber("--reservas", options.reservas, 1, 1_000_000),
    }),
  ];
}

function readLimit(text: string): RateLimit | null {
  if (text === "none") return null;
  const [, requests, seconds] = /^(\d+)\/(\d+)s$/.exec(text) ?? [];
  if (requests === undefined || seconds === undefined || Number(requests) * Number(seconds) === 0) {
    throw new ConfigError([
      `--limit is "${text}": give requests per seconds, like 20/60s, or none.`,
    ]);
  }
  return { requests: Number(requests), windowMs: Number(seconds) * 1000, blockMs: 60_000 };
}

function wholeNumber(name: string, text: unknown, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new ConfigError([`${name} is "${text}": give a whole number from ${min} to ${max}.`]);
  }
  return value;
}
