import { beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../../emulator/account.ts";
import { exemplo } from "../../../emulator/exemplo.ts";
import {
  buildEnvironment,
  type EnvironmentReport,
} from "../../../runner/environments/build-environment.ts";
import { dropEnvironment } from "../../../runner/environments/drop-environment.ts";
import type { EnvironmentRequest } from "../../../runner/environments/environment-build.ts";
import { seeEnvironment } from "../../../runner/environments/see-environment.ts";
import type { BuildEvent } from "../../../runner/events.ts";
import { loadProject, type Project } from "../../../runner/models/project.ts";
import { findModel } from "../../../runner/models/selection.ts";
import { showModel } from "../../../runner/models/show-model.ts";
import { startRun } from "../../../runner/run-record.ts";
import { buildModels, extractAccounts, projectRoot } from "../../pipeline.ts";
import { type TestDatabase, withTestDatabase } from "../../postgres.ts";
import { databasePrint } from "./database-print.ts";

let project: Project;
beforeAll(async () => {
  project = await loadProject(projectRoot);
});

type Story = {
  readonly database: TestDatabase;
  readonly account: Account;
  /** A day so many days before today, Brasília. */
  readonly day: (before: number) => string;
  /** Reads the whole source as if that day's afternoon had come. */
  readonly land: (before: number) => Promise<void>;
  /** The same, and publishes on that day; `keep` names a schema for a copy of all that readers see. */
  readonly live: (before: number, keep?: string) => Promise<void>;
  readonly buildAsOf: (
    name: string,
    before: number,
    request?: Partial<EnvironmentRequest>,
  ) => Promise<{ readonly report: EnvironmentReport; readonly warnings: readonly string[] }>;
};

const DAY_MS = 86_400_000;

/** A database in which days can be lived one after the other, each with its own landing. */
async function withStory(tell: (story: Story) => Promise<void>): Promise<void> {
  await withTestDatabase(async (database) => {
    const { pool } = database;
    const { rows } = await pool.query<{ today: string }>("select elt.hoje()::text as today");
    const noon = Date.parse(`${rows[0]?.today}T15:00:00Z`);
    const moment = (before: number) => new Date(noon - before * DAY_MS);
    const day = (before: number) => moment(before).toISOString().slice(0, 10);
    const account = exemplo({ hoje: day(0) });

    /** The day that the whole database takes for today; undefined: the clock's. */
    const turnTo = (today: string | undefined) =>
      pool.query(
        `create or replace function elt.hoje() returns date language sql stable parallel safe
         return ${today === undefined ? "(now() at time zone 'America/Sao_Paulo')::date" : `date '${today}'`}`,
      );

    async function land(before: number): Promise<void> {
      const { rows: loads } = await pool.query("select max(load_id) as last from elt.loads");
      await extractAccounts(database, account, {
        scan: { full: true },
        now: () => moment(before),
      });
      const { rows: objects } = await pool.query<{ name: string }>(
        "select relname as name from pg_class where relnamespace = 'landing'::regnamespace and relkind = 'r'",
      );
      for (const { name } of objects) {
        await pool.query(`update landing.${name} set landed_at = $1 where load_id > $2`, [
          moment(before),
          loads[0].last ?? 0,
        ]);
      }
      await pool.query("update elt.removals set returned_at = $1 where returned_in > $2", [
        moment(before),
        loads[0].last ?? 0,
      ]);
    }

    await tell({
      database,
      account,
      day,
      land,
      async live(before, keep) {
        await land(before);
        await turnTo(day(before));
        await buildModels(database, { project });
        if (keep !== undefined) await copyAll(database, keep);
        await turnTo(undefined);
      },
      async buildAsOf(name, before, request = {}) {
        const events: BuildEvent[] = [];
        const runId = await startRun(pool, { command: "env build", conta: null });
        const report = await buildEnvironment(
          { pool, runId, emit: (event) => events.push(event) },
          project,
          { name, asOf: day(before), end: "commit", ...request },
        );
        const warnings = events.flatMap((event) =>
          event.type === "warning" ? [event.message] : [],
        );
        return { report, warnings };
      },
    });
  });
}

async function copyAll({ pool }: TestDatabase, schema: string): Promise<void> {
  await pool.query(`create schema ${schema}`);
  for (const { name } of project.models) {
    const copy = `${schema}.${name.replace(".", "_")}`;
    await pool.query(`create table ${copy} as select * from ${name}`);
  }
}

/** What an environment and a kept copy do not have in common, by model. */
async function differences({ pool }: TestDatabase, environment: string, kept: string) {
  const found: Record<string, number> = {};
  for (const { name } of project.models) {
    const own = `table ${environment}_${name}`;
    const copy = `table ${kept}.${name.replace(".", "_")}`;
    const { rows } = await pool.query(
      `select count(*)::int as n from ((${own} except all ${copy}) union all (${copy} except all ${own})) as d`,
    );
    if (rows[0].n !== 0) found[name] = rows[0].n;
  }
  return found;
}

describe("the past", () => {
  test("is what a build on each of its days published, row for row, in every model and view", () =>
    withStory(async ({ database, account, day, land, live, buildAsOf }) => {
      const { pool } = database;
      await live(40, "kept_40");

      account.edit("reservas", 101, { valor_contrato: 999_000, cliente: "Outra Pessoa" });
      account.edit("comissoes", Number([...account.records("comissoes")][0]?.idcomissao), {
        valor_comissao: 1,
      });
      account.remove("reservas", 103);
      account.remove("unidades", Number([...account.records("unidades")][0]?.idunidade));
      account.insert("reservas", {
        ...[...account.records("reservas")][0],
        idreserva: 900,
        valor_contrato: 123_000,
      });
      await land(12);
      // Missing in one full reading, they are watched; missing in the second, removed.
      await live(10, "kept_10");
      expect(
        (await pool.query("select from elt.removals where removed_in is not null")).rowCount,
      ).toBe(2);

      account.insert("reservas", {
        ...[...account.records("reservas")][0],
        idreserva: 103,
        valor_contrato: 5,
      });
      account.edit("reservas", 101, { valor_contrato: 450_000 });
      account.edit("reservas", 900, { situacao: "Distrato" });
      await live(3, "kept_3");
      account.edit("reservas", 102, { valor_contrato: 1 });
      await land(0);

      const before = await databasePrint(pool, "x", "y", "z");
      await buildAsOf("x", 40);
      expect(await differences(database, "x", "kept_40")).toEqual({});
      // A day on which nothing was landed shows the last landed before, and its own today.
      await buildAsOf("y", 10);
      expect(await differences(database, "y", "kept_10")).toEqual({});
      await buildAsOf("z", 3);
      expect(await differences(database, "z", "kept_3")).toEqual({});
      expect(Object.keys(await differences(database, "x", "kept_3"))).toContain("marts.vendas");
      expect(await databasePrint(pool, "x", "y", "z")).toEqual(before);

      // The same environment on another day, computed anew where that makes a difference.
      const moved = await buildAsOf("z", 40);
      expect(await differences(database, "z", "kept_40")).toEqual({});
      expect(moved.report.asOf).toBe(day(40));
      const again = await buildAsOf("z", 40);
      expect(new Set(again.report.models.map(({ mode }) => mode))).toEqual(new Set(["unchanged"]));

      await dropEnvironment(pool, "x");
      await dropEnvironment(pool, "y");
      await dropEnvironment(pool, "z");
      expect(await databasePrint(pool)).toEqual(before);
    }));

  test("is compared with what is published, can be shown, and says what is not of the past", () =>
    withStory(async ({ database: { pool }, account, live, buildAsOf }) => {
      await live(9);
      account.edit("reservas", 101, { valor_contrato: 999_000 });
      await live(0);
      const { report, warnings } = await buildAsOf("x", 9);
      expect(report.tables.find(({ model }) => model === "marts.vendas")).toMatchObject({
        changed: 1,
        added: 0,
        removed: 0,
      });
      expect(warnings).toEqual([
        "Mappings (models/seeds) are those of today: their past is not kept.",
      ]);

      const { environment, ...seen } = await seeEnvironment(pool, project, "x");
      const built = { ...seen, asOf: environment.asOf };
      const cell = async (of: typeof built | undefined, name: string, column: string) => {
        const shown = await showModel(pool, project, findModel(project, name), {
          limit: 50,
          built: of,
        });
        const at = shown.columns.indexOf(column);
        const id = shown.columns.indexOf("reserva_id");
        return shown.rows.find((row) => row[id] === "101")?.[at];
      };
      expect(await cell(undefined, "staging.reservas", "valor_contrato")).toBe("999000.00");
      expect(await cell(built, "staging.reservas", "valor_contrato")).toBe("450000.00");
      expect(await cell(built, "vendas", "valor")).toBe("450000.00");
    }));
});
