import fc from "fast-check";
import type { PoolClient } from "pg";
import { beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../emulator/account.ts";
import { exemplo } from "../../emulator/exemplo.ts";
import { generateAccount } from "../../emulator/generate-account.ts";
import type { CvdwRecord } from "../../emulator/record.ts";
import { defaultObjects } from "../../extract/catalogue.ts";
import { loadProject, type Project } from "../../runner/models/project.ts";
import { type AccountFacts, readAccount } from "../oracle/account.ts";
import { boundaryAccount } from "../oracle/boundary-account.ts";
import { differences } from "../oracle/compare.ts";
import { readMappings } from "../oracle/mappings.ts";
import { anyOddity, applyOddities } from "../oracle/oddities.ts";
import { anyReadingSales, type ReadingSale, readingAccount } from "../oracle/reading-account.ts";
import type { OracleRelation } from "../oracle/relation.ts";
import type { SourceAccount } from "../oracle/reservas.ts";
import { expectedTables } from "../oracle/tables.ts";
import { expectedViews } from "../oracle/views.ts";
import { projectRoot, runPipeline } from "../pipeline.ts";
import { createTestDatabase, type TestDatabase } from "../postgres.ts";

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
  project = await loadProject(projectRoot);
});

describe("the account exemplo", () => {
  test("gives its known answer in marts and views", () =>
    withDatabase(async (database) => {
      const account = exemplo({ hoje: await today(database) });
      await runPipeline(database, account, { project });
      await inOneMoment(database, async (client, hoje) => {
        expect(await allDifferences(client, [account], { hoje, project })).toEqual([]);
        const { rows } = await client.query(`
          select count(*)::int as vendas, sum(valor) as valor, avg(valor)::numeric(15, 2) as ticket,
            sum(comissao_valor) as comissoes,
            count(distinct empreendimento_id)::int as empreendimentos,
            count(distinct corretor_id)::int as corretores,
            count(distinct time_corretor)::int as times
          from marts.vendas`);
        expect(rows).toEqual([
          {
            vendas: 5,
            valor: "3425000.00",
            ticket: "685000.00",
            comissoes: "171250.00",
            empreendimentos: 3,
            corretores: 4,
            times: 3,
          },
        ]);
        const views = await client.query(`
          select
            (select array_agg(row(empreendimento, quantidade_vendas, valor_total_vendas)::text
              order by empreendimento)
              from marts.vw_vendas_por_empreendimento) as empreendimentos,
            (select array_agg(row(corretor, time_corretor, quantidade_vendas, total_comissoes)::text
              order by corretor)
              from marts.vw_vendas_por_corretor) as corretores,
            (select array_agg(row(time_corretor, valor_total_vendas)::text order by time_corretor)
              from marts.vw_vendas_por_time) as times`);
        expect(views.rows).toEqual([
          {
            empreendimentos: [
              '("Condomínio Park Residence",1,920000.00)',
              '("Edifício Vista Mar Premium",2,1590000.00)',
              '("Residencial Sol Nascente",2,915000.00)',
            ],
            corretores: [
              '("Ana Costa Ferreira","Team Beta",1,39000.00)',
              '("Carlos Rodrigues","Team Beta",1,40500.00)',
              '("Fernanda Lima","Team Gamma",1,46000.00)',
              '("João Silva Santos","Team Alpha",2,45750.00)',
            ],
            times: [
              '("Team Alpha",915000.00)',
              '("Team Beta",1590000.00)',
              '("Team Gamma",920000.00)',
            ],
          },
        ]);
      });
    }));

  test("is told apart from a source where one record differs, by place and both values", () =>
    withDatabase(async (database) => {
      const account = exemplo({ hoje: await today(database) });
      await runPipeline(database, account, { project });
      await inOneMoment(database, async (client, hoje) => {
        const dearer = withRecord(account, "reservas", 105, { valor_contrato: 920_000.01 });
        const problems = await allDifferences(client, [dearer], { hoje, project });
        expect(problems).toContain(
          "vw_tabela_geral_vendas [cvcrm_id=105, conta=exemplo].valor: oracle 920000.01, database 920000.00",
        );
        expect(problems).toContain(
          "vw_vendas_por_time [time_corretor=Team Gamma, conta=exemplo].valor_total_vendas: oracle 920000.01, database 920000.00",
        );
        const undone = withRecord(account, "reservas", 102, { situacao: "distrato" });
        expect(await allDifferences(client, [undone], { hoje, project })).toContain(
          "vw_tabela_geral_vendas [cvcrm_id=102, conta=exemplo]: unknown to the oracle",
        );
        const without = { conta: "outra", records: account.records };
        expect(await allDifferences(client, [account, without], { hoje, project })).toContain(
          "vendas [conta=outra, reserva_id=101]: missing in the database",
        );
      });
    }));
});

test("every view begins and ends on its day, whatever the sales are worth", () =>
  withDatabase(async (database) => {
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
    await onDays(database, async (client, hoje) => {
      expect(await differencesIn(client, expectedViews(facts, hoje))).toEqual([]);
    });
  }));

test("payment rows are read the likelier way, and as whole rows when it is undecided", () =>
  withDatabase(async (database) => {
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
      withDatabase(async (database) => {
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
          await onDays(database, (client, hoje) => agree(client, expectedViews(facts, hoje)));
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

/** Runs on a database of its own. */
async function withDatabase(run: (database: TestDatabase) => Promise<void>): Promise<void> {
  const database = await createTestDatabase();
  try {
    await run(database);
  } finally {
    await database.drop();
  }
}

async function today(database: TestDatabase): Promise<string> {
  const { rows } = await database.pool.query<{ hoje: string }>("select elt.hoje()::text as hoje");
  return rows[0]?.hoje ?? "";
}

/** Runs in one transaction, whose clock stands still: midnight cannot come between two reads. */
async function inOneMoment(
  database: TestDatabase,
  run: (client: PoolClient, hoje: string) => Promise<void>,
): Promise<void> {
  const client = await database.pool.connect();
  try {
    await client.query("begin");
    const { rows } = await client.query<{ hoje: string }>("select elt.hoje()::text as hoje");
    await run(client, rows[0]?.hoje ?? "");
  } finally {
    await client.query("rollback");
    client.release();
  }
}

/** Runs once for each of `days`, in a transaction where the database takes it for today. */
async function onDays(
  database: TestDatabase,
  run: (client: PoolClient, hoje: string) => Promise<void>,
): Promise<void> {
  for (const day of days) {
    await inOneMoment(database, async (client) => {
      await client.query(
        `create or replace function elt.hoje() returns date
         language sql stable parallel safe return date '${day}'`,
      );
      await run(client, day);
    });
  }
}

type OracleContext = { readonly hoje: string; readonly project: Project };

/** Tables first: what is wrong there is the cause of what is wrong in the views. */
async function allDifferences(
  client: PoolClient,
  accounts: readonly SourceAccount[],
  { hoje, project }: OracleContext,
): Promise<readonly string[]> {
  const facts = readAccounts(accounts, project);
  return differencesIn(client, [...expectedTables(facts), ...expectedViews(facts, hoje)]);
}

function readAccounts(
  accounts: readonly SourceAccount[],
  project: Project,
): readonly AccountFacts[] {
  const mappings = readMappings(project.seeds);
  return accounts.map((account) => readAccount(account, mappings));
}

async function differencesIn(
  client: PoolClient,
  relations: readonly OracleRelation[],
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const relation of relations) problems.push(...(await differences(client, relation)));
  return problems;
}

/** The same account but for some fields of one record. */
function withRecord(
  account: SourceAccount,
  object: string,
  key: number,
  patch: CvdwRecord,
): SourceAccount {
  const patched = (record: CvdwRecord) =>
    record.idreserva === key ? { ...record, ...patch } : record;
  return {
    conta: account.conta,
    records: (name) =>
      name === object ? [...account.records(name)].map(patched) : account.records(name),
  };
}

/** Rows that a customer might keep, at odds with the shipped ones and with each other. */
function withCustomerMappings(base: Project, accounts: readonly Account[]): Project {
  const brokers = accounts.flatMap((account) =>
    [...account.records("corretores")].slice(0, 3).map((record) => String(record.idcorretor)),
  );
  const rows: { readonly [relation: string]: readonly (readonly (string | null)[])[] } = {
    series: [
      ["a", "Parcelas mensais", "fora_do_preco"],
      ["*", "parcelas", "subsidio"],
      ["*", "Permuta", "entrada"],
      ["b", "mensais 2", "financiamento"],
      ["b", "mensais", "parcelas"],
    ],
    situacoes: [
      ["a", "em assinatura", "cancelada"],
      ["*", "Distrato Parcial", "distrato"],
      ["*", "em assinatura", "distrato"],
    ],
    times: [
      ["*", brokers[0] ?? null, "Time Geral"],
      ["a", brokers[0] ?? null, "Time de A"],
      ["b", brokers[4] ?? null, "Time de B"],
      ["a", brokers[1] ?? null, null],
    ],
    leitura_condicoes: [
      ["*", "total"],
      ["b", "parcela"],
    ],
  };
  return {
    ...base,
    seeds: base.seeds.map((seed) => ({
      ...seed,
      rows: [...seed.rows, ...(rows[seed.relation] ?? []).map((row) => [...row, "cliente"])],
    })),
  };
}
