import pg from "pg";
import { loadProject } from "../runner/models/project.ts";
import { projectRoot } from "../runner/open-project.ts";
import { build, editReservas, landAccount } from "./build.ts";
import { withBenchDatabase } from "./database.ts";
import { print } from "./report.ts";

const READERS = 20;
const PUBLISHES = 20;
/** How often pg_stat_activity is looked at. */
const SAMPLE_MS = 10;

/**
 * Twenty connections that read two KPI views in one snapshot each, over and over, while twenty builds
 * publish edits, one of them computing everything; one more reader holds a mart in an idle
 * transaction. Prints reads, errors, totals that disagreed, and the longest wait for a lock that
 * pg_stat_activity showed of a reader.
 */
export async function benchReaders(sizes: readonly number[]): Promise<void> {
  const project = await loadProject(projectRoot);
  for (const size of sizes.length > 0 ? sizes : [10_000]) {
    await withBenchDatabase(async ({ pool }) => {
      await landAccount(pool, Math.max(1, Math.round(size / 10_000)), Math.min(size, 10_000));
      await build(pool, project);
      const found = { reads: 0, errors: 0, disagreed: 0, longestWaitMs: 0 };
      let isDone = false;
      const client = async () => {
        const one = new pg.Client({ ...pool.options, application_name: "bench reader" });
        await one.connect();
        return one;
      };
      const read = async (): Promise<void> => {
        const reader = await client();
        while (!isDone) {
          try {
            if ((await readTotals(reader)) === "disagree") found.disagreed++;
            found.reads++;
          } catch {
            found.errors++;
            await reader.query("rollback").catch(() => undefined);
          }
        }
        await reader.end();
      };
      const watch = async (): Promise<void> => {
        while (!isDone) {
          const { rows } = await pool.query(
            `select coalesce(max(extract(epoch from clock_timestamp() - waitstart) * 1000), 0) as ms
             from pg_locks
             inner join pg_stat_activity using (pid)
             where not granted and application_name = 'bench reader'`,
          );
          found.longestWaitMs = Math.max(found.longestWaitMs, Number(rows[0].ms));
          await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
        }
      };
      const idle = await client();
      await idle.query("begin; select from marts.vendas limit 1");
      const publish = async (): Promise<void> => {
        for (let i = 0; i < PUBLISHES; i++) {
          await editReservas(pool);
          await build(pool, project, i === PUBLISHES - 1 ? { fullRefresh: true } : {});
        }
        isDone = true;
      };
      await Promise.all([publish(), watch(), ...Array.from({ length: READERS }, read)]);
      await idle.end();
      print(`readers: ${size} reservas, ${READERS} connections, ${PUBLISHES} publications`);
      print(`  reads ${found.reads}, errors ${found.errors}, disagreed ${found.disagreed}`);
      print(`  longest wait for a lock ${Math.round(found.longestWaitMs)} ms`);
    });
  }
}

/** Months and table of the same two years, in one snapshot. */
async function readTotals(reader: pg.Client): Promise<"agree" | "disagree"> {
  await reader.query("begin isolation level repeatable read");
  const { rows: months } = await reader.query(
    "select sum(quantidade_vendas)::text as n, sum(valor_total_vendas)::text as valor from marts.vw_vendas_mensais",
  );
  const { rows: table } = await reader.query(
    `select count(*)::text as n, sum(valor)::text as valor from marts.vw_tabela_geral_vendas
     where data_venda >= (date_trunc('month', elt.hoje()::timestamp) - interval '23 months')::date`,
  );
  await reader.query("commit");
  return JSON.stringify(months) === JSON.stringify(table) ? "agree" : "disagree";
}
