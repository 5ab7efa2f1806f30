import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { ConfigError } from "../../runner/errors.ts";
import { migrate } from "../../runner/migrate.ts";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "../postgres.ts";

const shipped = path.join(import.meta.dirname, "..", "..", "runner", "migrations");
const files = readdirSync(shipped).sort();
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function emptyDatabase(): Promise<TestDatabase> {
  const database = await createEmptyDatabase();
  cleanups.push(database.drop);
  return database;
}

function migrationsWith(extra: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(path.join(tmpdir(), "cvdw-elt-migrations-"));
  cleanups.push(() => rmSync(directory, { recursive: true }));
  cpSync(shipped, directory, { recursive: true });
  for (const [name, text] of Object.entries(extra)) {
    writeFileSync(path.join(directory, name), text);
  }
  return directory;
}

test("an empty database gets every migration once, in the order of the names", async () => {
  const { pool } = await emptyDatabase();
  expect(await migrate(pool)).toEqual(files);
  expect(await migrate(pool)).toEqual([]);
  const { rows } = await pool.query("select name from elt.migrations order by applied_at");
  expect(rows.map((row) => row.name)).toEqual(files);
});

test("processes that migrate at once apply every migration exactly once between them", async () => {
  const { pool } = await emptyDatabase();
  const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(pool)));
  expect(applied.flat().sort()).toEqual(files);
});

test("a failing migration leaves nothing of itself behind, and the ones before it stay", async () => {
  const { pool } = await emptyDatabase();
  const broken = migrationsWith({
    "9998-broken.sql": "create table elt.half (id int); select 1 / 0;",
  });
  await expect(migrate(pool, broken)).rejects.toThrow("division by zero");
  const { rows } = await pool.query("select to_regclass('elt.half') as half");
  expect(rows).toEqual([{ half: null }]);
  expect(await migrate(pool)).toEqual([]);
});

test("a failed migration does not keep others waiting for its lock", async () => {
  const { pool } = await emptyDatabase();
  const broken = migrationsWith({ "9998-broken.sql": "select 1 / 0;" });
  await expect(migrate(pool, broken)).rejects.toThrow();
  const repaired = migrationsWith({ "9998-broken.sql": "create table elt.whole (id int);" });
  expect(await migrate(pool, repaired)).toEqual(["9998-broken.sql"]);
});

test("a database that a newer version migrated is refused and stays as it is", async () => {
  const { pool, drop } = await createTestDatabase();
  cleanups.push(drop);
  await migrate(pool, migrationsWith({ "9999-future.sql": "create table elt.future (id int);" }));
  const refusal = await migrate(pool).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(ConfigError);
  expect(String(refusal)).toContain("9999-future.sql");
  expect(String(refusal)).toContain("update the code");
});
