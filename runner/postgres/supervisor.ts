// A program of its own: it owns one cluster's server, and lives as long as somebody uses it. Every
// user holds a connection to it, which the kernel closes when the user dies, also by kill -9.
import { createServer, type Server } from "node:net";
import path from "node:path";
import { ConfigError } from "../errors.ts";
import { serverAccount } from "./account.ts";
import { findBinaries } from "./binaries.ts";
import { type Cluster, clusterUrl, ensureCluster } from "./cluster.ts";
import { type Answer, converse, goodbye, greeting } from "./conversation.ts";
import { acquireLease, type Lease } from "./lease.ts";
import { type Postmaster, startPostmaster } from "./postmaster.ts";
import type { Settings } from "./settings.ts";

/** What the program is started with, as JSON in its one argument. */
export type SupervisorTask = {
  readonly home: string;
  readonly nativeDir?: string;
  readonly settings: Settings;
  /** How long the server waits for the next user when the last one died without a word. */
  readonly lingerMs: number;
};

async function supervise(task: SupervisorTask): Promise<void> {
  // A terminal or a service manager signals everybody at once, and users still need the server.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  const server = createServer();
  const port = await listen(server);
  const lease = await acquireLease(task.home, port);
  // Whoever started this program reads one line: from here on somebody answers.
  process.stdout.on("error", () => {});
  process.stdout.write("listening\n");
  if (lease === undefined) process.exit(0);
  // The program that started this one holds its standard input until somebody has a connection.
  const users = new Set<NodeJS.ReadableStream>([process.stdin]);
  const start = startServer(task);
  let stopping = false;
  let timer: NodeJS.Timeout;

  async function stop(): Promise<void> {
    stopping = true;
    const started = await start;
    if (started.status === "ready") {
      started.postmaster.stop();
      await started.postmaster.ended;
    }
    // Closes what is left: users who wait for the end see it, users who just came start anew.
    process.exit(0);
  }
  function forget(user: NodeJS.ReadableStream): void {
    users.delete(user);
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (users.size === 0 && !stopping) void stop();
    }, task.lingerMs);
  }

  server.on("connection", async (socket) => {
    const user = converse(socket);
    const token = await user.next();
    if (!isToken(token, lease)) return user.end();
    user.send(greeting(lease.proof));
    users.add(socket).delete(process.stdin);
    user.onEnd(() => forget(socket));
    const { answer } = await start;
    if (stopping) return;
    user.send(answer);
    if ((await user.next()) !== goodbye) return;
    users.delete(socket);
    if (users.size > 0) user.end();
    else if (!stopping) await stop();
  });
  process.stdin.once("close", () => forget(process.stdin)).resume();

  const started = await start;
  if (started.status === "ready") {
    await started.postmaster.ended;
    // The server ended by itself: users notice that their connection here ends, and start anew.
    if (!stopping) process.exit(1);
  }
}

type Started =
  | { readonly status: "ready"; readonly answer: Answer; readonly postmaster: Postmaster }
  | { readonly status: "failed"; readonly answer: Answer };

async function startServer({ home, nativeDir, settings }: SupervisorTask): Promise<Started> {
  try {
    const data = path.join(home, "data");
    const account = serverAccount(data);
    const binaries = await findBinaries(nativeDir, account);
    const cluster: Cluster = { home, data, account, binaries };
    await ensureCluster(cluster);
    const postmaster = await startPostmaster(cluster, settings);
    const url = clusterUrl(home, postmaster.port);
    return {
      status: "ready",
      answer: { status: "ready", url, version: binaries.version },
      postmaster,
    };
  } catch (error) {
    return { status: "failed", answer: { status: "failed", problems: problemsOf(error) } };
  }
}

function problemsOf(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems;
  const reason = error instanceof Error ? error.message : String(error);
  return [`The embedded PostgreSQL did not start: ${reason}`];
}

function isToken(message: unknown, lease: Lease): boolean {
  return (
    typeof message === "object" &&
    message !== null &&
    "token" in message &&
    message.token === lease.token
  );
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

const [argument] = process.argv.slice(2);
if (argument !== undefined) await supervise(JSON.parse(argument));
