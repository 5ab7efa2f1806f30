import { execFile } from "node:child_process";
import {
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../../emulator/account.ts";
import { exemplo } from "../../../emulator/exemplo.ts";
import { defaultObjects, findObject } from "../../../extract/catalogue.ts";
import { readManifest } from "../../../runner/backup/manifest.ts";
import { restore } from "../../../runner/backup/restore.ts";
import { verifyFiles } from "../../../runner/backup/verify-files.ts";
import { ConfigError } from "../../../runner/errors.ts";
import { projectRoot } from "../../../runner/open-project.ts";
import { eltHere } from "../../elt-here.ts";
import { startElt } from "../../elt-process.ts";
import { buildModels, extractAccounts } from "../../pipeline.ts";
import { createTestDatabase, type TestDatabase, withTestDatabase } from "../../postgres.ts";

const database = await createTestDatabase();
const root = await mkdtemp(path.join(tmpdir(), "elt-backup-"));
const folder = path.join(root, "copia");
afterAll(async () => {
  await database.drop();
  await rm(root, { recursive: true, force: true });
});
const elt = (on: TestDatabase, ...args: string[]) => eltHere(args, { DATABASE_URL: on.url });
const objects = [
  ...defaultObjects,
  ...["leads", "pessoas"].flatMap((name) => findObject(name) ?? []),
];
let account: Account;

/** Every row of every relation that matches, as texts. */
async function rowsOf(pool: Pool, schemas: readonly string[]): Promise<Record<string, unknown>> {
  const { rows: relations } = await pool.query<{ name: string }>(
    `select format('%I.%I', nspname, relname) as name
     from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace
     where relkind in ('r', 'v') and nspname = any ($1) order by 1`,
    [schemas],
  );
  const found: Record<string, unknown> = {};
  for (const { name } of relations) {
    const { rows } = await pool.query(
      `select count(*)::int as n, md5(string_agg(r::text, ' ' order by r::text)) as rows from ${name} as r`,
    );
    found[name] = rows[0];
  }
  return found;
}

const everything = ["landing", "seeds", "staging", "marts", "marts_pii"];

beforeAll(async () => {
  const { rows } = await database.pool.query("select elt.hoje()::text as hoje");
  account = exemplo({ hoje: rows[0].hoje });
  await extractAccounts(database, account, { objects });
  await buildModels(database);
  // Versions that follow each other, a record that is gone, one in quarantine.
  const [first, second, third] = [...account.records("reservas")].map(({ idreserva }) =>
    Number(idreserva),
  );
  account.edit("reservas", first ?? 0, { tipovenda: "Ação \\ \t\n 'x'" });
  account.edit("reservas", second ?? 0, { cliente: "Maria\u0000" });
  await extractAccounts(database, account, { objects });
  account.remove("reservas", third ?? 0);
  for (const _ of [1, 2])
    await extractAccounts(database, account, { objects, scan: { full: true } });
  await buildModels(database);
  await database.pool.query(
    "insert into elt.api_keys (name, sha256) values ('bi', repeat('a', 64))",
  );
  const { code, err } = await elt(database, "backup", folder);
  expect(err).toBe("");
  expect(code).toBe(0);
});

describe("a backup that is restored into an empty database", () => {
  test("gives every mart, view and version row for row after a build, and goes on reading", async () => {
    await withTestDatabase(async (empty) => {
      const { code, err } = await elt(empty, "restore", folder);
      expect(err).toBe("");
      expect(code).toBe(0);
      expect((await elt(empty, "build")).code).toBe(0);
      const restored = await rowsOf(empty.pool, everything);
      expect(restored).toEqual(await rowsOf(database.pool, everything));
      expect(restored["landing.reservas"]).not.toMatchObject({ n: 0 });
      for (const table of [
        "removals",
        "quarantine",
        "cursors",
        "fields",
        "secrets",
        "api_keys",
        "changes",
      ]) {
        const text = `select string_agg(r::text, ' ' order by r::text) as all from elt.${table} as r`;
        expect((await empty.pool.query(text)).rows).toEqual((await database.pool.query(text)).rows);
      }
      // Somebody forgotten from now on is in this backup, too.
      const { rows: known } = await empty.pool.query("select folder from elt.backups");
      expect(known).toEqual([{ folder }]);
      const { scans, requests } = await extractAccounts(empty, account, { objects });
      const results = [...scans.values()].flat();
      expect(results.map(({ newVersions }) => newVersions)).toEqual(results.map(() => 0));
      const wholly = new Set(
        results.filter(({ mode }) => mode === "full").map(({ object }) => object),
      );
      expect(wholly).not.toContain("reservas");
      expect(requests.length).toBeGreaterThan(0);
      expect(await rowsOf(empty.pool, ["landing"])).toEqual(
        await rowsOf(database.pool, ["landing"]),
      );
    });
  });

  test("numbers what comes next after what was there", async () => {
    await withTestDatabase(async (empty) => {
      await elt(empty, "restore", folder);
      const { rows } = await empty.pool.query(
        "select (select max(load_id) from elt.loads) < nextval('elt.loads_load_id_seq') as loads, (select max(run_id) from elt.runs) < nextval('elt.runs_run_id_seq') as runs, nextval('elt.publications_publication_id_seq')::int as publication, (select count(*)::int from elt.runs where finished_at is null) as open",
      );
      expect(rows).toEqual([{ loads: true, runs: true, publication: 3, open: 0 }]);
    });
  });

  test("has the same days where dates are written another way, and no reading goes on in it", async () => {
    const days = `
      select md5(string_agg(concat_ws(' ', chave, extract(epoch from referencia_data), extract(epoch from landed_at)), ';' order by chave, load_id, seq)) as days
      from landing.reservas`;
    const elsewhere = path.join(root, "outras-datas");
    const { rows: before } = await database.pool.query(days);
    const name = new URL(database.url).pathname.slice(1);
    await database.pool.query(`alter database ${name} set datestyle = 'SQL, DMY'`);
    await database.pool.query(
      "insert into elt.loads (conta, objeto, mode) values ('exemplo', 'leads', 'backfill')",
    );
    const { code, err } = await elt(database, "backup", elsewhere);
    await database.pool.query(`alter database ${name} reset datestyle`);
    await database.pool.query("delete from elt.loads where verdict = 'running'");
    expect([code, err]).toEqual([0, ""]);
    await withTestDatabase(async (empty) => {
      expect((await elt(empty, "restore", elsewhere)).code).toBe(0);
      expect((await empty.pool.query(days)).rows).toEqual(before);
      const { rows } = await empty.pool.query(
        "select verdict, error from elt.loads where mode = 'backfill'",
      );
      expect(rows).toEqual([
        { verdict: "failed", error: "was under way when the backup was made" },
      ]);
    });
  });

  test("is refused by a database that is not, and leaves it as it was", async () => {
    const before = await rowsOf(database.pool, [...everything, "elt"]);
    const { code, err } = await elt(database, "restore", folder);
    expect(code).toBe(2);
    expect(err).toContain("This database is not empty");
    expect(await rowsOf(database.pool, [...everything, "elt"])).toEqual(before);
  });
});

/** A copy of the backup that a test may damage. */
async function copyOf(name: string): Promise<string> {
  const copy = path.join(root, name);
  await cp(folder, copy, { recursive: true });
  return copy;
}

/** As a program of before wrote it, which gave it no checksum. */
async function changeManifest(of: string, change: (manifest: Record<string, unknown>) => object) {
  const file = path.join(of, "manifest.json");
  const { sha256: _, ...manifest } = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...manifest, ...change(manifest) }));
}

const isEmpty = async ({ pool }: TestDatabase) =>
  (await pool.query("select count(*)::int as n from elt.loads")).rows[0].n === 0;

describe("elt restore refuses with exit 2, a sentence and an untouched database", () => {
  let empty: TestDatabase;
  beforeAll(async () => {
    empty = await createTestDatabase();
  });
  afterAll(() => empty.drop());

  test.each([
    ["a folder that holds none", async () => root, "There is no backup in"],
    [
      "one byte that changed",
      async () => {
        const copy = await copyOf("byte");
        const file = path.join(copy, "landing.reservas.copy.gz");
        const bytes = await readFile(file);
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
        await writeFile(file, bytes);
        return copy;
      },
      "landing.reservas.copy.gz holds other bytes than were written",
    ],
    [
      "a file that is missing",
      async () => {
        const copy = await copyOf("missing");
        await rm(path.join(copy, "elt.cursors.copy.gz"));
        return copy;
      },
      "elt.cursors.copy.gz is missing",
    ],
    [
      "a file that was cut",
      async () => {
        const copy = await copyOf("cut");
        await writeFile(path.join(copy, "landing.unidades.copy.gz"), "x");
        return copy;
      },
      "landing.unidades.copy.gz has 1 bytes, and had",
    ],
    [
      "a newer version's backup",
      async () => {
        const copy = await copyOf("newer");
        await changeManifest(copy, ({ migrations }) => ({
          migrations: [...(migrations as string[]), "9999-future.sql"],
        }));
        return copy;
      },
      "was made by a newer version of the program (it has 9999-future.sql)",
    ],
    [
      "another format",
      async () => {
        const copy = await copyOf("format");
        await changeManifest(copy, () => ({ format: 2 }));
        return copy;
      },
      "has format 2, and this program reads 1",
    ],
    [
      "a manifest that leads elsewhere",
      async () => {
        const copy = await copyOf("elsewhere");
        await changeManifest(copy, ({ tables }) => ({
          tables: (tables as object[]).map((table) => ({ ...table, file: "../copia/x" })),
        }));
        return copy;
      },
      "is damaged: it is no list of a backup's tables",
    ],
    [
      "a manifest in which one character changed",
      async () => {
        const copy = await copyOf("character");
        const file = path.join(copy, "manifest.json");
        const text = await readFile(file, "utf8");
        await writeFile(file, text.replace(/"createdAt": "20/, '"createdAt": "21'));
        return copy;
      },
      "is damaged: it is no list of a backup's tables, or not as it was written",
    ],
    [
      "a count that is not the file's",
      async () => {
        const copy = await copyOf("count");
        await changeManifest(copy, ({ tables }) => ({
          tables: (tables as { rows: number }[]).map((table) => ({
            ...table,
            rows: table.rows + 1,
          })),
        }));
        return copy;
      },
      "the manifest is damaged, and nothing was restored",
    ],
  ])("%s", async (_, make, sentence) => {
    const { code, err } = await elt(empty, "restore", await make());
    expect(err).toContain(sentence);
    expect(err).not.toMatch(/\n\s+at /);
    expect(code).toBe(2);
    expect(await isEmpty(empty)).toBe(true);
  });
});

test("a file that changes after it was checked is not restored", async () => {
  await withTestDatabase(async (empty) => {
    const copy = await copyOf("later");
    const manifest = await readManifest(copy);
    await verifyFiles(copy, manifest);
    const file = path.join(copy, "landing.reservas.copy.gz");
    const rows = gunzipSync(await readFile(file)).toString();
    await writeFile(file, gzipSync(rows.replace("exemplo", "outra00")));
    const told = () => undefined;
    await expect(restore(empty.pool, copy, manifest, { told })).rejects.toThrow(
      "landing.reservas.copy.gz is not what was checked a moment ago",
    );
    await writeFile(file, "no gzip");
    await expect(restore(empty.pool, copy, manifest, { told })).rejects.toThrow(ConfigError);
    expect(await isEmpty(empty)).toBe(true);
  });
});

describe("elt backup", () => {
  test("writes files that only its user may read", async () => {
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    const files = await readdir(folder);
    expect(files).toContain("manifest.json");
    for (const file of files)
      expect((await stat(path.join(folder, file))).mode & 0o777).toBe(0o600);
    const { out } = await elt(database, "restore", folder, "--check", "--json");
    expect(JSON.parse(out)).toMatchObject({ accounts: ["exemplo"], restored: false });
  });

  test("is written down, so that a receipt can name it", async () => {
    const { rows } = await database.pool.query(
      "select folder, row_count > 0 as filled from elt.backups",
    );
    expect(rows).toContainEqual({ folder, filled: true });
  });

  test("never writes over anything", async () => {
    const { code, err } = await elt(database, "backup", folder);
    expect(code).toBe(2);
    expect(err).toContain("already holds a backup");
    await mkdir(path.join(root, "outra"));
    await copyFile(path.join(folder, "manifest.json"), path.join(root, "outra", "notas.txt"));
    expect((await elt(database, "backup", path.join(root, "outra"))).err).toContain("is not empty");
  });

  test("that is killed in the middle leaves what looks like none", async () => {
    const killed = path.join(root, "morta");
    const client = await database.pool.connect();
    try {
      await client.query("begin; lock table landing.unidades in access exclusive mode");
      const process = startElt(["backup", killed], { DATABASE_URL: database.url });
      // It waits for the lock with earlier tables on the disk.
      for (;;) {
        const { rows } = await database.pool.query(
          "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        );
        if (rows.length > 0) break;
      }
      process.process.kill("SIGKILL");
      await process.outcome;
    } finally {
      await client.query("rollback");
      client.release();
    }
    expect(await readdir(killed)).not.toContain("manifest.json");
    expect((await readdir(killed)).length).toBeGreaterThan(2);
    const { code, err } = await elt(database, "restore", killed);
    expect(code).toBe(2);
    expect(err).toContain("was not finished");
    expect((await elt(database, "backup", killed)).err).toContain("was not finished");
  });

  test("without room on the disk ends with exit 5 and a sentence, and is none", async () => {
    const full = path.join(root, "cheio");
    // The largest file that the shell allows stands for the end of the disk.
    const { code, err } = await new Promise<{ code: unknown; err: string }>((resolve) => {
      const env = { PATH: process.env.PATH, HOME: process.env.HOME, DATABASE_URL: database.url };
      execFile(
        "bash",
        ["-c", `trap '' XFSZ; ulimit -f 1; exec node bin/elt.js backup ${full}`],
        { cwd: projectRoot, env },
        (error, _, err) => resolve({ code: error?.code, err }),
      );
    });
    expect(err).toContain("There is no room left for the backup in");
    expect(code).toBe(5);
    expect(await readdir(full)).not.toContain("manifest.json");
  });
});
