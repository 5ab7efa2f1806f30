import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";

/** A migrated, empty database of its own. */
export type TestDatabase = {
  readonly url: string;
  readonly pool: pg.Pool;
  /** Closes the pool and drops the database, also under open connections. */
  drop(): Promise<void>;
};

/**
 * Clones the migrated template: some tens of milliseconds. One per test file is the rule:
 *
 *     const database = await createTestDatabase();
 *     afterAll(() => database.drop());
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  return createFrom(inject("testTemplate"));
}

/** Runs on a database of its own, for a test that cannot share its file's. */
export async function withTestDatabase(
  run: (database: TestDatabase) => Promise<void>,
): Promise<void> {
  const database = await createTestDatabase();
  try {
    await run(database);
  } finally {
    await database.drop();
  }
}

/** A database without any of our schemas, for tests of the migrations themselves. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  return createFrom("template0");
}

/** A copy of a database that nobody is connected to. */
export async function cloneDatabase(name: string): Promise<TestDatabase> {
  return createFrom(name);
}

async function createFrom(template: string): Promise<TestDatabase> {
  const server = inject("testServer");
  const name = `cvdw_test_${randomBytes(6).toString("hex")}`;
  await withConnection(server, async (client) => {
    const { rows } = await client.query("select current_setting('server_version_num')::int as v");
    // Copying files is several times faster for a small database; 14 knows no other way.
    const strategy = rows[0].v >= 150_000 ? "strategy file_copy" : "";
    await client.query(`create database ${name} template ${template} ${strategy}`);
  });
  const url = new URL(server);
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href });
  // A test may end the server's side of a connection on purpose.
  pool.on("error", () => {});
  return {
    url: url.href,
    pool,
    drop: async () => {
      await pool.end();
      await withConnection(server, (client) => client.query(`drop database ${name} with (force)`));
    },
  };
}

/** Runs something on a connection of its own. */
export async function withConnection<Result>(
  url: string,
  run: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}
