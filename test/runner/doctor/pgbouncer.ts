import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectTo, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

/** PgBouncer is no npm package: its program is PGBOUNCER, or on the path, or not there. */
export const pgbouncer: string | undefined = [process.env.PGBOUNCER ?? "", "pgbouncer"].find(
  (program) => program !== "" && spawnSync(program, ["--version"]).status === 0,
);

/** Starts a PgBouncer before a database, for as long as `work` takes. */
export async function withPgbouncer<T>(
  database: string,
  mode: "session" | "transaction",
  poolSize: number,
  work: (url: string) => Promise<T>,
): Promise<T> {
  const { hostname, port, username, password, pathname } = new URL(database);
  const folder = mkdtempSync(path.join(tmpdir(), "elt-pgbouncer-"));
  const listenPort = await freePort();
  const name = pathname.slice(1);
  writeFileSync(path.join(folder, "users"), `"${username}" "${decodeURIComponent(password)}"\n`);
  writeFileSync(
    path.join(folder, "pgbouncer.ini"),
    [
      "[databases]",
      `${name} = host=${hostname} port=${port} user=${username}`,
      "[pgbouncer]",
      "listen_addr = 127.0.0.1",
      `listen_port = ${listenPort}`,
      "unix_socket_dir =",
      "auth_type = plain",
      `auth_file = ${path.join(folder, "users")}`,
      `pool_mode = ${mode}`,
      `default_pool_size = ${poolSize}`,
      "ignore_startup_parameters = extra_float_digits",
    ].join("\n"),
  );
  const isRoot = process.getuid?.() === 0;
  if (isRoot) spawnSync("chown", ["-R", "65534:65534", folder]);
  const child = spawn(pgbouncer ?? "pgbouncer", [path.join(folder, "pgbouncer.ini")], {
    stdio: "ignore",
    ...(isRoot ? { uid: 65_534, gid: 65_534 } : {}),
  });
  const ended = once(child, "exit");
  try {
    await listens(listenPort, child);
    return await work(`postgresql://${username}:${password}@127.0.0.1:${listenPort}/${name}`);
  } finally {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function listens(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`PgBouncer ended with ${child.exitCode}.`);
    const socket = connectTo(port, "127.0.0.1");
    const answer = await Promise.race([
      once(socket, "connect").then(() => "there"),
      once(socket, "error").then(() => "away"),
    ]).catch(() => "away");
    socket.destroy();
    if (answer === "there") return;
  }
}
