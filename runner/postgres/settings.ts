import { statfsSync } from "node:fs";

/** Server settings by name. */
export type Settings = Readonly<Record<string, string>>;

/**
 * Settings for loads and rebuilds on a small machine: memory for sorts and indexes, rare
 * checkpoints, less WAL. Nothing is traded for durability.
 */
const elt: Settings = {
  shared_buffers: "256MB",
  work_mem: "64MB",
  maintenance_work_mem: "256MB",
  max_wal_size: "4GB",
  checkpoint_timeout: "15min",
  wal_compression: "on",
  // There is no replica: rows copied into a table of the same transaction skip the WAL.
  wal_level: "minimal",
  max_wal_senders: "0",
  random_page_cost: "1.1",
  jit: "off",
  timezone: "UTC",
};

/**
 * Only this machine reaches the server, and the server's log holds no statement and no value: a
 * failed statement is reported to the program, which knows what may be written down.
 */
const always: Settings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  logging_collector: "off",
  log_destination: "stderr",
  log_line_prefix: "%m [%p] ",
  log_min_messages: "log",
  log_min_error_statement: "panic",
  log_checkpoints: "off",
  lc_messages: "C",
};

/** The server's arguments: our settings under the caller's. */
export function settingArguments(port: number, more: Settings): readonly string[] {
  const settings = { ...elt, ...sharedMemory(), ...more, ...always, port: String(port) };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** Containers give 64 MB of shared memory by default, which one parallel hash join overflows. */
function sharedMemory(): Settings {
  if (process.platform !== "linux") return {};
  try {
    const { bsize, blocks } = statfsSync("/dev/shm");
    if (bsize * blocks >= 512 * 1024 * 1024) return {};
  } catch {
    // No /dev/shm at all.
  }
  return { dynamic_shared_memory_type: "mmap" };
}
