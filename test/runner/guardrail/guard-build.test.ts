import { readFileSync } from "node:fs";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { troublesOfRun } from "../../../runner/alerts/run-troubles.ts";
import { failureOf } from "../../../runner/failure.ts";
import { knownPerson } from "../../../runner/forget/known-person.ts";
import { eraseFromLogs } from "../../../runner/forget/traces.ts";
import { mapped, openVendas, sales } from "./vendas.ts";

const vendas = await openVendas();
afterAll(() => vendas.drop());
beforeEach(() => vendas.reset());

/** Half of the sales of each account have a situation of their own. */
const half = [...sales(1, 20), ...sales(21, 40, { situacao: "Contrato assinado" })];
const undone = mapped("Contrato assinado", "distrato");
const holds = () =>
  vendas.rows(
    "select run_id::text as run, kpi, conta, outcome from elt.kpi_holds order by run_id, kpi",
  );

describe("a mapping that turns half the sales into distratos", () => {
  test("is held back, and readers keep the numbers of before", async () => {
    await vendas.land(half);
    await vendas.build();
    const { held, message } = await vendas.held(undone);
    const run = vendas.runId();

    expect(await vendas.published()).toEqual({ vendas: 40, valor: "40000.00" });
    expect(held.map(({ kpi, before, after, reason }) => [kpi, before, after, reason])).toEqual([
      ["quantidade_vendas", "40", "20", "unexplained"],
      ["valor_total", "40000.00", "20000.00", "unexplained"],
      ["total_comissoes", "2000.00", "1000.00", "unexplained"],
    ]);
    expect(
      message,
    ).toBe(`Nothing was published, because 3 KPIs of acme would move further than @guard allows:

  quantidade_vendas of acme: 40 → 20 (−50.0 %), guard 10 %: nothing that changed in the source explains it.
  valor_total of acme: 40,000.00 → 20,000.00 (−50.0 %), guard 10 %: nothing that changed in the source explains it.
  total_comissoes of acme: 2,000.00 → 1,000.00 (−50.0 %), guard 10 %: nothing that changed in the source explains it.

What changes: npm run elt -- plan. Where a mapping, a model or the source is wrong, correct it and build again.
If it is right: npm run elt -- publish --accept ${run} --why "…"`);
    expect(vendas.events().filter(({ type }) => type === "kpi-held")).toMatchObject([
      { since: run, kpi: "quantidade_vendas", conta: "acme", model: "marts.vendas" },
      { since: run, kpi: "valor_total", delta: "-20000.00" },
      { since: run, kpi: "total_comissoes" },
    ]);
    expect(vendas.events().some(({ type }) => type === "published")).toBe(false);
  });

  test("is held back also when sales of that situation were edited in the source", async () => {
    await vendas.land(half);
    await vendas.build();
    await vendas.land([{ id: 21, situacao: "Contrato assinado", valor: 1100 }, ...sales(41, 42)]);
    const { held } = await vendas.held(undone);
    expect(held.find(({ kpi }) => kpi === "quantidade_vendas")).toMatchObject({
      ...{ before: "40", after: "22", explained: "41", unexplained: "-19.00" },
      ...{ reason: "unexplained", rowsTouched: 22 },
    });
  });

  test("is held back also when new sales of the source hide it", async () => {
    await vendas.land(half);
    await vendas.build();
    await vendas.land(sales(41, 58));
    const { held } = await vendas.held(undone);
    expect(held.find(({ kpi }) => kpi === "valor_total")).toMatchObject({
      ...{ before: "40000.00", after: "38000.00", explained: "58000.00" },
      ...{ percent: "-5.0", reason: "unexplained" },
    });
  });

  test("is held back as well when it reached the models before the sales", async () => {
    await vendas.land(half);
    await vendas.build();
    await vendas.build(undone, { only: new Set(["marts.estagios_de_situacao"]) });
    const { held } = await vendas.held(undone);
    expect(held).toHaveLength(3);
    expect(await vendas.published()).toEqual({ vendas: 40, valor: "40000.00" });
  });

  test("opens an incident of each KPI, which ends with the hold", async () => {
    const incidents = () =>
      vendas.rows(
        "select conta, subject, details ->> 'after' as after, closed_at is not null as over from elt.incidents where kind = 'kpi-moved' order by 2",
      );
    await vendas.land(half);
    await vendas.build();
    await vendas.held(undone);
    await vendas.held(undone);
    expect(await incidents()).toEqual([
      { conta: "acme", subject: "marts.vendas quantidade_vendas", after: "20", over: false },
      { conta: "acme", subject: "marts.vendas total_comissoes", after: "1000.00", over: false },
      { conta: "acme", subject: "marts.vendas valor_total", after: "20000.00", over: false },
    ]);
    await vendas.build();
    expect((await incidents()).map(({ over }) => over)).toEqual([true, true, true]);
  });
});

describe("the end of a run that was held back", () => {
  test("is told by the incidents of its KPIs, and not as a run that failed", async () => {
    await vendas.land(half);
    await vendas.build();
    const error = await vendas.held(undone);
    const end = { conta: "acme", runId: vendas.runId(), results: undefined };
    const { found, isJudged } = troublesOfRun({ ...end, ending: { status: "failed", error } });
    expect(found).toEqual([]);
    const judged = (["tests-failing", "kpi-moved", "run-failed"] as const).filter((kind) =>
      isJudged({ kind, conta: "acme", subject: "" }),
    );
    // It came to its guards, so every test passed.
    expect(judged).toEqual(["tests-failing"]);
    expect(failureOf(error)).toMatchObject({ exitCode: 1, message: error.message });
  });
});

describe("what is held back", () => {
  beforeEach(async () => {
    await vendas.land(half);
    await vendas.build();
  });

  test("stays the matter of the first run while the numbers are the same", async () => {
    const first = await vendas.held(undone).then(() => vendas.runId());
    const { message } = await vendas.held(undone);
    expect(message).toContain(`as in run ${first}:`);
    expect(message).toContain(`--accept ${first}`);
    expect(
      await vendas.rows(
        "select distinct run_id::text as run, last_run_id::text as last from elt.kpi_holds",
      ),
    ).toEqual([{ run: first, last: vendas.runId() }]);
  });

  test("is published when somebody accepts it, who and why are kept", async () => {
    await vendas.held(undone);
    const accept = { run: vendas.runId(), by: "ana on servidor", why: "conferido" };
    await vendas.build(undone, { accept });
    expect(await vendas.published()).toEqual({ vendas: 20, valor: "20000.00" });
    expect(
      await vendas.rows(
        "select outcome, accepted_by, accepted_why, closed_in::text as run from elt.kpi_holds where kpi = 'valor_total'",
      ),
    ).toEqual([
      {
        outcome: "accepted",
        accepted_by: "ana on servidor",
        accepted_why: "conferido",
        run: vendas.runId(),
      },
    ]);
    expect(vendas.events().filter(({ type }) => type === "kpi-released")).toHaveLength(3);
    // The accepted numbers are what the next build is compared with.
    await vendas.build(undone);
    expect(vendas.events().some(({ type }) => type === "kpi-released")).toBe(false);
  });

  test("is not published by an acceptance of other numbers, and is held anew", async () => {
    await vendas.held(undone);
    const run = vendas.runId();
    await vendas.land([{ id: 1, valor: 1000.01 }]);
    const accept = { run, by: "ana", why: "conferido" };
    const { message } = await vendas.held(undone, { accept });
    expect(message).toContain(`by other numbers than those of run ${run}:`);
    expect(message).toContain(`--accept ${vendas.runId()} `);
    expect(await vendas.published()).toEqual({ vendas: 40, valor: "40000.00" });
    const outcomes = (await holds()).map((hold) => [hold.run, hold.outcome]);
    expect(new Set(outcomes.map((pair) => pair.join()))).toEqual(
      new Set([`${run},replaced`, `${vendas.runId()},`]),
    );
    const again = { ...accept, run: vendas.runId() };
    await vendas.build(undone, { accept: again });
    expect(await vendas.published()).toEqual({ vendas: 20, valor: "20000.01" });
  });

  test("is not published by an acceptance of another run", async () => {
    await vendas.held(undone);
    const accept = { run: "999999", by: "ana", why: "conferido" };
    await vendas.held(undone, { accept });
    expect(await vendas.published()).toEqual({ vendas: 40, valor: "40000.00" });
  });

  test("ends with the next publication that moves within the limits", async () => {
    await vendas.held(undone);
    const run = vendas.runId();
    await vendas.land(sales(41, 42));
    await vendas.build();
    expect(await vendas.published()).toEqual({ vendas: 42, valor: "42000.00" });
    expect(await holds()).toEqual(
      ["quantidade_vendas", "total_comissoes", "valor_total"].map((kpi) => ({
        ...{ run, kpi, conta: "acme", outcome: "within-limits" },
      })),
    );
  });

  test("goes on while builds of other models are published", async () => {
    await vendas.held(undone);
    await vendas.build({}, { only: new Set(["marts.repasses"]) });
    expect((await holds()).every(({ outcome }) => outcome === null)).toBe(true);
  });
});

describe("changes that came from the source", () => {
  const rows = (share: string) => ({ "models/marts/vendas.sql": { "rows 25%": `rows ${share}%` } });

  test("are published when they explain the move to the cent and are few enough", async () => {
    await vendas.land(half);
    await vendas.build();
    await vendas.land(sales(41, 50, { valor: 3000.33 }));
    await vendas.build();
    expect(await vendas.published()).toEqual({ vendas: 50, valor: "70003.30" });
    await vendas.land([...sales(1, 5, { valor: 9000 })]);
    await vendas.build();
    await vendas.remove([1, 2, 3, 4, 5]);
    await vendas.build();
    expect(await vendas.published()).toEqual({ vendas: 45, valor: "65003.30" });
  });

  test("are held back when more rows than configured changed at once, else published", async () => {
    await vendas.land(half);
    await vendas.build(rows("25"));
    await vendas.land(sales(41, 52));
    const { held, message } = await vendas.held(rows("25"));
    expect(held.map(({ kpi, reason, rowsTouched }) => [kpi, reason, rowsTouched])).toEqual([
      ["quantidade_vendas", "too-many-rows", 12],
      ["valor_total", "too-many-rows", 12],
      ["total_comissoes", "too-many-rows", 12],
    ]);
    expect(message).toContain(
      "valor_total of acme: 40,000.00 → 52,000.00 (+30.0 %), guard 10 %: the source explains it, but 12 of 40 rows changed at once (guard: rows 25 %).",
    );
    await vendas.build(rows("30"));
    expect(await vendas.published()).toEqual({ vendas: 52, valor: "52000.00" });
  });

  test("do not cover a single cent that something else moved", async () => {
    await vendas.land(half);
    await vendas.build();
    await vendas.land(sales(41, 46));
    const cent = {
      "models/marts/vendas.sql": {
        "    vendas.valor,\n    vendas.data_venda":
          "    (vendas.valor + case when vendas.reserva_id = 7 then 0.01 else 0 end)::numeric(15, 2) as valor,\n    vendas.data_venda",
      },
    };
    const { held } = await vendas.held(cent);
    expect(held).toMatchObject([
      { kpi: "valor_total", after: "46000.01", explained: "46000.00", unexplained: "0.01" },
    ]);
    await vendas.build();
  });

  test("count as theirs what a commission moves that changed hands", async () => {
    await vendas.land(half);
    await vendas.build();
    await vendas.land(sales(1, 4, { comissao: 500 }));
    await vendas.build();
    expect(await vendas.rows("select sum(comissao_valor)::text as c from marts.vendas")).toEqual([
      { c: "3800.00" },
    ]);
  });

  test("are held back when the source loses a field of every record", async () => {
    await vendas.land(half);
    await vendas.build();
    await vendas.land(half.map((sale) => ({ ...sale, valor: 0 })));
    const { held } = await vendas.held({}, { fullRefresh: true });
    expect(held.find(({ kpi }) => kpi === "valor_total")).toMatchObject({
      ...{ after: "0.00", reason: "too-many-rows", rowsTouched: 40 },
    });
  });

  test("count since the sales were published, also when staging was published alone", async () => {
    await vendas.land(half);
    await vendas.build();
    await vendas.land(sales(41, 46));
    await vendas.build({}, { only: new Set(["staging.reservas", "staging.comissoes"]) });
    await vendas.build();
    expect(await vendas.published()).toMatchObject({ vendas: 46 });
  });
});

describe("accounts", () => {
  test("are guarded each by itself, and the sentence names them", async () => {
    await vendas.land(half);
    await vendas.land(sales(1, 60), { conta: "outra" });
    await vendas.build();
    const { held, message } = await vendas.held(undone);
    expect(new Set(held.map(({ conta }) => conta))).toEqual(new Set(["acme"]));
    expect(message.split("\n")[0]).toContain("3 KPIs of acme would");
    await vendas.land([...half, ...sales(41, 60, { situacao: "Contrato assinado" })], {
      conta: "terceira",
    });
    await vendas.build();
    const both = await vendas.held(undone);
    expect(both.message.split("\n")[0]).toContain("6 KPIs of acme, terceira would");
  });

  test("are not held by their first publication, nor when they are small", async () => {
    await vendas.land([...sales(1, 9), ...sales(10, 19, { situacao: "Contrato assinado" })]);
    await vendas.build();
    await vendas.build(undone);
    expect(await vendas.published()).toMatchObject({ vendas: 9 });
    await vendas.land(half, { conta: "nova" });
    await vendas.build(undone);
    expect(await vendas.published("nova")).toMatchObject({ vendas: 20 });
  });

  test("are not held while an object is read for the first time, slice by slice", async () => {
    await vendas.land(sales(1, 30), { verdict: "stopped" });
    await vendas.build();
    await vendas.land(sales(31, 90), { verdict: "stopped" });
    await vendas.build();
    await vendas.land(sales(91, 200));
    await vendas.build();
    expect(await vendas.published()).toMatchObject({ vendas: 200 });
    await vendas.land(sales(201, 300));
    await vendas.held();
  });

  test("are held by what nothing explains also while an object never comes to its end", async () => {
    await vendas.land(half, { verdict: "failed" });
    await vendas.build();
    await vendas.land(sales(41, 42), { verdict: "failed" });
    const { held } = await vendas.held(undone);
    expect(held[0]).toMatchObject({ kpi: "quantidade_vendas", reason: "unexplained" });
  });
});

describe("a change of the models", () => {
  const valor = (text: string) => ({
    "    vendas.valor,\n    vendas.data_venda": `    ${text} as valor,\n    vendas.data_venda`,
  });
  const raised = valor("(vendas.valor * 1.2)::numeric(15, 2)");
  const column = {
    "    vendas.quantidade_comissoes::integer as quantidade_comissoes\n":
      "    vendas.quantidade_comissoes::integer as quantidade_comissoes,\n    1::integer as um\n",
  };
  beforeEach(async () => {
    await vendas.land(half);
    await vendas.build();
  });

  test("is held back when it moves a KPI, in place or with other columns", async () => {
    for (const edits of [
      raised,
      { ...raised, ...column },
      valor("(vendas.valor * 1.2)::numeric(18, 2)"),
    ]) {
      const { held } = await vendas.held({ "models/marts/vendas.sql": edits });
      expect(held).toMatchObject([
        {
          kpi: "valor_total",
          before: "40000.00",
          after: "48000.00",
          reason: "unexplained",
          rowsTouched: 40,
        },
        { kpi: "ticket_medio", before: "1000.00", after: "1200.00" },
      ]);
    }
    expect(await vendas.published()).toEqual({ vendas: 40, valor: "40000.00" });
    expect(await vendas.rows("select from pg_namespace where nspname like 'elt_next%'")).toEqual(
      [],
    );
  });

  test("is published when the numbers stay, whatever comes from the source beside it", async () => {
    await vendas.land(sales(41, 48));
    await vendas.build({ "models/marts/vendas.sql": column });
    expect(await vendas.rows("select sum(um)::int as um from marts.vendas")).toEqual([{ um: 48 }]);
  });

  test("to another key has rows that cannot be told apart: nothing explains a move", async () => {
    const key = { "-- @key    conta, reserva_id\n": "-- @key    reserva_id, conta\n" };
    await vendas.land(sales(41, 48));
    const { held } = await vendas.held({ "models/marts/vendas.sql": key });
    expect(held.find(({ kpi }) => kpi === "valor_total")).toMatchObject({
      ...{ reason: "unexplained", rowsTouched: null, explained: "40000.00" },
    });
  });

  test("to a published column that somebody dropped is told, and what is left is guarded", async () => {
    await vendas.rows("alter table marts.vendas drop column valor cascade");
    await vendas.build({}, { fullRefresh: true });
    expect(vendas.events()).toContainEqual({
      type: "warning",
      message:
        "marts.vendas.valor is not published, or of another type: what @guard counts by it cannot be compared this time.",
    });
    expect(await vendas.published()).toEqual({ vendas: 40, valor: "40000.00" });
  });
});

describe("a hold", () => {
  const without = {
    "models/marts/vendas.sql": Object.fromEntries(
      readFileSync("models/marts/vendas.sql", "utf8")
        .split("\n")
        .flatMap((line) => (line.startsWith("-- @guard") ? [[`${line}\n`, ""]] : [])),
    ),
  };
  beforeEach(async () => {
    await vendas.land(half);
    await vendas.build();
    await vendas.held(undone);
  });

  test("is over, with its incident, when its model is guarded no longer", async () => {
    await vendas.build({ ...undone, ...without });
    expect(new Set((await holds()).map(({ outcome }) => outcome))).toEqual(new Set(["unguarded"]));
    expect(vendas.events()).toContainEqual(
      expect.objectContaining({ type: "kpi-released", outcome: "unguarded" }),
    );
    expect(await vendas.rows("select from elt.incidents where closed_at is null")).toEqual([]);
  });

  test("whose end nobody could tell, since its process was killed, leaves no incident", async () => {
    await vendas.rows(
      "update elt.kpi_holds set closed_at = now(), closed_in = 1, outcome = 'within-limits'",
    );
    await vendas.build();
    expect(await vendas.rows("select from elt.incidents where closed_at is null")).toEqual([]);
  });

  test("can lose who accepted it and why, when somebody is forgotten", async () => {
    const accept = { run: vendas.runId(), by: "ana on x", why: "falei com Zuleide Ferraz" };
    await vendas.build(undone, { accept });
    const person = knownPerson({ document: undefined, email: undefined });
    const learnt = { ids: [], near: [], emails: [], phones: [], names: ["zuleide ferraz"] };
    person.learn("leads", "1", { by: "document", learnt });
    await eraseFromLogs(vendas.pool, person);
    expect(
      await vendas.rows("select distinct outcome, accepted_by, accepted_why from elt.kpi_holds"),
    ).toEqual([{ outcome: "accepted", accepted_by: "ana on x", accepted_why: null }]);
  });
});

describe("a number that is not one", () => {
  const counted = (text: string) => ({
    "models/marts/vendas.sql": { "= sum(comissao_valor)": `= ${text}` },
  });
  const broken = counted("sum(case when valor = 7 then 'NaN' else comissao_valor end)");

  test("is explained by the source like any other, and no move while it stays so", async () => {
    await vendas.land(half);
    await vendas.build();
    await vendas.build(broken);
    await vendas.land(sales(41, 41, { valor: 7 }));
    await vendas.build(broken);
    await vendas.land(sales(42, 42));
    await vendas.build(broken);
    expect(await vendas.published()).toEqual({ vendas: 42, valor: "41007.00" });
  });
});

describe("a guard that PostgreSQL cannot compute", () => {
  test("is told where it stands, with the first build that has it", async () => {
    await vendas.land(half);
    const wrong = (text: string) => ({
      "models/marts/vendas.sql": { "= sum(valor) filter": `= ${text} filter` },
    });
    await expect(vendas.build(wrong("sum(valro)"))).rejects.toThrow(
      /^models\/marts\/vendas\.sql:15:\d+: @guard valor_total: column "valro" does not exist/,
    );
    // What depends on the rows shows where rows are compared.
    await vendas.build(wrong("sum(1 / (reserva_id - 7))"));
    await vendas.land(sales(41, 41));
    await expect(vendas.build(wrong("sum(1 / (reserva_id - 7))"))).rejects.toThrow(
      /^models\/marts\/vendas\.sql:\d+:\d+: @guard .*valor_total.*: division by zero/,
    );
  });
});
