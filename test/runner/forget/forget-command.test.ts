import { mkdtemp, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../../emulator/account.ts";
import { exemplo } from "../../../emulator/exemplo.ts";
import { findObject } from "../../../extract/catalogue.ts";
import { tryLock } from "../../../extract/lock.ts";
import { eltHere } from "../../elt-here.ts";
import { buildModels, extractAccounts } from "../../pipeline.ts";
import { createTestDatabase } from "../../postgres.ts";
import { addPerson, benicio, searchEverything, values, zuleide } from "./person.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;
const elt = (...args: string[]) => eltHere(args, { DATABASE_URL: database.url });

const objects = [
  ...["reservas", "comissoes", "unidades", "repasses", "leads", "leads_interacoes"],
  ...["precadastros", "pessoas", "pessoas_contatos", "atendimentos", "reservas_associados"],
  ...["vendas", "campos_adicionais", "simulacoes", "reservas_condicoes", "corretores"],
  ...["imobiliarias", "distratos"],
].flatMap((name) => findObject(name) ?? []);

let account: Account;
let idreserva: number;
const extract = (scan = {}) => extractAccounts(database, account, { objects, scan });

async function column(statement: string): Promise<readonly unknown[]> {
  const { rows } = await pool.query({ text: statement, rowMode: "array" });
  return rows.map(([value]) => value);
}

/** All figures that people look at, as texts. */
async function figures(): Promise<readonly unknown[]> {
  const { rows: views } = await pool.query<{ name: string }>(
    "select relation as name from elt.relations where relation like 'marts.vw%' order by 1",
  );
  const texts: unknown[] = [];
  for (const { name } of views) {
    const row = name === "marts.vw_tabela_geral_vendas" ? "to_jsonb(row) - 'cliente'" : "row";
    texts.push(...(await column(`select ${row}::text from ${name} as row order by 1`)));
  }
  return texts;
}

beforeAll(async () => {
  const [hoje] = await column("select elt.hoje()::text");
  account = exemplo({ hoje: String(hoje) });
  await extract();
  await buildModels(database);
  idreserva = addPerson(account);
  await extract({ full: true });
  // A version of a record before the last, a text in the log of changes, and a record in quarantine.
  await buildModels(database);
  account.edit("atendimentos", 8401, { assunto: "Chaves de Zuleide Ferraz entregues" });
  account.edit("leads_interacoes", 8201, {
    descricao: `\u0000 ${zuleide.nome} ligou de (47) 98877-6655`,
  });
  await extract({ full: true });
  await buildModels(database);
});

describe("elt forget", () => {
  test.each([
    [[], "Say whom to forget"],
    [["--documento", "123"], "takes a CPF (11 digits) or a CNPJ"],
    [["--documento", "012.345.678-91"], "is not a valid CPF"],
    [["--documento", "11.222.333/0001-82"], "is not a valid CNPJ"],
    [["--email", "zuleide"], "takes one address"],
    [["--documento", zuleide.documento, "--conta", "outra"], "Nothing of an account outra"],
  ])("%j ends with exit 2 and a sentence without the document", async (args, sentence) => {
    const { code, err } = await elt("forget", ...args);
    expect(code).toBe(2);
    expect(err).toContain(sentence);
    expect(err).not.toMatch(/012\.345|01234567890|11\.222|\n\s+at /);
  });

  test("shows what is landed about a person, and changes nothing without --apply", async () => {
    const before = await searchEverything(pool, values);
    expect(Object.keys(before)).toEqual(
      expect.arrayContaining([
        ...["landing.reservas", "landing.leads", "landing.unidades", "landing.simulacoes"],
        ...["staging.reservas", "marts_pii.vendas", "marts_pii.reservas", "elt.changes"],
        "elt.quarantine",
      ]),
    );
    const { code, out } = await elt("forget", "--documento", "012.345.678-90");
    expect(code).toBe(0);
    expect(out).toMatch(/exemplo +reservas +1 +1/);
    expect(out).toMatch(/exemplo +leads +2 +2/);
    expect(out).toMatch(/exemplo +\(quarantine\) +1 +1/);
    expect(out).toContain("Nothing was changed");
    expect(await searchEverything(pool, values)).toEqual(before);
  });

  test("waits for nobody: while the account is extracted it ends with exit 4", async () => {
    const client = await pool.connect();
    try {
      await tryLock(client, "extract exemplo");
      const { code, err } = await elt("forget", "--documento", zuleide.documento, "--apply");
      expect(code).toBe(4);
      expect(err).toContain("An extraction of account exemplo is already under way");
    } finally {
      client.release(true);
    }
  });

  test("leaves no value of the person in any table, and every figure as it was", async () => {
    const kpis = await figures();
    const versions = await column("select count(*)::int from landing.reservas");
    const folder = await mkdtemp(path.join(tmpdir(), "elt-forget-"));
    expect((await elt("backup", folder)).code).toBe(0);
    await rm(folder, { recursive: true });
    const { code, out, err } = await elt(
      "forget",
      "--documento",
      "012.345.678-90",
      "--apply",
      "--json",
    );
    expect(err).toBe("");
    expect(await searchEverything(pool, values)).toEqual({});
    expect(code).toBe(0);
    expect(await figures()).toEqual(kpis);
    expect(await column("select count(*)::int from landing.reservas")).toEqual(versions);
    const receipt = JSON.parse(out.trim().split("\n").at(-1) ?? "");
    expect(receipt).toMatchObject({ status: "done", applied: true });
    // A buyer whom the sale had before shares a name with other records: those are left alone.
    expect(receipt.left.filter((trace: { identified: number }) => trace.identified > 0)).toEqual(
      [],
    );
    expect(receipt.backups).toMatchObject([{ folder, host: hostname() }]);
    const [written] = await column("select receipt::text from elt.forgotten");
    for (const text of [String(written), out]) {
      for (const value of [...values, zuleide.documento]) expect(text).not.toContain(value);
    }
  });

  test("leaves figures to the last digit, ids, and other people's values", async () => {
    expect(
      await column("select payload ->> 'saldo_devedor' from landing.repasses where chave = '9001'"),
    ).toEqual(["98765432109.25"]);
    expect(
      await column(
        `select payload -> 'associados' -> 0 from landing.vendas_atual where chave = '${idreserva}'`,
      ),
    ).toEqual([{ nome: benicio.nome, documento: benicio.documento }]);
    expect(
      await column(
        "select payload ->> 'nome' from landing.reservas_associados where chave = '8502'",
      ),
    ).toEqual([benicio.nome]);
    expect(
      await column(
        `select payload ->> 'idcliente' from landing.reservas_atual where chave = '${idreserva}'`,
      ),
    ).toEqual(["7001"]);
    expect(await column("select payload ->> 'renda_familiar' from landing.simulacoes")).toEqual([
      "1",
    ]);
  });

  test("the source sends the person again, and nothing of them lands or is published", async () => {
    const results = await extract({ full: true });
    const added = [...results.scans.values()]
      .flat()
      .reduce((sum, { newVersions }) => sum + newVersions, 0);
    expect(added).toBe(0);
    // Edited, in a new record of theirs, and in an object that nobody landed before.
    account.edit("reservas", idreserva, {
      cliente: "Zuleide Ferraz Quintão Lima",
      valor_contrato: 777_000,
    });
    account.insert("leads_interacoes", {
      ...{ referencia: "n", referencia_data: "2026-01-03 10:00:00", idinteracao: 8299 },
      ...{ idlead: 8001, descricao: "Zuleide Ferraz de novo" },
    });
    account.insert("leads", {
      ...{ referencia: "n", referencia_data: "2026-01-03 10:00:00", idlead: 8099 },
      ...{ nome: zuleide.nome, email: zuleide.email, documento_cliente: "01234567890" },
    });
    account.insert("distratos", {
      ...{ referencia: "n", referencia_data: "2026-01-03 10:00:00", idreserva: 99_999 },
      ...{ cliente: zuleide.nome, documento: 1234567890, motivo: "outro" },
    });
    await extract({ full: true });
    await buildModels(database);
    expect(await searchEverything(pool, values)).toEqual({});
    expect(
      await column(`select valor::text from marts.vendas where reserva_id = ${idreserva}`),
    ).toEqual(["777000.00"]);
    expect(
      await column("select payload ->> 'motivo' from landing.distratos where chave = '99999'"),
    ).toEqual(["outro"]);
  });

  test("says so when nothing is landed about a person", async () => {
    const { code, out } = await elt("forget", "--documento", "390.533.447-05", "--apply");
    expect(code).toBe(0);
    expect(out).toContain("so nothing was changed");
    expect(await column("select count(*)::int from elt.forgotten")).toEqual([1]);
  });

  test("finds a person by e-mail alone, with the document that stands beside it", async () => {
    const { code, out } = await elt("forget", "--email", "ninguem@example.com");
    expect(code).toBe(0);
    expect(out).toContain("so nothing was changed");
    account.insert("pessoas", {
      ...{ referencia: "n", referencia_data: "2026-01-03 10:00:00", idpessoa: 9901 },
      ...{ nome: benicio.nome, documento: benicio.documento, email: "benicio@example.com" },
    });
    await extract({ full: true });
    const found = await elt("forget", "--email", "BENICIO@example.com");
    expect(found.out).toMatch(/exemplo +pessoas +1 +1/);
    expect(found.out).toMatch(/exemplo +reservas_associados +1 +1/);
  });

  test("takes a broker out of their record, their sales and the commissions that only name them", async () => {
    const [id, nome] = ["21", "João Silva Santos"];
    account.edit("corretores", id, { documento: "11144477735", nome, celular: "4799111-2233" });
    await extract({ full: true });
    await buildModels(database);
    const found = await searchEverything(pool, [nome, "4799111-2233"]);
    expect(Object.keys(found)).toEqual(
      expect.arrayContaining(["landing.comissoes", "landing.reservas", "marts.vendas"]),
    );
    const kpis = await column(
      "select valor_total_vendas::text from marts.vw_vendas_por_corretor order by corretor_id",
    );
    expect((await elt("forget", "--documento", "111.444.777-35", "--apply")).code).toBe(0);
    expect(await searchEverything(pool, [nome, "4799111-2233"])).toEqual({});
    expect(
      await column(
        "select valor_total_vendas::text from marts.vw_vendas_por_corretor order by corretor_id",
      ),
    ).toEqual(kpis);
    await extract({ full: true });
    expect(await searchEverything(pool, [nome])).toEqual({});
  });
});
