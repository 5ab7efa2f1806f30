import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { formatStatus } from "../../../runner/format-status.ts";
import { readSourceAges, type SourceAge } from "../../../runner/freshness/source-ages.ts";
import { landingObjects, orderOf } from "../../../runner/models/order.ts";
import { planBuild } from "../../../runner/models/plan-build.ts";
import { loadProject } from "../../../runner/models/project.ts";
import { projectRoot } from "../../../runner/open-project.ts";
import { startRun } from "../../../runner/run-record.ts";
import { eltHere } from "../../elt-here.ts";
import { withFiles } from "../../project.ts";
import { files, openPessoas, staging } from "../models/pessoas.ts";

const pessoas = await openPessoas();
afterAll(() => pessoas.drop());
beforeEach(async () => {
  await pessoas.reset();
  await pessoas.rows("select landing.create_object('leads')");
  await pessoas.rows("truncate landing.leads");
});

const HOUR = 3_600_000;
const later = (hours: number) => new Date(Date.now() + hours * HOUR);

/** Pessoas with ages for its object, and a second object with a mart of its own. */
function withFresh(value: string): Readonly<Record<string, string>> {
  return {
    "models/staging/pessoas.sql": staging.replace("-- @key", `-- @fresh ${value}\n-- @key`),
    "models/staging/metas.sql": `-- Metas.
-- @key conta, chave
select l.conta, l.chave, l.payload ->> 'id' as meta from landing.leads_atual as l`,
    "models/marts/metas.sql": `-- Metas publicadas.
-- @key conta, meta
select m.conta, m.meta from staging.metas as m`,
    "models/marts/juntas.sql": `-- Pessoas com metas.
-- @key conta, pessoa_id
select p.conta, p.pessoa_id, m.meta
from marts.pessoas as p
left join marts.metas as m on m.conta = p.conta and m.meta = p.pessoa_id::text`,
  };
}

async function landMeta(id: number): Promise<void> {
  await pessoas.rows(`
    with load as (
      insert into elt.loads (conta, objeto, mode, verdict, finished_at)
      values ('acme', 'leads', 'full', 'proven', now()) returning load_id
    )
    insert into landing.leads (conta, chave, load_id, seq, hash, payload)
    select 'acme', '${id}', load_id, 1, gen_random_uuid(), '{"id": ${id}}' from load`);
}

const stale = () => pessoas.events().filter(({ type }) => type === "source-stale");
const names = async (relation: string, column: string) =>
  (await pessoas.rows(`select ${column} as name from ${relation} order by 1`)).map(
    ({ name }) => name,
  );

describe("a build", () => {
  test("says nothing of a source that was read in time, nor before anything was extracted", async () => {
    await pessoas.build(withFresh("warn 12h, error 3d, block"), { now: later(11) });
    expect(stale()).toEqual([]);
    await pessoas.rows("delete from elt.loads");
    await pessoas.build(withFresh("warn 12h, error 3d, block"), { now: later(1_000) });
    expect(stale()).toEqual([]);
  });

  test("names object, account, age and what it feeds, and publishes all the same", async () => {
    await pessoas.land(9, { nome: "Zé", valor: "1" }, "outra");
    await pessoas.rows(
      "update elt.loads set finished_at = finished_at - interval '2 hours' where conta = 'outra'",
    );
    await pessoas.build(withFresh("warn 12h, error 3d"), { now: later(11) });
    const feeds = ["staging.pessoas", "marts.pessoas", "marts.juntas", "marts.vw_soma"];
    expect(stale()).toEqual([
      {
        ...{ type: "source-stale", conta: "outra", object: "demandas", level: "warn" },
        ...{ readAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/), withholds: false },
        ...{ ageSeconds: expect.any(Number), limitSeconds: 12 * 3_600, blocks: false },
        ...{ warnSeconds: 12 * 3_600, errorSeconds: 3 * 86_400 },
        feeds: expect.arrayContaining(feeds),
      },
    ]);
    const [event] = stale();
    if (event?.type !== "source-stale") throw new Error("no event");
    expect(event.feeds).toHaveLength(feeds.length);
    expect(Math.abs(event.ageSeconds - 13 * 3_600)).toBeLessThan(600);
    expect(await names("marts.pessoas", "pessoa_id::int")).toEqual([1, 2, 9]);

    await pessoas.land(10, { nome: "Bia", valor: "1" });
    await pessoas.rows("update elt.loads set finished_at = now()");
    const late = await pessoas.build(withFresh("warn 12h, error 3d"), { now: later(100) });
    expect(stale()).toMatchObject([
      { level: "error", withholds: false },
      { level: "error", withholds: false },
    ]);
    expect(late.withheld).toEqual({ models: [], objects: [] });
    expect(await names("marts.pessoas", "pessoa_id::int")).toEqual([1, 2, 9, 10]);
  });

  test("counts only proven readings of the whole, not backfills, failures and unproven ones", async () => {
    for (const [mode, verdict] of [
      ["backfill", "proven"],
      ["full", "failed"],
      ["incremental", "unproven"],
      ["full", "stopped"],
    ]) {
      await pessoas.rows(`insert into elt.loads (conta, objeto, mode, verdict, started_at, finished_at)
        values ('acme', 'demandas', '${mode}', '${verdict}', now() + interval '50 hours', now() + interval '50 hours')`);
    }
    await pessoas.build(withFresh("warn 12h"), { now: later(51) });
    expect(stale()).toMatchObject([{ level: "warn", conta: "acme" }]);
  });

  test("measures an object that was never read to its end from the account's first reading", async () => {
    const changes = withFresh("warn 12h, error 3d");
    await pessoas.rows("delete from elt.loads");
    await landMeta(1);
    await pessoas.build(changes, { now: later(1) });
    expect(stale()).toEqual([]);
    await pessoas.build(changes, { now: later(13) });
    expect(stale()).toMatchObject([{ object: "demandas", readAt: null, level: "warn" }]);
  });

  test("with block keeps what the object feeds as published, and builds the rest", async () => {
    const changes = withFresh("error 3d, block");
    await landMeta(1);
    const first = await pessoas.build(changes);
    expect(first.withheld.models).toEqual([]);
    await pessoas.land(3, { nome: "Nova", valor: "1" });
    await pessoas.rows(
      "update elt.loads set finished_at = finished_at - interval '100 hours' where objeto = 'demandas'",
    );
    await landMeta(2);

    const second = await pessoas.build(changes, { now: new Date() });
    expect(second.withheld.objects).toEqual(["demandas"]);
    expect([...second.withheld.models].sort()).toEqual([
      ...["marts.juntas", "marts.pessoas", "marts.vw_soma", "staging.pessoas"],
    ]);
    expect(stale()).toMatchObject([{ level: "error", withholds: true }]);
    expect(await names("marts.pessoas", "pessoa_id::int")).toEqual([1, 2]);
    expect(await names("marts.metas", "meta")).toEqual(["1", "2"]);

    // Read again, it catches up.
    await pessoas.rows("update elt.loads set finished_at = now() where objeto = 'demandas'");
    const third = await pessoas.build(changes);
    expect(third.withheld.models).toEqual([]);
    expect(await names("marts.pessoas", "pessoa_id::int")).toEqual([1, 2, 3]);
    expect(await names("marts.juntas", "meta")).toEqual(["1", "2", null]);
  });

  test("that is planned tells what would stay", async () => {
    const changes = withFresh("error 3d, block");
    await pessoas.build(changes);
    await pessoas.land(3, { nome: "Nova", valor: "1" });
    const runId = await startRun(pessoas.pool, { command: "plan", conta: null });
    const plan = await planBuild(
      { pool: pessoas.pool, runId, emit: () => undefined },
      await pessoas.project(changes),
      { now: later(100) },
    );
    expect(plan.withheld.objects).toEqual(["demandas"]);
    expect(plan.tables.find(({ model }) => model === "marts.pessoas")).toBeUndefined();
  });
});

describe("ages that a build keeps", () => {
  test("are those of the files, and go with them", async () => {
    await pessoas.build(withFresh("warn 12h"));
    const kept = () => readSourceAges(pessoas.pool, later(20));
    expect(await kept()).toMatchObject([
      { object: "demandas", level: "warn", warnSeconds: 43_200 },
    ]);
    await pessoas.build(withFresh("warn 1d"));
    expect(await kept()).toMatchObject([{ level: "fresh" }]);
    await pessoas.build();
    expect(await kept()).toEqual([]);
  });

  test("are declared by every staging model of this project, with room for the night", async () => {
    const order = orderOf(await loadProject(projectRoot));
    for (const model of order.filter(({ stage }) => stage === "staging")) {
      expect(landingObjects([model])).toHaveLength(1);
      const { warnSeconds, errorSeconds } = model.header.fresh ?? {};
      // From the last run at 22 h to the first at 6 h, and that run's own time.
      expect(warnSeconds, model.name).toBeGreaterThanOrEqual(10 * 3_600);
      expect(errorSeconds, model.name).toBeGreaterThan(warnSeconds ?? Number.POSITIVE_INFINITY);
    }
  });
});

describe("a person at a terminal", () => {
  test("sees in elt status which source is stale and what it feeds", async () => {
    await pessoas.build(withFresh("warn 12h"));
    await pessoas.rows("update elt.loads set finished_at = finished_at - interval '13 hours'");
    const { code, out } = await eltHere(["status", "--json"], { DATABASE_URL: pessoas.url });
    expect(code).toBe(0);
    const status = JSON.parse(out.trim().split("\n").at(-1) ?? "");
    expect(status.freshness).toMatchObject([
      { conta: "acme", object: "demandas", level: "warn", limitSeconds: 43_200 },
    ]);
  });

  test("reads in the text of elt status what is behind, also when it was never asked for", () => {
    const age: Omit<SourceAge, "object"> = {
      ...{ conta: "acme", readAt: "2026-03-01T10:00:00.000Z", ageSeconds: 60 * 3_600 },
      ...{ level: "error", limitSeconds: 2 * 86_400, warnSeconds: 3_600, errorSeconds: 2 * 86_400 },
      ...{ blocks: true, feeds: ["staging.reservas", "marts.reservas", "marts.vendas"] },
    };
    const reservas = {
      ...{ conta: "acme", object: "reservas", live: 1, removed: 0, watched: 0, quarantined: 0 },
      ...{ repaired: 0, verdict: "proven", mode: "full", read: 1, new: 1, error: null },
      ...{ last_read: "2026-03-01 07:00", last_proven: "2026-03-01 07:00", next_from: null },
      ...{ page_size: null, open_scans: [] },
    };
    const text = formatStatus({
      ...{ publication: null, incidents: 0, held: [], runs: [], objects: [reservas], drift: [] },
      freshness: [
        { ...age, object: "reservas" },
        { ...age, object: "leads", readAt: null, blocks: false, feeds: ["staging.leads"] },
        { ...age, object: "unidades", level: "fresh", limitSeconds: null },
      ],
    });
    expect(text.split("\n").slice(-2)).toEqual([
      "      stale (error): read to its end 2 days ago, limit 2 days; holds back marts.reservas, marts.vendas",
      "  leads stale (error): not read to its end in 2 days, limit 2 days; feeds staging.leads",
    ]);
  });

  test("learns what a build held back and what to do about it, with exit 3", async () => {
    await withFiles({ ...files, ...withFresh("error 2d, block") }, async (folder) => {
      const build = (...args: readonly string[]) =>
        eltHere(["build", "--project", folder, ...args], { DATABASE_URL: pessoas.url });
      expect((await build()).code).toBe(0);
      await pessoas.rows("update elt.loads set finished_at = finished_at - interval '50 hours'");
      const { code, out, err } = await build("--json");
      expect(code).toBe(3);
      expect(err).toEqual(
        expect.stringMatching(
          /^marts\.[a-z_]+, marts\.[a-z_]+, marts\.[a-z_]+ stay as published: demandas is older than @fresh allows, with block\. Extract first \(npm run elt\); what does not rest on it was built\.\n$/,
        ),
      );
      expect(out).toContain('"type":"source-stale","conta":"acme","object":"demandas"');
      expect(out).toContain('"type":"published"');
      const [last] = await pessoas.rows(
        "select exit_code, error from elt.runs order by run_id desc limit 1",
      );
      expect(last).toMatchObject({ exit_code: 3, error: expect.stringContaining("demandas") });
    });
  });
});
