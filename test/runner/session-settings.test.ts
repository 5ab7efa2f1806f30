import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { tableFromIPC } from "apache-arrow";
import type { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../emulator/account.ts";
import { exemplo } from "../../emulator/exemplo.ts";
import { startEmulator } from "../../emulator/server.ts";
import { backUp } from "../../runner/backup/back-up.ts";
import { readDatabaseConfig } from "../../runner/config.ts";
import { openDatabase } from "../../runner/database.ts";
import { failureOf } from "../../runner/failure.ts";
import { findModel } from "../../runner/models/selection.ts";
import { showModel } from "../../runner/models/show-model.ts";
import { openProject } from "../../runner/open-project.ts";
import { compareMarts } from "../../runner/verify/compare-marts.ts";
import { eltHere } from "../elt-here.ts";
import { createEmptyDatabase, createTestDatabase, withConnection } from "../postgres.ts";
import { publishedRows } from "../published-rows.ts";
import { serve } from "../server/published.ts";
import { runHere } from "./run-here.ts";

/** What a server, a database or a role may be set to by somebody who did not think of this program. */
const odd = [
  "datestyle = 'German, DMY'",
  "intervalstyle = 'sql_standard'",
  "timezone = 'Asia/Tokyo'",
  "bytea_output = 'escape'",
  "extra_float_digits = -15",
  "standard_conforming_strings = off",
  "backslash_quote = on",
  "array_nulls = off",
  "transform_null_equals = on",
  "quote_all_identifiers = on",
  "client_encoding = 'LATIN1'",
  "search_path = 'nowhere'",
  "default_transaction_isolation = 'serializable'",
  "default_transaction_deferrable = on",
  "row_security = off",
  "statement_timeout = '250ms'",
  "lock_timeout = '1ms'",
  "idle_in_transaction_session_timeout = '2s'",
  "idle_session_timeout = '2s'",
  "lc_numeric = 'C'",
  "xmloption = 'document'",
  "check_function_bodies = off",
  "escape_string_warning = on",
] as const;

type Opened = { readonly pool: Pool; readonly account: Account };
const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

async function set(url: string, settings: readonly string[]): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  await withConnection(url, async (client) => {
    for (const setting of settings) await client.query(`alter database ${name} set ${setting}`);
  });
}

/** A run of the same account in a database of its own, migrated there, too. */
async function ran(settings: readonly string[]): Promise<Opened> {
  const database = await createEmptyDatabase();
  closing.push(() => database.drop());
  // Masks differ by the salt.
  await set(database.url, settings);
  const env = { DATABASE_URL: database.url };
  const { pool, close } = await openDatabase(readDatabaseConfig(env));
  closing.push(close);
  await pool.query("update elt.secrets set value = 'the same' where name = 'salt'");
  const { rows } = await pool.query("select elt.hoje()::text as hoje");
  const account = exemplo({ hoje: rows[0].hoje });
  const source = await startEmulator({
    ...{ rateLimit: null, accounts: [account], now: () => new Date() },
  });
  try {
    const { code, err } = await runHere(
      {
        ...env,
        CVCRM_ACCOUNT: account.conta,
        CVCRM_API_EMAIL: account.email,
        CVCRM_API_TOKEN: account.token,
        CVCRM_API_URL: source.url,
        CVCRM_RATE_LIMIT: "1000/1s",
      },
      pool,
    );
    expect(err).toBe("");
    expect(code).toBe(0);
  } finally {
    await source.close();
  }
  return { pool, account };
}

let plain: Opened;
let strange: Opened;
beforeAll(async () => {
  plain = await ran([]);
  strange = await ran(odd);
});

describe("where a database sets sessions oddly", () => {
  test("it is migrated, read into and built as anywhere else", async () => {
    const expected = await publishedRows(plain.pool);
    expect(Object.keys(expected).length).toBeGreaterThan(35);
    expect(await publishedRows(strange.pool)).toEqual(expected);
    const landed = "select chave, payload::text, hash from landing.reservas order by chave";
    expect((await strange.pool.query(landed)).rows).toEqual((await plain.pool.query(landed)).rows);
  });

  test("marts are what a fresh computation gives, and a model is shown", async () => {
    const project = await openProject({ options: {} });
    const compared = await compareMarts(strange.pool, project);
    if (compared.status !== "compared") throw new Error(compared.because.join("; "));
    const differing = compared.relations.filter(
      ({ missing, extra, changed }) => missing + extra + changed > 0,
    );
    expect(differing).toEqual([]);
    const model = findModel(project, "marts.vendas");
    const [a, b] = [plain, strange].map(({ pool }) =>
      showModel(pool, project, model, { limit: 10 }),
    );
    expect(await b).toEqual(await a);
  });

  test("every format of the API holds the same", async () => {
    const servers = await Promise.all([plain, strange].map(({ pool }) => serve(pool)));
    try {
      for (const format of ["json", "ndjson", "csv", "arrow"]) {
        for (const relation of ["vendas", "reservas", "vw_vso_mensal"]) {
          const answers = await Promise.all(
            servers.map(async ({ url }) => {
              const answer = await fetch(`${url}/api/marts/${relation}?format=${format}`);
              expect(answer.status).toBe(200);
              if (format !== "arrow") return answer.text();
              // Its header names the publication.
              return tableFromIPC(new Uint8Array(await answer.arrayBuffer())).toString();
            }),
          );
          const [expected = "", found = ""] = answers.map((text) =>
            text.replace(/"publicacao":\{[^}]*\}/, ""),
          );
          expect(found).toBe(expected);
          expect(found.length).toBeGreaterThan(100);
        }
      }
      const pages = await Promise.all(
        servers.map(async ({ url }) => (await fetch(`${url}/vendas.csv`)).text()),
      );
      expect(pages[1]).toBe(pages[0]);
    } finally {
      for (const server of servers) await server.close();
    }
  });

  test("a backup holds the same rows", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "elt-odd-"));
    closing.push(() => rm(folder, { recursive: true }));
    const [a, b] = [plain, strange].map(({ pool }, i) =>
      backUp(pool, path.join(folder, String(i)), () => undefined),
    );
    const landing = async (made: typeof a) =>
      (await made)?.tables.flatMap(({ schema, relation, rows }) =>
        schema === "elt" ? [] : [[schema, relation, rows]],
      );
    expect(await landing(b)).toEqual(await landing(a));
  });
});

describe("a database that takes no changes", () => {
  test("is a sentence and exit 2 for what must write, and can be looked at", async () => {
    const database = await createTestDatabase();
    closing.push(() => database.drop());
    await set(database.url, ["default_transaction_read_only = on"]);
    const env = { DATABASE_URL: database.url };
    const build = await eltHere(["build"], env);
    expect(build.err).toMatch(/^The database takes no changes from this user: name the primary's/);
    expect(build.code).toBe(2);
    expect((await eltHere(["status"], env)).code).toBe(0);
  });

  test("is a sentence when it is still to be migrated", async () => {
    const database = await createEmptyDatabase();
    closing.push(() => database.drop());
    await set(database.url, ["default_transaction_read_only = on"]);
    const error = await openDatabase(readDatabaseConfig({ DATABASE_URL: database.url })).catch(
      (reason: unknown) => reason,
    );
    const { exitCode, message } = failureOf(error);
    expect(message).toContain("takes no changes from this user");
    expect(exitCode).toBe(2);
  });
});
