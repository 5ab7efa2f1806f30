import { afterAll, beforeAll, expect, test } from "vitest";
import { exemplo } from "../../../emulator/exemplo.ts";
import { type Emulator, startEmulator } from "../../../emulator/server.ts";
import { workOf } from "../../../runner/commands/worker.ts";
import { readScheduleConfig } from "../../../runner/config.ts";
import { readRunSettings } from "../../../runner/run-once.ts";
import { runWorker } from "../../../runner/worker/run-worker.ts";
import { createTestDatabase } from "../../postgres.ts";
import { type Mailbox, startMailbox } from "../alerts/receivers.ts";
import { invocationHere } from "../run-here.ts";

const HOUR = 3_600_000;

const database = await createTestDatabase();
const { pool } = database;
let emulator: Emulator;
let mailbox: Mailbox;
beforeAll(async () => {
  emulator = await startEmulator({ accounts: [exemplo()], rateLimit: null });
  mailbox = await startMailbox();
});
afterAll(async () => {
  await emulator.close();
  await mailbox.close();
  await database.drop();
});

/** Brasília's clock: `25 06:00`. */
function clock(instant: Date): string {
  return new Date(instant.getTime() - 3 * HOUR).toISOString().slice(8, 16).replace("T", " ");
}

/** Midnight in Brasília. */
function midnight(): Date {
  const day = new Date(Date.now() - 3 * HOUR).toISOString().slice(0, 10);
  return new Date(`${day}T00:00:00-03:00`);
}

test("two days of a worker: runs by the clock, each trouble told once and its end once, a daily summary", async () => {
  const { email, token, conta } = exemplo();
  const env = {
    DATABASE_URL: database.url,
    CVCRM_ACCOUNT: conta,
    CVCRM_API_EMAIL: email,
    CVCRM_API_TOKEN: token,
    CVCRM_API_URL: emulator.url,
    CVCRM_RATE_LIMIT: "10000/60s",
    SMTP_URL: mailbox.url,
    ALERT_EMAIL_TO: "ana@example.com",
    ALERT_STALE_HOURS: "20",
    ALERT_DIGEST: "07:30",
  };
  const start = midnight();
  const end = start.getTime() + 48 * HOUR;
  let now = start;
  const stop = new AbortController();
  const { invocation, written } = invocationHere(env, stop.signal);
  const settings = readRunSettings(invocation, now);

  // What happens in these days, by hours since midnight.
  let endOfFault: () => void = () => undefined;
  const holder = await pool.connect();
  const script: { readonly at: number; readonly happens: () => unknown }[] = [
    {
      at: 9,
      happens: () => {
        endOfFault = emulator.fault({ object: "unidades", times: 999, kind: "401" });
      },
    },
    { at: 20, happens: () => endOfFault() },
    // Somebody's endless run holds the account for a day: nothing is read any more.
    {
      at: 23,
      happens: () =>
        holder.query("select pg_advisory_lock(hashtextextended('extract exemplo', 0))"),
    },
    { at: 45, happens: () => holder.query("select pg_advisory_unlock_all()") },
  ];
  const turns: string[] = [];
  const databaseAlert = { away: async () => "kept" as const, back: async () => undefined };
  const parts = { settings, schedule: readScheduleConfig(env), databaseAlert };
  const work = workOf(invocation, pool, parts, {
    now: () => now,
    sleep: async (ms) => {
      now = new Date(now.getTime() + ms);
      const hours = (now.getTime() - start.getTime()) / HOUR;
      while (script[0] !== undefined && script[0].at <= hours) await script.shift()?.happens();
      if (now.getTime() >= end) stop.abort(143);
    },
  });
  await runWorker({
    ...work,
    turn: async (because) => {
      const result = await work.turn(because);
      if (result.status === "done") {
        turns.push(clock(now));
        // The database dates what it does by the machine's clock; here it is that of the test.
        await pool.query(
          "update elt.publications set published_at = $1 where publication_id = (select max(publication_id) from elt.publications)",
          [now],
        );
        await pool.query(
          "update elt.loads set finished_at = $1 where run_id = (select max(run_id) from elt.runs)",
          [now],
        );
      }
      return result;
    },
  });
  holder.release();
  expect(await work.hasRunSince(new Date(0))).toBe(true);
  expect(await work.hasRunSince(new Date("9999-01-01"))).toBe(false);

  const day = (offset: number) => clock(new Date(start.getTime() + offset * 24 * HOUR)).slice(0, 2);
  expect(turns).toEqual([
    // Nothing was ever read, so the first run does not wait for the morning.
    ...["00:00", "06:00", "10:00", "14:00", "18:00", "22:00"].map((time) => `${day(0)} ${time}`),
    // Held up from 06:00 on, looked at every five minutes, run as soon as it could.
    `${day(1)} 21:00`,
    `${day(1)} 22:00`,
  ]);
  const subjects = mailbox.mails.map(({ email: { subject } }) => subject ?? "");
  const trouble = subjects.filter((subject) => !subject.includes("Resumo"));
  expect(trouble).toEqual([
    "[CVDW exemplo] unidades: sem permissão no CV (401)",
    "[CVDW exemplo] Resolvido: unidades voltou a chegar inteiro",
    "[CVDW exemplo] Os dados estão desatualizados",
    "[CVDW exemplo] Resolvido: Os dados estão em dia de novo",
  ]);
  const summaries = subjects.filter((subject) => subject.includes("Resumo"));
  expect(summaries).toHaveLength(2);
  expect(written.err).toContain("The user has no permission for unidades");
  const { rows } = await pool.query(
    "select kind, subject, notified_at is not null as told, closed_at is not null as over from elt.incidents where not notice order by incident_id",
  );
  expect(rows).toEqual([
    { kind: "object-failed", subject: "unidades", told: true, over: true },
    { kind: "stale-data", subject: "", told: true, over: true },
  ]);
}, 600_000);

test("the daily summary compares sales by the definitions of the views, in Brazilian numbers", async () => {
  const summary = mailbox.mails.find(({ email }) => email.subject?.includes("Resumo"))?.email;
  const { rows } = await pool.query(
    "select quantidade_vendas::int as vendas, valor_total::float8 as valor from marts.vw_vendas_ano_atual_vs_passado where periodo = 'Ano Atual'",
  );
  const money = new Intl.NumberFormat("pt-BR", { style: "currency", currency: "BRL" });
  const year = summary?.text?.split("\n").find((line) => line.startsWith("Ano até hoje")) ?? "";
  expect(year).toContain(` ${rows[0].vendas} `);
  expect(year).toContain(money.format(rows[0].valor));
  expect(summary?.html).toContain(money.format(rows[0].valor));
  expect(summary?.text).toContain("Nenhum problema em aberto.");
});
