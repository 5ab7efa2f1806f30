import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Database, openDatabase } from "../runner/database.ts";

/** An empty, migrated database on the embedded PostgreSQL, gone when `work` is done. */
export async function withBenchDatabase(
  work: (database: Database) => Promise<void>,
): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "elt-bench-"));
  const database = await openDatabase({ kind: "embedded", dataDir });
  try {
    await work(database);
  } finally {
    await database.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}
