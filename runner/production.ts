import { ConfigError } from "./errors.ts";

/** Whether the environment says that others depend on this: then what is only for trying out is refused. */
export function isProduction(env: Readonly<Record<string, string | undefined>>): boolean {
  return env.RAILWAY_ENVIRONMENT?.trim() === "production";
}

/**
 * Refuses what is only for trying out.
 * @throws ConfigError in production
 */
export function refuseInProduction(
  env: Readonly<Record<string, string | undefined>>,
  command: "demo" | "emulator",
): void {
  if (!isProduction(env)) return;
  throw new ConfigError([
    `elt ${command} makes data up, and RAILWAY_ENVIRONMENT=production: run it elsewhere, or without RAILWAY_ENVIRONMENT.`,
  ]);
}
