import { spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { ConfigError } from "../errors.ts";
import { type Account, canEnter } from "./account.ts";
import type { Binaries } from "./binaries.ts";

/** One cluster on disk: `home` holds the data directory, its password, its port and its logs. */
export type Cluster = {
  readonly home: string;
  readonly data: string;
  readonly account: Account | undefined;
  readonly binaries: Binaries;
};

/** The superuser, and the database that is made with the cluster. */
const role = "elt";
const database = "cvdw";

/** Below the ports that systems give to outgoing connections, so that it stays free between runs. */
const portRange = [20_000, 30_000] as const;

/**
 * Makes the cluster when its data directory is missing: about a second. Throws ConfigError when
 * the existing one belongs to another major version or initdb fails.
 */
export async function ensureCluster(cluster: Cluster): Promise<void> {
  const { home, data, account, binaries } = cluster;
  if (existsSync(data)) {
    const major = readFileSync(path.join(data, "PG_VERSION"), "utf8").trim();
    if (major === String(binaries.major)) return;
    throw new ConfigError([
      `${data} was made by PostgreSQL ${major}, and this is ${binaries.major}: install the package of ${major} again, or move the folder away and run a full extraction.`,
    ]);
  }
  // The server's account must pass through, and needs no more.
  chmodSync(home, account === undefined ? 0o700 : 0o711);
  const password = passwordFile(home);
  if (!existsSync(password)) {
    writeFileSync(password, randomBytes(24).toString("base64url"), { mode: 0o600 });
  }
  // An interrupted initdb leaves a directory that no server starts on, so it gets its name last.
  const unfinished = `${data}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  if (account !== undefined) {
    chownSync(unfinished, account.uid, account.gid);
    chownSync(password, account.uid, account.gid);
  }
  const initialize = (directory: string) => [
    ...["-D", directory, "--username", role],
    ...["--pwfile", `${directory}/../${path.basename(password)}`, "--auth=scram-sha-256"],
    ...["--encoding=UTF8", ...localeArguments(binaries.major)],
  ];
  await runProgram(cluster, unfinished, binaries.initdb, initialize);
  const alone = (directory: string) => ["--single", "-D", directory, "postgres"];
  await runProgram(cluster, unfinished, binaries.postgres, alone, `create database ${database};\n`);
  if (account !== undefined) chownSync(password, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  renameSync(unfinished, data);
}

/** A data directory as a server program gets it: its name, and what must be open while it starts. */
export type Handover = {
  readonly name: string;
  /** Follows standard input, output and error. */
  readonly descriptors: readonly number[];
};

/**
 * Hands the data directory to the server's account. When that cannot enter the directories above,
 * it inherits the open directory and reaches it through /proc: whoever has it needs no way to it.
 */
export function handOver(directory: string, account: Account | undefined): Handover {
  if (canEnter(path.dirname(directory), account)) return { name: directory, descriptors: [] };
  if (process.platform === "linux") {
    return { name: "/proc/self/fd/3", descriptors: [openSync(directory, "r")] };
  }
  throw new ConfigError([
    `PostgreSQL does not run as root, and other users cannot enter ${directory}: run as another user, or set DATABASE_URL.`,
  ]);
}

/** The port that the cluster listens on; it stays the same, so that BI tools find it again. */
export function clusterPort(home: string): number {
  const file = path.join(home, "port");
  return existsSync(file) ? Number(readFileSync(file, "utf8")) : changePort(home);
}

/** Chooses another port and remembers it. */
export function changePort(home: string): number {
  const port = randomInt(...portRange);
  writeFileSync(path.join(home, "port"), String(port));
  return port;
}

/** The connection string, with the password. */
export function clusterUrl(home: string, port: number): string {
  const password = readFileSync(passwordFile(home), "utf8");
  return `postgresql://${role}:${password}@127.0.0.1:${port}/${database}`;
}

function passwordFile(home: string): string {
  return path.join(home, "password");
}

/** Text is ordered by code point, the same on every machine, and lower() knows all of Unicode. */
function localeArguments(major: number): readonly string[] {
  if (major >= 17) return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
  return ["--locale=C", "--lc-ctype=C.UTF-8"];
}

async function runProgram(
  { account }: Cluster,
  directory: string,
  program: string,
  args: (directory: string) => readonly string[],
  input = "",
): Promise<void> {
  const { name, descriptors } = handOver(directory, account);
  const child = spawn(program, args(name), {
    ...account,
    env: serverEnvironment(),
    stdio: ["pipe", "pipe", "pipe", ...descriptors],
  });
  for (const descriptor of descriptors) closeSync(descriptor);
  child.stdin?.on("error", () => {}).end(input);
  const exit = new Promise<string | number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? signal ?? ""));
  });
  const [status, output, errors] = await Promise.all([
    exit,
    everything(child.stdout),
    everything(child.stderr),
  ]);
  // A stand-alone server ends with 0 also when a statement failed.
  if (status === 0 && !/\b(ERROR|FATAL|PANIC):/.test(errors)) return;
  const reason = lastLine(errors) ?? lastLine(output) ?? `exit ${status}`;
  throw new ConfigError([
    `${path.basename(program)} could not make the embedded PostgreSQL in ${directory}: ${reason}`,
  ]);
}

async function everything(stream: Readable | null): Promise<string> {
  return stream === null ? "" : text(stream);
}

function lastLine(output: string): string | undefined {
  const lines = output.split("\n").map((line) => line.trim());
  return (
    lines.findLast((line) => /\b(error|FATAL|PANIC|ERROR):/.test(line)) ?? lines.findLast(Boolean)
  );
}

/** No secret of the program reaches the server's environment. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const { PATH, TMPDIR, SystemRoot } = process.env;
  return {
    ...(PATH === undefined ? {} : { PATH }),
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
    ...(SystemRoot === undefined ? {} : { SystemRoot }),
    LC_ALL: "C",
  };
}
