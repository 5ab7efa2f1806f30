import type { Invocation } from "../command.ts";
import { ConfigError } from "../errors.ts";
import { readDay } from "./as-of-landing.ts";
import { readEnvironmentName } from "./environment.ts";

/** The option of commands that can look into an environment. */
export const environmentOption = { env: { type: "string" } } as const;

/** The options of commands that build one. */
export const environmentOptions = { ...environmentOption, "as-of": { type: "string" } } as const;

export const environmentOptionHelp = "  --env <name>         in an environment (elt help env)";

export const environmentHelp = `  --env <name>         in schemas of that name, beside what is published (elt help env)
  --as-of <day>        with --env: as the source was known when that day ended in São Paulo`;

/** The environment that a call names; undefined for what is published. */
export function readEnvironmentOption({
  options,
}: Pick<Invocation, "options">): string | undefined {
  return typeof options.env === "string" ? readEnvironmentName(options.env) : undefined;
}

/**
 * The environment to build, and its day.
 * @throws ConfigError for a name or day that cannot be, and for a day without an environment
 */
export function readEnvironmentOptions(
  invocation: Pick<Invocation, "options">,
): { readonly name: string; readonly asOf: string | undefined } | undefined {
  const name = readEnvironmentOption(invocation);
  const { "as-of": day } = invocation.options;
  const asOf = typeof day === "string" ? readDay(day) : undefined;
  if (name !== undefined) return { name, asOf };
  if (asOf === undefined) return undefined;
  throw new ConfigError([
    `--as-of builds the past in an environment, never what is published: add --env and a name, e.g. --env em_${asOf.replaceAll("-", "_")}.`,
  ]);
}
