import { existsSync, readFileSync, statSync } from "node:fs";
import { parseEnv } from "node:util";
import {
  type Environment,
  readAlertConfig,
  readDatabaseConfig,
  readKeepChangesDays,
  readMetabaseConfig,
  readScheduleConfig,
  readServerConfig,
  readSourceConfig,
  variables,
} from "../config.ts";
import { collectProblems } from "../errors.ts";
import { nearName } from "../models/near-name.ts";
import { isProduction } from "../production.ts";
import { fileVariables } from "../secret-files.ts";
import { type Finding, failFrom, ok, warn } from "./finding.ts";

const known: ReadonlySet<string> = new Set([
  ...variables,
  ...fileVariables.map((name) => `${name}_FILE`),
]);

/** Beginnings that only this program's variables have. */
const ownPrefixes = /^(CVCRM|SYNC|ALERT)_/;

/**
 * Looks at everything that is read from the environment: all problems at once, names that were
 * probably meant otherwise, and `.env` itself. No value is told.
 * @param file the project's `.env`
 */
export function checkSettings(env: Environment, file: string): readonly Finding[] {
  const problems: string[] = [];
  for (const read of [
    readSourceConfig,
    readDatabaseConfig,
    readServerConfig,
    readMetabaseConfig,
    readScheduleConfig,
    readAlertConfig,
    readKeepChangesDays,
  ]) {
    collectProblems(problems, () => read(env));
  }
  const findings = [
    ...problems.map((problem) => failFrom(subjectOf(problem), problem)),
    ...misspelt(env),
    ...checkFile(env, file),
  ];
  const set = variables.filter((name) => (env[name]?.trim() ?? "") !== "");
  const mode = isProduction(env) ? ", production" : "";
  return problems.length > 0
    ? findings
    : [ok("environment", `${set.length} variables are set and make sense${mode}.`), ...findings];
}

function subjectOf(problem: string): string {
  return variables.find((name) => problem.startsWith(name)) ?? "environment";
}

function misspelt(env: Environment): readonly Finding[] {
  return Object.keys(env).flatMap((name) => {
    if (known.has(name) || !/^[A-Z][A-Z0-9_]*$/.test(name)) return [];
    const meant = nearName(name, variables);
    // Where the right one is set, another of nearly that name is another program's.
    const isNear = meant !== undefined && (env[meant] ?? "") === "" && name.length > 5;
    if (!isNear && !ownPrefixes.test(name)) return [];
    return [
      warn(
        name,
        "No variable of this program has that name.",
        meant === undefined
          ? "See .env.example for those there are."
          : `Did you mean ${meant}? See .env.example.`,
      ),
    ];
  });
}

function checkFile(env: Environment, file: string): readonly Finding[] {
  if (!existsSync(file)) return [ok(".env", "There is none: the environment alone counts.")];
  const findings: Finding[] = [];
  const { mode } = statSync(file);
  if (process.platform !== "win32" && (mode & 0o077) !== 0) {
    findings.push(
      warn(
        ".env",
        "Other users of this machine may read it, and it holds secrets.",
        "chmod 600 .env",
      ),
    );
  }
  const written = parseEnv(readFileSync(file, "utf8"));
  const overridden = Object.keys(written).filter(
    (name) => known.has(name) && env[name] !== written[name],
  );
  if (overridden.length > 0) {
    findings.push(
      warn(
        ".env",
        `The environment says otherwise of ${overridden.join(", ")}, and wins.`,
        "Unset them in the shell or service that starts the program, or take them out of .env.",
      ),
    );
  }
  return findings.length > 0 ? findings : [ok(".env", "It is read, by its owner alone.")];
}
