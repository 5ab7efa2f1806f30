import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../../emulator/account.ts";
import { exemplo } from "../../../emulator/exemplo.ts";
import { findObject } from "../../../extract/catalogue.ts";
import { ask } from "../../../runner/forget/ask.ts";
import { projectRoot } from "../../../runner/open-project.ts";
import { eltHere } from "../../elt-here.ts";
import { buildModels, extractAccounts } from "../../pipeline.ts";
import { createTestDatabase, type TestDatabase, withTestDatabase } from "../../postgres.ts";
import { addPerson, benicio, searchEverything, values, zuleide } from "./person.ts";

const database = await createTestDatabase();
const root = await mkdtemp(path.join(tmpdir(), "elt-again-"));
const folder = path.join(root, "copia");
const list = path.join(root, "lista.json");
afterAll(async () => {
  await database.drop();
  await rm(root, { recursive: true, force: true });
});
const elt = (on: TestDatabase, ...args: string[]) => eltHere(args, { DATABASE_URL: on.url });
const objects = [
  ...["reservas", "comissoes", "unidades", "repasses", "leads", "leads_interacoes"],
  ...["precadastros", "pessoas", "pessoas_contatos", "atendimentos", "reservas_associados"],
  ...["vendas", "campos_adicionais", "simulacoes", "reservas_condicoes", "distratos"],
].flatMap((name) => findObject(name) ?? []);
let account: Account;
let forgotten: { out: string; history: string };

/** All marts as texts: who is forgotten in one database and in another leaves the same rows. */
async function marts({ pool }: TestDatabase): Promise<unknown> {
  const { rows } = await pool.query(
    `select relname as name from pg_class
     where relnamespace in ('marts'::regnamespace, 'marts_pii'::regnamespace) and relkind = 'r'
     order by 1`,
  );
  const found: Record<string, unknown> = {};
  for (const { name } of rows) {
    found[name] = (
      await pool.query(`select md5(string_agg(r::text, ' ' order by r::text)) from marts.${name} r`)
    ).rows;
  }
  return found;
}

function resultOf({ out }: { readonly out: string }): Record<string, unknown> {
  return JSON.parse(out.trim().split("\n").at(-1) ?? "{}");
}

beforeAll(async () => {
  const { rows } = await database.pool.query("select elt.hoje()::text as hoje");
  account = exemplo({ hoje: rows[0].hoje });
  await extractAccounts(database, account, { objects });
  addPerson(account);
  await extractAccounts(database, account, { objects, scan: { full: true } });
  await buildModels(database);
  account.edit("leads_interacoes", 8201, {
    descricao: `\u0000 ${zuleide.nome} ligou de (47) 98877-6655`,
  });
  await extractAccounts(database, account, { objects, scan: { full: true } });
  await buildModels(database);
  await database.pool.query(
    "update elt.runs set error = 'nobody knows ' || $1 where run_id = (select min(run_id) from elt.runs)",
    [zuleide.nome],
  );
  expect((await elt(database, "backup", folder)).code).toBe(0);
  // As where each container has a name of its own, and the same volume of backups.
  await database.pool.query("update elt.backups set host = '3f9c1a7be2d4'");
  await cp(folder, path.join(root, "longe"), { recursive: true });
  const command = `printf '%s\\n' "$DOCUMENTO" | node bin/elt.js forget --documento - --apply`;
  const { stdout } = await promisify(execFile)("sh", ["-c", command], {
    cwd: projectRoot,
    env: {
      ...{ PATH: process.env.PATH, HOME: process.env.HOME, DATABASE_URL: database.url },
      DOCUMENTO: "012.345.678-90",
    },
  });
  forgotten = { out: stdout, history: command };
});

describe("a person who was forgotten after a backup", () => {
  test("is named by a document that no command line holds", () => {
    expect(forgotten.history).not.toContain("012");
    expect(resultOf(forgotten)).toMatchObject({ id: "1", status: "done", applied: true });
    expect(forgotten.out).not.toMatch(/012\.345|01234567890/);
  });

  test("is in a list beside the backup, which tells nothing of them", async () => {
    expect(resultOf(forgotten).listIn).toEqual([folder]);
    const file = path.join(folder, "forgotten.json");
    const text = await readFile(file, "utf8");
    for (const value of [...values, zuleide.documento]) expect(text).not.toContain(value);
    expect((await stat(file)).mode & 0o077).toBe(0);
    const { rows } = await database.pool.query(
      "select value from elt.secrets where name = 'tombstones'",
    );
    expect(text).not.toContain(rows[0].value);
  });

  test("does not come back with it: landing, logs and marts are as where they were forgotten", async () => {
    await withTestDatabase(async (empty) => {
      const { code, out, err } = await elt(empty, "restore", folder);
      expect(err).toBe("");
      expect(code).toBe(0);
      expect(out).toContain("Forgotten again, by the list: receipt 1.");
      expect(await searchEverything(empty.pool, values)).toEqual({});
      await buildModels(empty);
      expect(await marts(empty)).toEqual(await marts(database));
      const landed = "select chave, payload from landing.reservas order by chave, load_id, seq";
      expect((await empty.pool.query(landed)).rows).toEqual(
        (await database.pool.query(landed)).rows,
      );
      const { rows } = await empty.pool.query(
        "select receipt_id::text as id, receipt ->> 'status' as status, receipt -> 'again' -> 0 ->> 'because' as because from elt.forgotten",
      );
      expect(rows).toEqual([{ id: "1", status: "done", because: "restore" }]);
      // What the source sends of them again lands without them here, too.
      await extractAccounts(empty, account, { objects, scan: { full: true } });
      expect(await searchEverything(empty.pool, values)).toEqual({});
      const { rows: next } = await empty.pool.query(
        "insert into elt.forgotten (receipt) values ('{}') returning receipt_id::int as id",
      );
      expect(next).toEqual([{ id: 2 }]);
    });
  });

  test("is back with a copy that the list did not reach, says so, and goes by the exported list", async () => {
    const { code, out } = await elt(database, "forget", "--export", list);
    expect([code, out]).toEqual([0, expect.stringContaining("1 receipt in")]);
    await withTestDatabase(async (empty) => {
      const restored = await elt(empty, "restore", path.join(root, "longe"));
      expect(restored.code).toBe(0);
      expect(restored.out).toContain("No list of who was forgotten was given");
      expect(Object.keys(await searchEverything(empty.pool, values))).toContain("landing.reservas");
      await buildModels(empty);

      // Somebody else was forgotten here meanwhile, and has the number.
      await empty.pool.query("insert into elt.forgotten (receipt) values ('{}')");
      const looked = await elt(empty, "forget", "--again", list);
      expect(looked.out).toMatch(/Not known as forgotten here: receipt 1\./);
      expect(looked.out).toMatch(/exemplo +reservas +1 +1/);
      expect(looked.out).toContain("Nothing was changed.");
      // Somebody built an environment while they were back.
      await empty.pool.query(`
        create schema ana_marts;
        create table ana_marts.vendas (conta text, cliente text);
        insert into ana_marts.vendas values ('exemplo', '${zuleide.nome}');
        insert into elt.environments (name, schemas, host) values ('ana', '{ana_marts}', 'here')`);
      const built = await elt(empty, "forget", "--again", list, "--apply");
      expect([built.code, resultOf(built)]).toMatchObject([
        1,
        { receipts: [{ status: "landing", left: [{ table: "ana_marts.vendas", named: 1 }] }] },
      ]);
      await empty.pool.query("drop schema ana_marts cascade; delete from elt.environments");
      const again = await elt(empty, "forget", "--again", list, "--apply");
      expect(again.err).toBe("");
      expect(again.code).toBe(0);
      expect(resultOf(built)).toMatchObject({ receipts: [{ id: "2", formerId: "1" }] });
      expect(await searchEverything(empty.pool, values)).toEqual({});
      expect(await marts(empty)).toEqual(await marts(database));
      const { rows } = await empty.pool.query(
        "select receipt ->> 'status' as status from elt.forgotten",
      );
      expect(rows).toEqual([{ status: null }, { status: "done" }]);
      const third = await elt(empty, "forget", "--again", list);
      expect(third.out).toContain("Everybody of this list is forgotten here already.");
    });
  });

  test("goes whole, also what somebody forgotten before had in common with them", async () => {
    const shared = path.join(root, "partilhado");
    account.insert("reservas_associados", {
      ...{ referencia: "n", referencia_data: "2026-01-04 10:00:00", idassociado: 8503 },
      ...{ nome: benicio.nome, documento: benicio.documento, celular: zuleide.telefone },
      anotacao: "ligar (47) 98877-6655",
    });
    await extractAccounts(database, account, { objects, scan: { full: true } });
    expect((await elt(database, "backup", shared)).code).toBe(0);
    const forgot = await elt(database, "forget", "--documento", benicio.documento, "--apply");
    expect([forgot.code, await searchEverything(database.pool, ["98877-6655"])]).toEqual([0, {}]);
    await withTestDatabase(async (empty) => {
      const { out } = await elt(empty, "restore", shared);
      expect(out).toContain("Forgotten again, by the list: receipt 2.");
      expect(await searchEverything(empty.pool, ["98877-6655", benicio.nome])).toEqual({});
    });
  });

  test("of another database is none here, and a damaged list is a sentence", async () => {
    await withTestDatabase(async (other) => {
      await other.pool.query("update elt.secrets set value = 'other' where name = 'tombstones'");
      const refused = await elt(other, "forget", "--again", path.join(folder, "forgotten.json"));
      expect(refused.code).toBe(2);
      expect(refused.err).toContain("is of another database");
      await writeFile(list, '{"format": 1, "receipts": [{}]}');
      const damaged = await elt(other, "restore", folder, "--forgotten", list);
      expect([damaged.code, damaged.err]).toEqual([
        2,
        expect.stringContaining("is damaged, or no list"),
      ]);
      const both = await elt(other, "forget", "--again", list, "--documento", "1");
      expect([both.code, both.err]).toEqual([2, expect.stringContaining("stand alone")]);
    });
  });
});

describe("what is asked for on standard input", () => {
  test("is one line each, blanks and empty lines apart", async () => {
    const input = Readable.from(["\n 012.345.678-90 \r\n", "a@b.c"]);
    expect(await ask(["CPF", "E-mail"], input)).toEqual(["012.345.678-90", "a@b.c"]);
  });

  test("is a sentence when it is not there", async () => {
    await expect(ask(["CPF or CNPJ"], Readable.from([""]))).rejects.toThrow(
      "Standard input gave 0 of 1 lines (CPF or CNPJ)",
    );
  });

  test("is not shown where somebody types it", async () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true as const });
    const shown = new PassThrough();
    const answers = ask(["CPF"], terminal, shown);
    terminal.write("01234567890\n");
    expect(await answers).toEqual(["01234567890"]);
    expect(String(shown.read())).toBe("CPF (not shown): \n");
  });
});
