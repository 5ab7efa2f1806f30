import pg from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { checkPooling, directAddress } from "../../../runner/doctor/check-pooling.ts";
import { createTestDatabase } from "../../postgres.ts";
import { pgbouncer, withPgbouncer } from "./pgbouncer.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());

async function look(url: string) {
  const pool = new pg.Pool({ connectionString: url });
  pool.on("error", () => undefined);
  try {
    return await checkPooling(pool, url);
  } finally {
    await pool.end();
  }
}

test("a connection to the database itself is a session of it, and all features work", async () => {
  expect(await look(database.url)).toEqual([
    {
      check: "session features",
      status: "ok",
      message: "LISTEN, advisory locks and temporary tables work.",
    },
    { check: "sessions", status: "ok", message: "Each connection is a session of the database." },
  ]);
});

describe.skipIf(pgbouncer === undefined)("behind PgBouncer", () => {
  test.each([5, 2])("transaction mode is told, with %s sessions", async (size) => {
    const [found, ...others] = await withPgbouncer(database.url, "transaction", size, look);
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      check: "sessions",
      status: "fail",
      message: expect.stringMatching(/another session.*locks.*LISTEN/s),
      fix: expect.stringContaining("5432"),
    });
  });

  test("transaction mode is told also when there is a single session", async () => {
    const [found] = await withPgbouncer(database.url, "transaction", 1, look);
    expect(found).toMatchObject({ status: "fail", message: expect.stringContaining("no session") });
  });

  test("session mode is good, and told to be a proxy's", async () => {
    expect(await withPgbouncer(database.url, "session", 5, look)).toMatchObject([
      { status: "ok", check: "session features" },
      { status: "ok", message: expect.stringContaining("keeps each connection's session") },
    ]);
  });
});

test.each([
  ["ep-cool-night-123-pooler.sa-east-1.aws.neon.tech", "host ep-cool-night-123.sa-east-1.aws"],
  ["aws-0-sa-east-1.pooler.supabase.com:6543", "Supabase's session pooler"],
  ["db.example.com:6432", "pool_mode = session"],
])("the way around the pooler at %s is told", (host, way) => {
  expect(directAddress(`postgresql://u:hunter2@${host}/x`)).toContain(way);
  expect(directAddress(`postgresql://u:hunter2@${host}/x`)).not.toContain("hunter2");
});
