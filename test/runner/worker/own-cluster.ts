import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { readDatabaseConfig } from "../../../runner/config.ts";
import { openDatabase } from "../../../runner/database.ts";
import { serverAccount } from "../../../runner/postgres/account.ts";
import { findBinaries } from "../../../runner/postgres/binaries.ts";
import { type Cluster, clusterUrl, ensureCluster } from "../../../runner/postgres/cluster.ts";
import { startPostmaster } from "../../../runner/postgres/postmaster.ts";
import type { Settings } from "../../../runner/postgres/settings.ts";
import { nativeDirectory } from "../../native-directory.ts";
import { withConnection } from "../../postgres.ts";

/** A PostgreSQL of a test's own, to be killed, stopped and started as it likes. */
export type OwnCluster = {
  readonly url: string;
  readonly data: string;
  /** Of the test; it must be asked again for a connection after each end of the server. */
  readonly pool: pg.Pool;
  /** The server's own process. */
  readonly pid: () => number;
  /** Signals the server (SIGKILL: kill -9, SIGINT: fast, SIGQUIT: immediate shutdown). */
  readonly end: (signal: "SIGKILL" | "SIGINT" | "SIGQUIT") => void;
  /** Ends whatever is left of it. */
  readonly quit: () => void;
  /** Starts it again, as soon as the former one has ended. */
  readonly start: () => Promise<void>;
  /** Whatever the server wrote into its log. */
  readonly log: () => string;
  readonly remove: () => Promise<void>;
};

/** A file system of a size of its own, in memory. */
export type SmallDisk = {
  readonly folder: string;
  /** Leaves nothing free. */
  readonly fill: () => void;
  /** Makes room again. */
  readonly empty: () => void;
  readonly unmount: () => void;
};

/** Whether this process may mount a small disk: root that has not lost the right. */
export function mayMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(path.join(tmpdir(), "elt-mount-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], { stdio: "ignore" });
    execFileSync("umount", [folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Mounts a disk of so many megabytes. */
export function mountSmallDisk(megabytes: number): SmallDisk {
  const folder = mkdtempSync(path.join(tmpdir(), "elt-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder]);
  chmodSync(folder, 0o777);
  const ballast = path.join(folder, "ballast");
  return {
    folder,
    fill: () => {
      const file = openSync(ballast, "a");
      try {
        // Others write, too: what is free is not known until nothing goes in any more.
        for (const size of [1 << 20, 1 << 12]) fillWith(file, Buffer.alloc(size));
      } finally {
        closeSync(file);
      }
    },
    empty: () => rmSync(ballast, { force: true }),
    unmount: () => {
      execFileSync("umount", ["--lazy", folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function fillWith(file: number, block: Buffer): void {
  try {
    for (;;) writeSync(file, block);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
}

/**
 * Makes a cluster and a migrated database in it.
 * @param options.folder where its data lies; a temporary folder without
 * @param options.walFolder where its pg_wal lies, when that is elsewhere
 */
export async function createOwnCluster(
  options: {
    readonly folder?: string;
    readonly walFolder?: string;
    readonly settings?: Settings;
  } = {},
): Promise<OwnCluster> {
  const home = mkdtempSync(path.join(options.folder ?? tmpdir(), "cvdw-elt-own-"));
  chmodSync(home, 0o755);
  const data = path.join(home, "data");
  const account = serverAccount(data);
  const binaries = await findBinaries(nativeDirectory(process.env.PG_MAJOR), account);
  const cluster: Cluster = { home, data, account, binaries };
  await ensureCluster(cluster);
  if (options.walFolder !== undefined) moveWal(cluster, options.walFolder);
  const settings = { fsync: "off", shared_buffers: "32MB", ...options.settings };
  const started = async () => {
    const postmaster = await startPostmaster(cluster, settings);
    return { pid: pidOf(data), ended: postmaster.ended, port: postmaster.port };
  };
  let server = await started();
  const url = clusterUrl(home, server.port);
  const database = await openDatabase(readDatabaseConfig({ DATABASE_URL: url }));
  await database.close();
  const pool = new pg.Pool({ connectionString: url });
  pool.on("error", () => undefined);
  const quit = () => {
    try {
      process.kill(server.pid, "SIGQUIT");
    } catch {
      // It has ended already.
    }
  };
  return {
    url,
    data,
    pool,
    pid: () => server.pid,
    end: (signal) => process.kill(server.pid, signal),
    quit,
    start: async () => {
      await server.ended;
      server = await started();
    },
    log: () => readFileSync(path.join(home, "server.log"), "utf8"),
    remove: async () => {
      await pool.end();
      quit();
      await server.ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function moveWal({ data, account }: Cluster, folder: string): void {
  const target = path.join(folder, "pg_wal");
  const wal = path.join(data, "pg_wal");
  mkdirSync(target);
  execFileSync("cp", ["-a", `${wal}/.`, target]);
  if (account !== undefined) chownSync(target, account.uid, account.gid);
  chmodSync(target, 0o700);
  renameSync(wal, `${wal}.before`);
  rmSync(`${wal}.before`, { recursive: true });
  symlinkSync(target, wal);
}

function pidOf(data: string): number {
  return Number(readFileSync(path.join(data, "postmaster.pid"), "utf8").split("\n")[0]);
}

/** Resolves once the query gives a row; each look waits a moment inside of the server. */
export async function untilThereIs(url: string, text: string): Promise<void> {
  await withConnection(url, async (client) => {
    for (;;) {
      const { rows } = await client.query(text);
      if (rows.length > 0) return;
      await client.query("select pg_sleep(0.01)");
    }
  });
}
