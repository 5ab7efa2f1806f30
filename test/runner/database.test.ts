import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { readDatabaseConfig } from "../../runner/config.ts";
import { type Database, openDatabase } from "../../runner/database.ts";
import { ConfigError } from "../../runner/errors.ts";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "../postgres.ts";

let database: TestDatabase;
const opened: Database[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
afterAll(() => database.drop());

async function open(url: string): Promise<Database> {
  const one = await openDatabase(readDatabaseConfig({ DATABASE_URL: url }), {
    applicationName: "cvdw-elt test",
  });
  opened.push(one);
  return one;
}

async function refusalOf(url: string): Promise<string> {
  const refusal = await open(url).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(ConfigError);
  return String(refusal);
}

function variant(change: (url: URL) => void): string {
  const url = new URL(database.url);
  change(url);
  return url.href;
}

test("an open database answers under its application's name", async () => {
  const { pool } = await open(database.url);
  const { rows } = await pool.query("select current_setting('application_name') as name");
  expect(rows).toEqual([{ name: "cvdw-elt test" }]);
});

test("opening an empty database migrates it", async () => {
  const empty = await createEmptyDatabase();
  const { pool } = await open(empty.url);
  const { rows } = await pool.query("select to_regclass('elt.runs') is not null as migrated");
  expect(rows).toEqual([{ migrated: true }]);
  for (const one of opened.splice(0)) await one.close();
  await empty.drop();
});

test("losing an idle connection does not end the program, and the next query has another", async () => {
  const { pool } = await open(database.url);
  const { rows } = await pool.query("select pg_backend_pid() as pid");
  const lost = once(pool, "error");
  await database.pool.query("select pg_terminate_backend($1)", [rows[0].pid]);
  await lost;
  expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
});

describe("a database that cannot be used is refused with a sentence", () => {
  test("when nothing listens there", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    server.close();
    await once(server, "close");
    const refusal = await refusalOf(`postgresql://elt:hunter2@127.0.0.1:${port}/cvdw`);
    expect(refusal).toContain(`No PostgreSQL answers at 127.0.0.1:${port}`);
    expect(refusal).not.toContain("hunter2");
  });

  test("when the host has no address", async () => {
    expect(await refusalOf("postgresql://elt:hunter2@no-such-host.invalid/cvdw")).toContain(
      "no-such-host.invalid:5432 has no address",
    );
  });

  test("when the password is wrong", async () => {
    const refusal = await refusalOf(
      variant((url) => {
        url.password = "hunter2";
      }),
    );
    expect(refusal).toContain("refused the password of user");
    expect(refusal).not.toContain("hunter2");
  });

  test.each(["", "hunter2"])(
    "when a password is asked for and user %j brings none",
    async (name) => {
      const refusal = await refusalOf(
        variant((url) => {
          url.password = "";
          if (name !== "") url.username = name;
        }),
      );
      expect(refusal).toContain("asks for the password of user");
      expect(refusal).toContain("DATABASE_URL has none: add it");
    },
  );

  test("when the server has no such database", async () => {
    const refusal = await refusalOf(
      variant((url) => {
        url.pathname = "/nowhere";
      }),
    );
    expect(refusal).toContain('has no database "nowhere"');
  });

  test("when it must be encrypted and the server offers no TLS", async () => {
    const { rows } = await database.pool.query("show ssl");
    if (rows[0].ssl === "on") return;
    const refusal = await refusalOf(
      variant((url) => {
        url.search = "?sslmode=require";
      }),
    );
    expect(refusal).toContain("offers no TLS");
  });

  test("when the user may not create schemas in it", async () => {
    const empty = await createEmptyDatabase();
    const role = `visitor_${process.pid}`;
    await empty.pool.query(`create role ${role} login password 'visitor'`);
    const url = new URL(empty.url);
    url.username = role;
    url.password = "visitor";
    expect(await refusalOf(url.href)).toMatch(/lacks a right to prepare database.*grant create/s);
    await empty.drop();
    await database.pool.query(`drop role ${role}`);
  });
});

test("a database that already has a schema of these names is left alone", async () => {
  const empty = await createEmptyDatabase();
  try {
    await empty.pool.query("create schema marts");
    expect(await refusalOf(empty.url)).toContain("already has a schema marts");
  } finally {
    await empty.drop();
  }
});

test("a database that cannot hold every character is refused", async () => {
  const name = `cvdw_latin_${process.pid}`;
  await database.pool.query(
    `create database ${name} encoding 'LATIN1' locale 'C' template template0`,
  );
  try {
    expect(
      await refusalOf(
        variant((url) => {
          url.pathname = `/${name}`;
        }),
      ),
    ).toContain("has the encoding LATIN1");
  } finally {
    await database.pool.query(`drop database ${name} with (force)`);
  }
});
