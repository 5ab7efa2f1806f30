import fc from "fast-check";
import type { PoolClient } from "pg";
import { beforeAll, expect, test } from "vitest";
import { generateAccount } from "../../emulator/generate-account.ts";
import { defaultObjects } from "../../extract/catalogue.ts";
import { loadProject, type Project } from "../../runner/models/project.ts";
import { readAccounts } from "../oracle/account.ts";
import { boundaryAccount } from "../oracle/boundary-account.ts";
import { differencesIn } from "../oracle/compare.ts";
import { withCustomerMappings } from "../oracle/customer-mappings.ts";
import { anyOddity, applyOddities } from "../oracle/oddities.ts";
import { anyReadingSales, type ReadingSale, readingAccount } from "../oracle/reading-account.ts";
import type { OracleRelation } from "../oracle/relation.ts";
import { expectedTables } from "../oracle/tables/expected-tables.ts";
import { expectedViews } from "../oracle/views/expected-views.ts";
import { projectRoot, runPipeline } from "../pipeline.ts";
import { withTestDatabase } from "../postgres.ts";
import { unguarded } from "../project.ts";
import { inOneMoment, onDays } from "./moment.ts";

/** The generated accounts' last day; the database is told that it is today. */
const HOJE = "2026-03-31";
/** Days that the same marts are looked at from: month ends, year ends, a 29 February. */
const days = [
  HOJE,
  "2026-03-01",
  "2026-01-01",
  "2025-12-31",
  "2025-02-28",
  "2024-02-29",
  "2026-09-15",
];

let project: Project;
beforeAll(async () => {
  // Edits and mappings come at random here: what a guard holds back is tested elsewhere.
  project = unguarded(await loadProject(projectRoot));
});

test("every view begins and ends on its day, whatever the sales are worth", () =>
  withTestDatabase(async (database) => {
    const worth = [
      { conta: "valores", valor: (nth: number) => 100_000 + nth * 777.77 },
      { conta: "zeros", valor: () => 0 },
      { conta: "nulos", valor: (nth: number) => (nth % 2 === 0 ? null : 5) },
    ];
    const accounts = worth.map((each) => boundaryAccount({ ...each, todays: days }));
    await runPipeline(database, accounts, { project, now: () => new Date("2026-10-01T12:00:00Z") });
    const facts = readAccounts(accounts, project);
    await inOneMoment(database, async (client) => {
      expect(await differencesIn(client, expectedTables(facts))).toEqual([]);
    });
    await onDays(database, days, async (client, hoje) => {
      expect(await differencesIn(client, expectedViews(facts, hoje))).toEqual([]);
    });
  }));

test("payment rows are read the likelier way, and as whole rows when it is undecided", () =>
  withTestDatabase(async (database) => {
    const samples = fc.sample(anyReadingSales, { seed: 3, numRuns: 12 });
    const accounts = [
      ...samples.map((sales, nth) => readingAccount(`leitura-${nth}`, sales)),
      ...samples.slice(0, 2).map((sales, nth) => readingAccount(`empate-${nth}`, undecided(sales))),
      readingAccount("vinte", clearSales(20)),
      readingAccount("dezenove", clearSales(19)),
    ];
    const objects = defaultObjects.filter(({ name }) => name.startsWith("reservas"));
    await runPipeline(database, accounts, { project, objects });
    const facts = readAccounts(accounts, project);
    const leituraOf = (conta: string) => facts.find((each) => each.conta === conta)?.leitura;
    expect(new Set(samples.map((_, nth) => leituraOf(`leitura-${nth}`))).size).toBe(2);
    expect(["empate-0", "vinte", "dezenove"].map(leituraOf)).toEqual(["total", "parcela", "total"]);
    await inOneMoment(database, async (client) => {
      expect(await differencesIn(client, expectedTables(facts))).toEqual([]);
    });
  }));

/** The same sales paid at once: both readings come equally close. */
function undecided(sales: readonly ReadingSale[]): readonly ReadingSale[] {
  return [...sales, ...sales].map((sale) => ({
    ...sale,
    contrato: 200,
    condicoes: sale.condicoes.map((row) => ({
      ...row,
      quantidade: row.quantidade === null ? null : 1,
    })),
  }));
}

/** So many sales of two instalments each, which add up only as instalments. */
function clearSales(count: number): readonly ReadingSale[] {
  const condicoes = [{ serie: "Mensais", valor: 100, quantidade: 2, ativo: "S" }] as const;
  return Array.from({ length: count }, () => ({ contrato: 200, ativo: "S", condicoes }));
}

/** Two accounts whose ids collide: what is odd about them, and what is edited after a first run. */
const anySource = fc.record({
  seeds: fc.tuple(fc.nat(1_000), fc.nat(1_000)),
  reservas: fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 150, max: 400 })),
  oddities: fc.tuple(
    fc.array(anyOddity, { minLength: 100, maxLength: 400, size: "max" }),
    fc.array(anyOddity, { maxLength: 400, size: "max" }),
  ),
  later: fc.array(anyOddity, { minLength: 5, maxLength: 60, size: "max" }),
});

test("marts and views hold what the records say, for any two accounts, before and after edits and mappings", async () => {
  const readings = new Set<string>();
  await fc.assert(
    fc.asyncProperty(anySource, (source) =>
      withTestDatabase(async (database) => {
        const accounts = (["a", "b"] as const).map((conta, which) => {
          const account = generateAccount({
            conta,
            token: conta,
            seed: source.seeds[which] ?? 0,
            reservas: source.reservas[which] ?? 10,
            hoje: HOJE,
            editsComeBack: true,
          });
          applyOddities(account, source.oddities[which] ?? [], "2026-04-01 08:00:00");
          return account;
        });
        const run = async (now: string, mapped: Project) => {
          const result = await runPipeline(database, accounts, {
            project: mapped,
            pageSize: 100,
            now: () => new Date(now),
          });
          const scans = [...result.scans.values()].flat();
          expect(scans.filter(({ verdict }) => verdict !== "proven")).toEqual([]);
          const facts = readAccounts(accounts, mapped);
          for (const { leitura } of facts) readings.add(leitura);
          const agree = async (client: PoolClient, relations: readonly OracleRelation[]) =>
            expect((await differencesIn(client, relations)).slice(0, 20)).toEqual([]);
          await inOneMoment(database, (client) => agree(client, expectedTables(facts)));
          await onDays(database, days, (client, hoje) => agree(client, expectedViews(facts, hoje)));
        };
        await run("2026-04-01T12:00:00Z", project);
        for (const account of accounts) applyOddities(account, source.later, "2026-04-01 10:00:00");
        await run("2026-04-01T14:00:00Z", withCustomerMappings(project, accounts));
      }),
    ),
    { seed: 1, numRuns: 4, endOnFailure: true },
  );
  expect([...readings].sort()).toEqual(["parcela", "total"]);
});
