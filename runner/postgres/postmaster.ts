import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ConfigError } from "../errors.ts";
import { type Cluster, changePort, clusterPort, handOver, serverEnvironment } from "./cluster.ts";
import { type Settings, settingArguments } from "./settings.ts";

/** A running server. */
export type Postmaster = {
  readonly port: number;
  /** Settles when the server has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Asks for a fast shutdown: open transactions are rolled back and connections closed. */
  stop(): void;
};

/** What the server writes down about itself in `postmaster.pid`. */
type PidFile = { readonly pid: number; readonly port: number; readonly status: string };

/** How often a file that the server changes is looked at. */
const pollMs = 20;
const largestLog = 5 * 1024 * 1024;
const portAttempts = 10;
const orphanAttempts = 50;
const orphanWaitMs = 200;

/**
 * Starts the cluster's server, or adopts the one that an earlier supervisor left behind, and
 * resolves when it accepts connections. Throws ConfigError with the server's own reason.
 */
export async function startPostmaster(cluster: Cluster, settings: Settings): Promise<Postmaster> {
  const adopted = await adoptPostmaster(cluster);
  if (adopted !== undefined) return adopted;
  let reason = "";
  let orphans = 0;
  for (let attempt = 0; attempt < portAttempts; ) {
    const started = await launch(cluster, settings);
    if (started.status === "running") return started.postmaster;
    reason = started.reason;
    if (started.because === "port-taken") {
      changePort(cluster.home);
      attempt += 1;
    } else if (started.because === "orphans" && orphans < orphanAttempts) {
      // Processes of a killed server notice its death within moments.
      orphans += 1;
      await delay(orphanWaitMs);
    } else break;
  }
  throw new ConfigError([
    `The embedded PostgreSQL did not start: ${reason} (its log: ${logFile(cluster)})`,
  ]);
}

type Launch =
  | { readonly status: "running"; readonly postmaster: Postmaster }
  | {
      readonly status: "failed";
      readonly because: "port-taken" | "orphans" | "other";
      readonly reason: string;
    };

async function launch(cluster: Cluster, settings: Settings): Promise<Launch> {
  const { data, account, binaries } = cluster;
  const port = clusterPort(cluster.home);
  const log = openLog(cluster);
  const logStart = statSync(logFile(cluster)).size;
  const { name, descriptors } = handOver(data, account);
  const child = spawn(binaries.postgres, ["-D", name, ...settingArguments(port, settings)], {
    ...account,
    env: serverEnvironment(),
    stdio: ["ignore", log, log, ...descriptors],
  });
  for (const descriptor of [log, ...descriptors]) closeSync(descriptor);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  if (await becomesReady(cluster, child)) {
    const stop = () => {
      child.kill("SIGINT");
    };
    return { status: "running", postmaster: { port, ended, stop } };
  }
  await ended;
  if (child.signalCode !== null) {
    const reason = `it was killed with ${child.signalCode}, perhaps because memory ran out.`;
    return { status: "failed", because: "other", reason };
  }
  const output = readFileSync(logFile(cluster)).subarray(logStart).toString();
  return { status: "failed", because: classify(output), reason: reasonIn(output) };
}

async function becomesReady(cluster: Cluster, child: ChildProcess): Promise<boolean> {
  let failed = false;
  child.once("error", () => {
    failed = true;
  });
  while (!failed && child.exitCode === null && child.signalCode === null) {
    const file = readPidFile(cluster);
    if (file?.pid === child.pid && file?.status === "ready") return true;
    await delay(pollMs);
  }
  return false;
}

function classify(output: string): "port-taken" | "orphans" | "other" {
  if (/Address already in use|could not create any TCP\/IP sockets/.test(output)) {
    return "port-taken";
  }
  return output.includes("pre-existing shared memory block") ? "orphans" : "other";
}

/** The last thing that the server complained about, without time and process. */
function reasonIn(output: string): string {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const line = lines.findLast((text) => /(FATAL|PANIC):/.test(text)) ?? lines.at(-1);
  if (line === undefined) return "it ended without a word.";
  return line.replace(/^.*?(FATAL|PANIC|LOG): +/, "");
}

async function adoptPostmaster(cluster: Cluster): Promise<Postmaster | undefined> {
  for (;;) {
    const file = readPidFile(cluster);
    if (file === undefined) return undefined;
    if (!(await isRunning(file))) {
      disown(cluster, file.pid);
      return undefined;
    }
    if (file.status === "ready") {
      const stop = () => {
        process.kill(file.pid, "SIGINT");
      };
      return { port: file.port, ended: endOf(file), stop };
    }
    // Starting, or on its way out: wait for what it becomes.
    await delay(pollMs);
  }
}

/**
 * A killed server leaves its number behind, and the next one refuses to start when a process has
 * that number now, also a dead one that nobody has reaped: in containers both are common. It
 * ignores its parent's number there. The rest of the file must stay, because it leads the server
 * to processes that still use the data.
 */
function disown(cluster: Cluster, pid: number): void {
  const file = pidFilePath(cluster);
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(new RegExp(`^${pid}\\b`), String(process.pid)));
}

async function endOf(file: PidFile): Promise<void> {
  while (await isRunning(file)) await delay(pollMs * 5);
}

/**
 * Whether the server that wrote the file runs: its arguments name the same port. A number alone
 * proves nothing, it may have passed to another process.
 */
async function isRunning({ pid, port }: PidFile): Promise<boolean> {
  const commandLine = await readCommandLine(pid);
  return commandLine.includes("postgres") && commandLine.includes(`port=${port}`);
}

async function readCommandLine(pid: number): Promise<string> {
  if (process.platform === "linux") {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8");
    } catch {
      return "";
    }
  }
  return new Promise((resolve) => {
    execFile("ps", ["-o", "command=", "-p", String(pid)], (error, stdout) =>
      resolve(error === null ? stdout : ""),
    );
  });
}

/** What a data directory tells of its server: none, one that runs, or one that was killed. */
export async function postmasterState(
  cluster: Pick<Cluster, "data">,
): Promise<"none" | "running" | "killed"> {
  const file = readPidFile(cluster);
  if (file === undefined) return "none";
  return (await isRunning(file)) ? "running" : "killed";
}

function readPidFile(cluster: Pick<Cluster, "data">): PidFile | undefined {
  try {
    const lines = readFileSync(pidFilePath(cluster), "utf8").split("\n");
    const [pid, , , port, , , , status] = lines;
    return { pid: Number(pid), port: Number(port), status: status?.trim() ?? "" };
  } catch {
    return undefined;
  }
}

function pidFilePath({ data }: Pick<Cluster, "data">): string {
  return path.join(data, "postmaster.pid");
}

function logFile({ home }: Cluster): string {
  return path.join(home, "server.log");
}

function openLog(cluster: Cluster): number {
  const size = statSync(logFile(cluster), { throwIfNoEntry: false })?.size ?? 0;
  return openSync(logFile(cluster), size > largestLog ? "w" : "a", 0o600);
}
