import { userInfo } from "node:os";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { EnvironmentReport } from "../../../runner/environments/build-environment.ts";
import { formatEnvironment } from "../../../runner/environments/format-environment.ts";
import { eltHere } from "../../elt-here.ts";
import type { Outcome } from "../../elt-process.ts";
import { mapped, openVendas, sales, withShipped } from "./vendas.ts";

const vendas = await openVendas();
afterAll(() => vendas.drop());

const run = (...args: readonly string[]): Promise<Outcome> =>
  eltHere([...args, "--json"], { DATABASE_URL: vendas.url });
const undone = mapped("Contrato assinado", "distrato");
const lines = ({ out }: Outcome) =>
  out
    .trim()
    .split("\n")
    .map((line): Record<string, unknown> => JSON.parse(line));

beforeAll(async () => {
  await vendas.reset();
  await vendas.land([...sales(1, 20), ...sales(21, 40, { situacao: "Contrato assinado" })]);
  await vendas.build();
});

describe("elt publish", () => {
  test("says what is missing or wrong before it builds anything", async () => {
    const said = async (...args: string[]) => {
      const { code, err } = await eltHere(["publish", ...args], { DATABASE_URL: vendas.url });
      expect(code).toBe(2);
      return err.trim();
    };
    expect(await said()).toBe(
      '--accept is missing: name the run that is held back; npm run elt -- status shows it.\n--why is missing: say why the numbers are right, as in --why "checked with Ana".',
    );
    expect(await said("--accept", "doze", "--why", " ")).toBe(
      '--accept takes the number of a run, not "doze": npm run elt -- status shows it.\n--why is missing: say why the numbers are right, as in --why "checked with Ana".',
    );
    expect(await said("--accept", "12", "--why", "falei com 012.345.678-90")).toMatch(
      /^--why holds a CPF, a CNPJ or an e-mail address, and is kept/,
    );
    expect(await said("--accept", "12", "--why", "x")).toBe(
      "Nothing is held back, so there is nothing to accept of run 12: npm run elt -- build publishes.",
    );
  });

  test("publishes what plan foretold and build held back, and keeps who and why", () =>
    withShipped(undone, async (folder) => {
      const project = ["--project", folder];
      const plan = await run("plan", ...project);
      expect(plan.code).toBe(1);
      expect(JSON.parse(plan.out)).toMatchObject({
        held: [
          { kpi: "quantidade_vendas", conta: "acme", before: "40", after: "20" },
          { kpi: "valor_total", conta: "acme" },
          { kpi: "total_comissoes", conta: "acme" },
        ],
      });
      expect(await vendas.rows("select from elt.kpi_holds")).toEqual([]);

      const build = await run("build", ...project);
      expect(build.code).toBe(1);
      const [held] = lines(build).filter(({ type }) => type === "kpi-held");
      const heldRun = String(held?.run);
      expect(held).toMatchObject({ since: heldRun, conta: "acme" });

      const status = await eltHere(["status"], { DATABASE_URL: vendas.url });
      expect(status.out).toContain(`Held back since run ${heldRun} (`);
      expect(status.out).toContain(
        "quantidade_vendas of acme: 40 → 20 (−50.0 %), guard 10 %: nothing that changed in the source explains it",
      );
      expect(status.out).toContain(`npm run elt -- publish --accept ${heldRun} --why "…"`);
      expect(status.out).toContain(
        "Nothing was published, because 3 KPIs of acme would move further than @guard allows:",
      );

      const retry = await eltHere(["retry", ...project], { DATABASE_URL: vendas.url });
      expect(retry.code).toBe(1);
      expect(`${retry.out}${retry.err}`).toContain(`as in run ${heldRun}:`);

      const other = await run("publish", "--accept", "1", "--why", "x");
      expect(other.code).toBe(2);
      expect(`${other.out}${other.err}`).toContain(`run ${heldRun} is (quantidade_vendas of acme`);

      await vendas.pool.query(
        `insert into elt.incidents (kind, conta, details, opened_at, last_seen_at)
         values ('run-failed', 'acme', '{"exitCode": 1}', now(), now())`,
      );
      // The options of the held run are those of the publication: --project is not given again.
      const published = await run("publish", "--accept", heldRun, "--why", "conferido com a Ana");
      expect(published.code).toBe(0);
      expect(lines(published).filter(({ type }) => type === "kpi-released")).toHaveLength(3);
      expect(await vendas.published()).toEqual({ vendas: 20, valor: "20000.00" });
      expect(await vendas.rows("select kind from elt.incidents where closed_at is null")).toEqual(
        [],
      );
      const [hold] = await vendas.rows(
        "select distinct accepted_by, accepted_why from elt.kpi_holds",
      );
      expect(hold).toEqual({
        accepted_by: expect.stringContaining(`${userInfo().username} on `),
        accepted_why: "conferido com a Ana",
      });
      const after = await eltHere(["status"], { DATABASE_URL: vendas.url });
      expect(after.out).not.toContain("Held back");
    }));

  test("of numbers that moved on is held back under its own run", async () => {
    await vendas.land(sales(41, 42));
    const heldRun = await withShipped({}, async (folder) => {
      const build = await run("build", "--project", folder);
      expect(build.code).toBe(1);
      const [held] = lines(build).filter(({ type }) => type === "kpi-held");
      await vendas.land(sales(43, 43));
      const again = await eltHere(
        ["publish", "--accept", String(held?.run), "--why", "x", "--project", folder],
        { DATABASE_URL: vendas.url },
      );
      expect(again.code).toBe(1);
      expect(again.err).toContain(`by other numbers than those of run ${held?.run}:`);
      return held?.run;
    });
    expect(heldRun).toBeDefined();
    expect(await vendas.published()).toEqual({ vendas: 20, valor: "20000.00" });
  });
});

describe("an environment", () => {
  test("is not held back, and its end tells the guarded KPIs that differ", () =>
    withShipped({}, async (folder) => {
      const settings = { DATABASE_URL: vendas.url };
      const built = await eltHere(["build", "--env", "ana", "--project", folder], settings);
      expect(built.code).toBe(0);
      const report = JSON.parse(built.out.trim().split("\n").at(-1) ?? "") as EnvironmentReport;
      const quantidade = { model: "marts.vendas", kpi: "quantidade_vendas", conta: "acme" };
      expect(report.headlines[0]).toEqual({
        ...quantidade,
        ...{ before: "20", after: "40", delta: "20.00", percent: "100.0" },
      });
      expect(formatEnvironment(report, "commit")).toContain(`Guarded KPIs: published → ana
  quantidade_vendas of acme: 20 → 40 (+100.0 %)
  valor_total of acme: 20,000.00 → 40,000.00 (+100.0 %)
  total_comissoes of acme: 1,000.00 → 2,000.00 (+100.0 %)
`);
      expect(await vendas.published()).toEqual({ vendas: 20, valor: "20000.00" });
    }));
});

describe("elt check", () => {
  test("tells a guard that PostgreSQL cannot read, with file, line and column", () =>
    withShipped(
      {
        "models/marts/vendas.sql": {
          "= sum(valor) filter": "= sum(valro) filter",
          "= sum(comissao_valor)": "= sum(corretor)",
        },
      },
      async (folder) => {
        const { code, err, out } = await eltHere(["check", "--project", folder], {
          DATABASE_URL: vendas.url,
        });
        expect(code).toBe(1);
        const said = `${out}${err}`;
        expect(said).toMatch(
          /models\/marts\/vendas\.sql:15:\d+: @guard valor_total: the SELECT gives no column valro/,
        );
        expect(said).toContain("did you mean valor?");
        expect(said).toMatch(
          /models\/marts\/vendas\.sql:17:\d+: @guard total_comissoes: function sum\(text\) does not exist/,
        );
      },
    ));
});

describe("an acceptance", () => {
  const accepting = () => ({ accept: { run: vendas.runId(), by: "ana", why: "conferido" } });
  const outcomes = () =>
    vendas.rows("select distinct outcome, accepted_by as by from elt.kpi_holds");
  beforeEach(async () => {
    await vendas.reset();
    await vendas.land([...sales(1, 20), ...sales(21, 40, { situacao: "Contrato assinado" })]);
    await vendas.build();
    await vendas.held(undone);
  });

  test("of what is held no longer is none: nobody let through what is published", async () => {
    await vendas.build({}, accepting());
    expect(await outcomes()).toEqual([{ outcome: "within-limits", by: null }]);
  });

  test("is of all that the run held: where one number moves otherwise, it is held anew", async () => {
    const comissoes = { "= sum(comissao_valor)": "= sum(comissao_valor * 0)" };
    const { held } = await vendas.held(
      { ...undone, "models/marts/vendas.sql": comissoes },
      accepting(),
    );
    expect(held.map(({ kpi }) => kpi)).toEqual(["quantidade_vendas", "valor_total"]);
    expect(await vendas.published()).toEqual({ vendas: 40, valor: "40000.00" });
  });
});
