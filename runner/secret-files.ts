import { readFileSync, statSync } from "node:fs";
import { ConfigError } from "./errors.ts";

type Texts = Readonly<Record<string, string | undefined>>;

/** Variables that hold a secret, or may: each can also be given as a file. */
export const fileVariables = [
  "CVCRM_API_EMAIL",
  "CVCRM_API_TOKEN",
  "DATABASE_URL",
  "SERVER_API_KEYS",
  "SESSION_SECRET",
  "METABASE_API_KEY",
  "ALERT_EMAIL_PASSWORD",
  "SMTP_URL",
  "ALERT_WEBHOOK_URL",
] as const;

const LONGEST = 100_000;

/**
 * The environment with the secrets that stand in files: `CVCRM_API_TOKEN_FILE=/run/secrets/token`, as
 * Docker, Kubernetes and systemd hand them out, instead of `CVCRM_API_TOKEN`. A line break at the
 * end is none of it.
 * @throws ConfigError with every problem; no message holds what a file holds
 */
export function withSecretFiles<Environment extends Texts>(env: Environment): Environment {
  const problems: string[] = [];
  const read: Record<string, string> = {};
  for (const name of fileVariables) {
    const variable = `${name}_FILE`;
    const file = env[variable]?.trim() ?? "";
    if (file === "") continue;
    if ((env[name]?.trim() ?? "") !== "") {
      problems.push(`${variable} and ${name} are both set: leave one of them out.`);
      continue;
    }
    const text = readSecret(file);
    if ("problem" in text) problems.push(`${variable} names ${file}, ${text.problem}`);
    else read[name] = text.secret;
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { ...env, ...read };
}

function readSecret(file: string): { readonly secret: string } | { readonly problem: string } {
  try {
    if (!statSync(file).isFile()) return { problem: "which is no file: name the file itself." };
    const secret = readFileSync(file, "utf8").trim();
    if (secret === "") return { problem: "which is empty: write the secret into it." };
    if (secret.length > LONGEST)
      return { problem: "which is too long for a secret: name another." };
    return { secret };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    return { problem: `which cannot be read (${code}): give this user the right to read it.` };
  }
}
