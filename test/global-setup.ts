import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { readDatabaseConfig } from "../runner/config.ts";
import { openDatabase } from "../runner/database.ts";
import { startEmbeddedPostgres } from "../runner/postgres/embedded.ts";
import { nativeDirectory } from "./native-directory.ts";
import { withConnection } from "./postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Connection string of the server's maintenance database. */
    testServer: string;
    /** A migrated database that test databases are cloned from. */
    testTemplate: string;
  }
}

/**
 * One server for the whole suite: DATABASE_URL_TEST, or an embedded one that is thrown away; and
 * in it one migrated template. PG_MAJOR=14…18 chooses the embedded version.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer();
  const template = `cvdw_template_${process.pid}`;
  await withConnection(server.url, (client) => client.query(`create database ${template}`));
  const templateUrl = new URL(server.url);
  templateUrl.pathname = `/${template}`;
  const database = await openDatabase(readDatabaseConfig({ DATABASE_URL: templateUrl.href }));
  await database.close();
  project.provide("testServer", server.url);
  project.provide("testTemplate", template);
  return async () => {
    await withConnection(server.url, (client) => client.query(`drop database ${template}`));
    await server.stop();
  };
}

async function startServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const given = process.env.DATABASE_URL_TEST;
  if (given !== undefined && given !== "") return { url: given, stop: async () => {} };
  const dataDir = mkdtempSync(path.join(tmpdir(), "cvdw-elt-test-"));
  const embedded = await startEmbeddedPostgres({
    dataDir,
    nativeDir: nativeDirectory(process.env.PG_MAJOR),
    // Nothing here outlives the suite, so nothing needs to reach the disk.
    settings: { fsync: "off", full_page_writes: "off", synchronous_commit: "off" },
  });
  return {
    url: embedded.url,
    stop: async () => {
      await embedded.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
