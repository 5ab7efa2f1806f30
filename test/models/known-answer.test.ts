import type { PoolClient } from "pg";
import { beforeAll, describe, expect, test } from "vitest";
import { exemplo } from "../../emulator/exemplo.ts";
import type { CvdwRecord } from "../../emulator/record.ts";
import { loadProject, type Project } from "../../runner/models/project.ts";
import { readAccounts } from "../oracle/account.ts";
import { differencesIn } from "../oracle/compare.ts";
import type { SourceAccount } from "../oracle/reservas.ts";
import { expectedTables } from "../oracle/tables/expected-tables.ts";
import { expectedViews } from "../oracle/views/expected-views.ts";
import { projectRoot, runPipeline } from "../pipeline.ts";
import { type TestDatabase, withTestDatabase } from "../postgres.ts";
import { inOneMoment } from "./moment.ts";

let project: Project;
beforeAll(async () => {
  project = await loadProject(projectRoot);
});

describe("the account exemplo", () => {
  test("gives its known answer in marts and views", () =>
    withTestDatabase(async (database) => {
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
    withTestDatabase(async (database) => {
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

async function today(database: TestDatabase): Promise<string> {
  const { rows } = await database.pool.query<{ hoje: string }>("select elt.hoje()::text as hoje");
  return rows[0]?.hoje ?? "";
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
