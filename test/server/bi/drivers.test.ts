import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eltHere } from "../../elt-here.ts";
import type { TestDatabase } from "../../postgres.ts";
import { createPublishedDatabase } from "../published.ts";

// Debian: odbc-postgresql unixodbc python3-pyodbc; libpostgresql-jdbc-java and a JDK.
const python = "/usr/bin/python3";
const jar = "/usr/share/java/postgresql.jar";
const hasOdbc = succeeds(python, [
  "-c",
  "import pyodbc; assert 'PostgreSQL Unicode' in pyodbc.drivers()",
]);
// The probe is run from its source, which takes more than a JRE.
const hasJdbc =
  existsSync(jar) && succeeds("sh", ["-c", "java --list-modules | grep -q jdk.compiler"]);
const skipped = (driver: string) => `${driver} (SKIPPED: its driver is not installed here)`;

function succeeds(program: string, args: readonly string[]): boolean {
  return spawnSync(program, [...args]).status === 0;
}

type Seen = {
  readonly tables: readonly string[];
  readonly comments: Readonly<Record<string, string | null>>;
  readonly columns: Readonly<Record<string, string | null>>;
  readonly keys: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly types: readonly string[];
  readonly refused: readonly string[];
};

const login = `bi_test_${randomBytes(4).toString("hex")}`;
const password = randomBytes(12).toString("hex");
let database: TestDatabase;
beforeAll(async () => {
  database = await createPublishedDatabase();
  await database.pool.query(`create role ${login} login password '${password}' in role bi_reader`);
});
afterAll(async () => {
  await database.pool.query(`drop role ${login}`);
  await database.drop();
});

function probe(program: string, args: readonly string[]): Seen {
  const { status, stdout, stderr } = spawnSync(program, [...args], {
    cwd: path.join(import.meta.dirname),
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Seen;
}

/** What every driver must see, whatever it calls the types. */
async function expectSeen(seen: Seen): Promise<void> {
  const { rows } = await database.pool.query(
    `select
         (select array_agg(table_name::text order by table_name)
          from information_schema.tables where table_schema = 'marts') as tables,
         (select json_object_agg(attname, col_description(attrelid, attnum))
          from pg_attribute
          where attrelid = 'marts.vendas'::regclass and attnum > 0) as columns,
         (select json_agg(
              array[reserva_id::text, valor::text, data_venda::text, numero_parcelas::text, cliente, corretor]
              order by reserva_id)
          from marts.vendas where conta = 'exemplo') as rows`,
  );
  expect(seen.tables.toSorted()).toEqual(rows[0].tables);
  expect(seen.columns).toEqual(rows[0].columns);
  expect(seen.keys).toEqual(["conta", "reserva_id"]);
  // The instant is written in each driver's own way.
  expect(seen.rows.map((row) => row.toSpliced(3, 1))).toEqual(rows[0].rows);
  expect(seen.refused).toEqual([
    "marts_pii.vendas",
    "staging.reservas",
    "landing.reservas",
    "elt.secrets",
  ]);
}

describe("a login that is a member of bi_reader", () => {
  test.skipIf(!hasOdbc)(
    hasOdbc ? "reads tables, columns, comments, keys and types by ODBC" : skipped("ODBC"),
    async () => {
      const { hostname, port, pathname } = new URL(database.url);
      const seen = probe(python, [
        "odbc-probe.py",
        `Driver={PostgreSQL Unicode};Server=${hostname};Port=${port};Database=${pathname.slice(1)};Uid=${login};Pwd=${password};BoolsAsChar=0`,
      ]);
      await expectSeen(seen);
      expect(seen.types).toEqual(["int", "Decimal", "date", "datetime", "int", "str", "bool"]);
    },
  );

  test.skipIf(!hasJdbc)(
    hasJdbc ? "reads tables, columns, comments, keys and types by JDBC" : skipped("JDBC"),
    async () => {
      const { host, pathname } = new URL(database.url);
      const url = `jdbc:postgresql://${host}${pathname}`;
      const seen = probe("java", [
        "-cp",
        jar,
        "-Dfile.encoding=UTF-8",
        "JdbcProbe.java",
        url,
        login,
        password,
      ]);
      await expectSeen(seen);
      // ODBC's driver tells none of a table.
      for (const comment of Object.values(seen.comments)) expect(comment).toMatch(/\p{L}{3}/u);
      expect(seen.types).toEqual([
        "java.lang.Long",
        "java.math.BigDecimal",
        "java.sql.Date",
        "java.sql.Timestamp",
        "java.lang.Integer",
        "java.lang.String",
        "java.lang.String",
      ]);
    },
  );
});

test("elt bi tells how to connect, in Portuguese, without a password, and changes nothing", async () => {
  const { port, pathname, password: own } = new URL(database.url);
  const env = { DATABASE_URL: database.url, PORT: "5612" };
  const before = await database.pool.query("select count(*)::int as n from pg_roles");
  const { code, out, err } = await eltHere(["bi"], env);
  expect([code, err]).toEqual([0, ""]);
  for (const wanted of [
    "Metabase",
    "Power BI",
    "Excel",
    port,
    pathname.slice(1),
    "bi_reader",
    login,
    "http://SERVIDOR:5612/api/docs",
  ]) {
    expect(out).toContain(wanted);
  }
  expect(out).toContain(`${login}: todas as contas, dados pessoais mascarados`);
  expect(own).not.toBe("");
  expect(out).not.toContain(own);
  const json = JSON.parse((await eltHere(["bi", "--json"], env)).out);
  expect(json).toMatchObject({
    port: Number(port),
    schema: "marts",
    logins: expect.arrayContaining([{ name: login, seesPersonalData: false, contas: [] }]),
  });
  expect(JSON.stringify(json)).not.toContain(own);
  const after = await database.pool.query("select count(*)::int as n from pg_roles");
  expect(after.rows).toEqual(before.rows);
});
