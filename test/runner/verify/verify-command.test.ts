import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Account } from "../../../emulator/account.ts";
import { exemplo } from "../../../emulator/exemplo.ts";
import { type Emulator, startEmulator } from "../../../emulator/server.ts";
import { eltHere } from "../../elt-here.ts";
import { runPipeline } from "../../pipeline.ts";
import { createTestDatabase } from "../../postgres.ts";

const database = await createTestDatabase();
const { pool } = database;
let account: Account;
let source: Emulator;
afterAll(async () => {
  await source.close();
  await database.drop();
});

async function verify(...args: string[]) {
  const { code, out, err } = await eltHere(["verify", "--json", ...args], {
    DATABASE_URL: database.url,
    CVCRM_ACCOUNT: account.conta,
    CVCRM_API_EMAIL: account.email,
    CVCRM_API_TOKEN: account.token,
    CVCRM_API_URL: source.url,
    CVCRM_RATE_LIMIT: "1000/1s",
  });
  return { code, err, ...JSON.parse(out.trim().split("\n").at(-1) ?? "{}") };
}

beforeAll(async () => {
  const { rows } = await pool.query("select elt.hoje()::text as hoje");
  account = exemplo({ hoje: rows[0].hoje });
  source = await startEmulator({ rateLimit: null, accounts: [account], now: () => new Date() });
});

beforeEach(async () => {
  await runPipeline(database, account, { scan: { full: true } });
});

describe("elt verify", () => {
  test("finds nothing after a run, and asks the source once for each object", async () => {
    const before = source.requests.length;
    const { code, err, source: objects, marts, tests } = await verify();
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(objects.map(({ status }: { status: string }) => status)).toEqual(
      objects.map(() => "equal"),
    );
    expect(source.requests.length - before).toBe(objects.length);
    expect(marts.status).toBe("compared");
    const relations = marts.relations.map(({ relation }: { relation: string }) => relation);
    expect(relations).toEqual(
      expect.arrayContaining([
        "staging.reservas",
        "marts.vendas",
        "marts_pii.vendas",
        "marts.vw_vso_mensal",
      ]),
    );
    expect(tests.run).toBeGreaterThan(50);
    const { rows } = await pool.query(
      "select nspname from pg_namespace where nspname like 'elt_draft%'",
    );
    expect(rows).toEqual([]);
  });

  test("tells a cell, a row and a row too many that are not as computed, by key, without values", async () => {
    await pool.query(
      "update marts.vendas set valor = valor + 0.01 where reserva_id = (select min(reserva_id) from marts.vendas)",
    );
    await pool.query(
      "update marts_pii.reservas set cliente = 'Outra Pessoa' where reserva_id = (select min(reserva_id) from marts_pii.reservas)",
    );
    await pool.query(
      "delete from marts.comissoes where comissao_id = (select min(comissao_id) from marts.comissoes)",
    );
    await pool.query(
      'insert into staging.unidades select (jsonb_populate_record(u, \'{"chave": "x"}\')).* from staging.unidades as u limit 1',
    );
    try {
      const { code, marts } = await verify("--skip-source", "--skip-tests");
      expect(code).toBe(1);
      const found = Object.fromEntries(
        marts.relations.map(
          ({ relation, rows, ...differences }: { relation: string; rows: number }) => [
            relation,
            differences,
          ],
        ),
      );
      expect(found["marts.vendas"]).toMatchObject({
        missing: 0,
        extra: 0,
        changed: 1,
        keys: [{ conta: "exemplo" }],
      });
      expect(found["marts_pii.reservas"]).toMatchObject({ changed: 1 });
      expect(found["marts.reservas"]).toMatchObject({ changed: 0 });
      expect(found["marts.comissoes"]).toMatchObject({ missing: 1, changed: 0 });
      expect(found["staging.unidades"]).toMatchObject({ extra: 1, missing: 0 });
      expect(found["marts.vw_vendas_mensais"]).toMatchObject({ missing: 1, extra: 1 });
      expect(JSON.stringify(marts)).not.toContain("Outra Pessoa");
    } finally {
      await eltHere(["build", "--full-refresh"], { DATABASE_URL: database.url });
    }
    expect((await verify("--skip-source")).code).toBe(0);
  });

  test("does not compare marts that a build would change, and says why", async () => {
    const sale = [...account.records("reservas")][0];
    account.edit("reservas", Number(sale?.idreserva), { tipovenda: "Outra" });
    await eltHere(["extract", "reservas"], {
      DATABASE_URL: database.url,
      CVCRM_ACCOUNT: account.conta,
      CVCRM_API_EMAIL: account.email,
      CVCRM_API_TOKEN: account.token,
      CVCRM_API_URL: source.url,
      CVCRM_RATE_LIMIT: "1000/1s",
    });
    const { code, marts } = await verify("--skip-tests");
    expect(code).toBe(1);
    expect(marts).toEqual({
      status: "behind",
      because: ["records of reservas were landed since and are not built"],
    });
  });

  test("finds what was lost also where more changed since than one page holds", async () => {
    for (let id = 91_000; id < 91_520; id++) {
      account.insert("reservas", {
        ...{ referencia: `${id}`, referencia_data: "2999-01-01 00:00:00", idreserva: id },
      });
    }
    await runPipeline(database, account, { scan: { full: true } });
    const live = async (): Promise<number> =>
      (await pool.query("select count(*)::int as n from landing.reservas_atual")).rows[0].n;
    const before = await live();
    await pool.query("delete from landing.reservas where referencia_data < elt.hoje() - 30");
    const lost = before - (await live());
    expect(lost).toBeGreaterThan(3);
    expect(lost).toBeLessThanOrEqual(20);
    const { code, source: objects } = await verify("--skip-marts", "--skip-tests");
    const [reservas] = objects.filter(({ object }: { object: string }) => object === "reservas");
    expect(reservas).toMatchObject({ status: "differs" });
    expect(reservas.because).toContain(`the source has ${lost} records that landing lacks`);
    expect(code).toBe(1);
    for (let id = 91_000; id < 91_520; id++) account.remove("reservas", id);
    // Removed is what two full readings missed.
    for (const _ of [1, 2]) {
      await runPipeline(database, account, { scan: { full: true, allowMassRemoval: true } });
    }
  });

  test("tells what the source altered since from what was lost", async () => {
    account.insert("reservas", {
      referencia: "1",
      referencia_data: "2999-01-01 00:00:00",
      idreserva: 90_001,
    });
    const statusOf = async (object: string) => {
      const { source: objects, code } = await verify("--skip-marts", "--skip-tests");
      return [code, objects.find((one: { object: string }) => one.object === object).status];
    };
    expect(await statusOf("reservas")).toEqual([0, "behind"]);
    await runPipeline(database, account, { scan: { full: true } });
    expect(await statusOf("reservas")).toEqual([0, "equal"]);
    // What nobody but a fault can do.
    await pool.query(
      "delete from landing.unidades where chave = (select min(chave) from landing.unidades)",
    );
    expect(await statusOf("unidades")).toEqual([1, "differs"]);
    await runPipeline(database, account, { scan: { full: true } });
    account.remove("reservas", 90_001);
    expect(await statusOf("reservas")).toEqual([1, "differs"]);
    await runPipeline(database, account, { scan: { full: true } });
    expect(await statusOf("reservas")).toEqual([0, "deleted"]);
  });

  test("ends with exit 3 when the source refuses, after checking all else", async () => {
    const {
      code,
      source: objects,
      marts,
    } = await (async () => {
      const { out, code } = await eltHere(["verify", "--json"], {
        DATABASE_URL: database.url,
        CVCRM_ACCOUNT: account.conta,
        CVCRM_API_EMAIL: account.email,
        CVCRM_API_TOKEN: "errado",
        CVCRM_API_URL: source.url,
        CVCRM_RATE_LIMIT: "1000/1s",
      });
      return { code, ...JSON.parse(out.trim().split("\n").at(-1) ?? "{}") };
    })();
    expect(code).toBe(3);
    expect(objects[0]).toMatchObject({ status: "not asked", source: null });
    expect(marts.status).toBe("compared");
  });
});
