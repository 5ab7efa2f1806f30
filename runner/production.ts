import { ConfigError } from "./errors.ts";

/**
 * Whether the environment says that others depend on this: then what is only for trying out is
 * refused. Railway has called the variable by both names.
 */
export function isProduction(env: Readonly<Record<string, string | undefined>>): boolean {
  const names = [env.RAILWAY_ENVIRONMENT, env.RAILWAY_ENVIRONMENT_NAME];
  return names.some((name) => name?.trim() === "production");
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
