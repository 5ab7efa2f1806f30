import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eltHere } from "../../elt-here.ts";
import type { Outcome } from "../../elt-process.ts";
import { createTestDatabase } from "../../postgres.ts";
import { sampleProject, withSample } from "../mistakes.ts";

const database = await createTestDatabase();
const settings = { DATABASE_URL: database.url };
afterAll(() => database.drop());
const { pool } = database;

const run = (...args: readonly string[]): Promise<Outcome> => eltHere(args, settings);
/** The answer of a command that was asked for JSON: its last line. */
const answer = ({ out }: Outcome) => JSON.parse(out.trim().split("\n").at(-1) ?? "");

const doubled = {
  file: "models/marts/vendas.sql",
  from: "    reservas.valor,",
  to: "    (reservas.valor * 2)::numeric(15, 2) as valor,",
};

beforeAll(async () => {
  await pool.query("select landing.create_object('reservas')");
  await pool.query(
    `insert into landing.reservas (conta, chave, load_id, seq, hash, landed_at, payload)
     select 'acme', n::text, 1, n, gen_random_uuid(), now() - interval '3 days', jsonb_build_object(
       'idreserva', n, 'idempreendimento', 7, 'titular', 'Maria da Silva', 'situacao', 'Vendida',
       'valor_contrato', '100.000,00', 'data_venda', '2026-01-10', 'idcorretor', 5)
     from generate_series(1, 3) as n`,
  );
  const { code, err } = await run("build", "--project", sampleProject);
  expect([code, err]).toEqual([0, ""]);
});

describe("an environment on the command line", () => {
  test("is planned, built, shown, tested, listed and dropped", async () => {
    await withSample([doubled], async (folder) => {
      const there = ["--project", folder, "--env", "ana"] as const;
      const plan = await run("plan", ...there);
      expect(plan.code).toBe(0);
      expect(plan.out).toContain("marts.vw_vendas: 1 of 1 rows");
      expect(plan.out).toContain("total 300,000.00 → 600,000.00 (+300,000.00)");
      expect(plan.out).toContain("Nothing was built.");
      expect(answer(await run("env", "list", "--json"))).toEqual({ environments: [] });

      const built = await run("build", ...there);
      expect([built.code, built.err]).toEqual([0, ""]);
      const report = answer(built);
      expect(report).toMatchObject({ environment: "ana", asOf: null, left: [], findings: [] });
      expect(report.tables.find((one: { model: string }) => one.model === "marts.vendas")).toEqual({
        model: "marts.vendas",
        status: "compared",
        rows: 3,
        added: 0,
        changed: 3,
        removed: 0,
        columns: [],
      });
      const total = "select total from";
      expect((await pool.query(`${total} ana_marts.vw_vendas`)).rows).toEqual([
        { total: "600000.00" },
      ]);
      expect((await pool.query(`${total} marts.vw_vendas`)).rows).toEqual([{ total: "300000.00" }]);

      const shown = await run("show", "vw_vendas", ...there, "--json");
      expect(answer(shown).rows).toEqual([{ total: "600000.00", conta: "acme" }]);
      const tested = await run("test", ...there);
      expect([tested.code, tested.err]).toEqual([0, ""]);

      const listed = answer(await run("env", "list", "--json")).environments;
      expect(listed).toMatchObject([{ name: "ana", as_of: null, days: 0 }]);
      expect(listed[0].models).toContain("marts.vendas");
      await pool.query("update elt.environments set built_at = now() - interval '45 days 3 hours'");
      const text = (await run("env")).out;
      expect(text).toContain("45 days");
      expect(text).toContain("Not built for 30 days: ana.");

      const dropped = await run("env", "drop", "ana");
      expect(dropped.out).toContain("Environment ana is gone: ana_marts.");
      expect((await run("env")).out).toContain("There is no environment.");
    });
  });

  test("of the past says its day, and that nothing was published", async () => {
    const { rows } = await pool.query("select (elt.hoje() - 1)::text as day");
    const [{ day }] = rows;
    await pool.query(
      `insert into landing.reservas (conta, chave, load_id, seq, hash, payload)
       values ('acme', '9', 2, 1, gen_random_uuid(), '{"idreserva": 9, "data_venda": "2026-01-10", "valor_contrato": "1"}')`,
    );
    const before = await pool.query("select max(publication_id) as id from elt.publications");
    const built = await run("build", "--project", sampleProject, "--env", "ontem", "--as-of", day);
    expect([built.code, built.err]).toEqual([0, ""]);
    expect(answer(built).asOf).toBe(day);
    expect((await pool.query("select from ontem_marts.vendas")).rowCount).toBe(3);
    const after = await pool.query("select max(publication_id) as id from elt.publications");
    expect(after.rows).toEqual(before.rows);
    expect((await run("env")).out).toContain(day);
    expect((await run("env", "drop", "ontem")).code).toBe(0);
  });

  test("is not what retry builds, whether it failed or not", async () => {
    const broken = {
      file: "models/marts/vendas.sql",
      from: "-- @warn   check(valor >= 0)",
      to: "-- @test   check(valor > 150000)",
    };
    await withSample([broken], async (folder) => {
      const failed = await run("build", "--project", folder, "--env", "ana");
      expect(failed.code).toBe(1);
      expect(failed.err).toContain("models/marts/vendas.sql:4:12: marts.vendas: 3 rows fail");
      expect(failed.err).not.toContain("Maria");
      const planned = await run("plan", "--project", folder, "--env", "ana");
      expect(planned.code).toBe(1);
      expect(planned.out).toContain("3 rows fail check(valor > 150000)");
    });
    const { code, err } = await run("retry", "--project", sampleProject);
    expect(code).toBe(2);
    expect(err).toContain("published: there is nothing to retry");
    expect((await run("env")).out).toContain("There is no environment.");
  });

  test.each([
    [["build", "--as-of", "2026-08-01"], "add --env and a name, e.g. --env em_2026_08_01."],
    [["build", "--env", "Ana Maria"], '"Ana Maria" cannot name an environment: give at most 21'],
    [["build", "--env", "ana-2"], '"ana-2" cannot name an environment'],
    [["build", "--env", "a".repeat(22)], "cannot name an environment"],
    [["build", "--env", "marts"], "its schemas would look like the program's own"],
    [["build", "--env", "elt_next"], "its schemas would look like the program's own"],
    [["plan", "--env", "ana", "--as-of", "ontem"], '--as-of is "ontem": give a day'],
    [["env", "drop"], "Write elt env list, or elt env drop <name>."],
    [["env", "dorp", "ana"], "There is no elt env dorp: did you mean drop."],
    [["env", "drop", "ana"], "There is no environment ana: there is none yet."],
    [["show", "vendas", "--env", "ana"], "There is no environment ana"],
    [["test", "--env", "ana"], "There is no environment ana"],
  ] as const)("%j is refused with a sentence", async (args, sentence) => {
    const project = args[0] === "env" ? [] : ["--project", sampleProject];
    const { code, err } = await run(...args, ...project);
    expect(err).toContain(sentence);
    expect(err).not.toMatch(/\n\s+at /);
    expect(code).toBe(2);
  });

  test("tells its usage", async () => {
    const { code, out } = await run("env", "--help");
    expect(code).toBe(0);
    expect(out).toContain("elt env drop <name>");
  });
});
