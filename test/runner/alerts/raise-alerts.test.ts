import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ScanResult } from "../../../extract/events.ts";
import { createDatabaseAlert } from "../../../runner/alerts/database-alert.ts";
import type { Trouble } from "../../../runner/alerts/incident.ts";
import { closeIncident, openIncident } from "../../../runner/alerts/incident-record.ts";
import { type Occasion, raiseAlerts } from "../../../runner/alerts/raise-alerts.ts";
import { readAlertConfig } from "../../../runner/config.ts";
import { ConfigError, LockError } from "../../../runner/errors.ts";
import type { RunEvent } from "../../../runner/events.ts";
import { ModelError } from "../../../runner/models/problem.ts";
import { TestFailure, type TestResult } from "../../../runner/models/test-failure.ts";
import { createTestDatabase } from "../../postgres.ts";
import { type Mailbox, startMailbox, startWebhook, type Webhook } from "./receivers.ts";

const database = await createTestDatabase();
const { pool } = database;
let mailbox: Mailbox;
let webhook: Webhook;
beforeAll(async () => {
  mailbox = await startMailbox();
  webhook = await startWebhook();
});
afterAll(async () => {
  await mailbox.close();
  await webhook.close();
  await database.drop();
});

const MINUTE = 60_000;
const seen = { mails: 0, posts: 0 };
let now = new Date("2026-11-24T12:00:00Z");
beforeEach(async () => {
  await pool.query("truncate elt.incidents restart identity cascade");
  seen.mails = mailbox.mails.length;
  seen.posts = webhook.posts.length;
});
afterEach(() => {
  now = new Date(now.getTime() + 60 * MINUTE);
});

type Options = { readonly conta?: string; readonly to?: string; readonly webhook?: true };

function alerting({ conta = "exemplo", to = "ana@example.com", webhook: chat }: Options = {}) {
  const events: RunEvent[] = [];
  const settings = readAlertConfig({
    SMTP_URL: mailbox.url,
    ALERT_EMAIL_TO: to,
    ...(chat === undefined ? {} : { ALERT_WEBHOOK_URL: webhook.url }),
  });
  return {
    pool,
    settings,
    conta,
    emit: (event: RunEvent) => events.push(event),
    now: () => now,
    events,
  };
}

const published: Occasion = {
  type: "run-ended",
  end: { conta: "exemplo", runId: "1", results: undefined, ending: { status: "published" } },
};

function failed(error: unknown, conta = "exemplo"): Occasion {
  const ending = { status: "failed", error } as const;
  return { type: "run-ended", end: { conta, runId: "1", results: undefined, ending } };
}

/** Recipients and subjects of the mails since the test began. */
function mails(): readonly string[] {
  return mailbox.mails
    .slice(seen.mails)
    .map(({ to, email }) => `${to.join()}: ${email.subject?.replace("[CVDW exemplo] ", "")}`);
}

const required: TestResult = {
  ...{ model: "marts.vendas", test: "required(valor)", severity: "error", failures: 2 },
  sample: [{ conta: "exemplo", reserva_id: 4711 }],
  place: "models/marts/vendas.sql:8:12",
};
const unique: TestResult = { ...required, test: "unique(conta, reserva_id)" };

describe("tests that fail", () => {
  test("are one incident each, told with their place and without the rows that fail", async () => {
    const a = alerting();
    await raiseAlerts(a, failed(new TestFailure([required])));
    await raiseAlerts(a, failed(new TestFailure([required, unique])));
    // One passes again, the other one was not come to.
    await raiseAlerts(
      a,
      failed(new TestFailure([required], [required, { ...unique, failures: 0 }])),
    );
    await raiseAlerts(a, published);
    expect(mails()).toEqual([
      "ana@example.com: Teste falhou: marts.vendas, required(valor)",
      "ana@example.com: Teste falhou: marts.vendas, unique(conta, reserva_id)",
      "ana@example.com: Resolvido: Teste voltou a passar: marts.vendas, unique(conta, reserva_id)",
      "ana@example.com: Resolvido: Teste voltou a passar: marts.vendas, required(valor)",
    ]);
    const { text } = mailbox.mails[seen.mails]?.email ?? {};
    expect(text).toContain("2 linhas falham no teste required(valor) de marts.vendas.");
    expect(text).toContain("o teste está em models/marts/vendas.sql:8:12");
    expect(text).not.toContain("4711");
  });

  test("are told once by two accounts that share recipients, and to each where they do not", async () => {
    const failure = new TestFailure([required]);
    await raiseAlerts(alerting(), failed(failure));
    await raiseAlerts(alerting({ conta: "outra" }), failed(failure, "outra"));
    await raiseAlerts(
      alerting({ conta: "outra", to: "bia@example.com" }),
      failed(failure, "outra"),
    );
    expect(mails().map((mail) => mail.split(":")[0])).toEqual([
      "ana@example.com",
      "bia@example.com",
    ]);
  });
});

describe("a run that fails again", () => {
  const problem = (file: string, line: number) =>
    new ModelError([
      { file, position: { line, column: 1, offset: 0 }, text: "", message: "it is wrong" },
    ]);
  const failures = [
    problem("models/marts/vendas.sql", 3),
    problem("models/marts/vendas.sql", 9),
    problem("views/vw_vso_mensal.sql", 9),
    new ConfigError(["CVCRM_ACCOUNT is missing."]),
  ];

  test("for the same reason is told once, for another one as another", async () => {
    for (const failure of failures) await raiseAlerts(alerting(), failed(failure));
    expect(mails()).toHaveLength(3);
    await raiseAlerts(alerting(), published);
    expect(mails()).toHaveLength(4);
    expect(mails().at(-1)).toContain("Resolvido");
  });
});

describe("a run that found the account taken", () => {
  test("tells nothing, neither that something is wrong nor that it is well again", async () => {
    await raiseAlerts(alerting(), failed(new TestFailure([required])));
    await raiseAlerts(alerting(), failed(new LockError("taken")));
    expect(mails()).toHaveLength(1);
  });
});

describe("an object that did not arrive", () => {
  const read = (object: string, end: Partial<ScanResult>): ScanResult => ({
    ...{ object, verdict: "proven", mode: "full", records: 1, newVersions: 0, pages: 1, ms: 1 },
    ...{ quarantined: 0, removed: 0, returned: 0 },
    ...end,
  });
  const runWith = (...results: ScanResult[]): Occasion => ({
    type: "run-ended",
    end: { conta: "exemplo", runId: "1", results, ending: { status: "published" } },
  });

  test("is well again when it was read whole, not when a limit left it out", async () => {
    const a = alerting();
    await raiseAlerts(a, runWith(read("leads", { verdict: "failed", fault: "timeout" })));
    await raiseAlerts(a, runWith(read("leads", { verdict: "stopped", pages: 0 })));
    await raiseAlerts(a, runWith(read("leads", { verdict: "unproven", reason: "counts" })));
    expect(mails()).toEqual(["ana@example.com: leads: o CV demorou demais"]);
    await raiseAlerts(a, runWith(read("leads", {})));
    expect(mails().slice(1)).toEqual(["ana@example.com: Resolvido: leads voltou a chegar inteiro"]);
  });

  test("is told again when it needs somebody now, and not as often as the reason changes", async () => {
    for (const fault of ["timeout", "server", "unauthorized", "timeout", "unauthorized"] as const) {
      await raiseAlerts(alerting(), runWith(read("leads", { verdict: "failed", fault })));
    }
    expect(mails()).toEqual([
      "ana@example.com: leads: o CV demorou demais",
      "ana@example.com: leads: sem permissão no CV (401)",
    ]);
  });

  test("of which too much vanished at once is told, too", async () => {
    const a = alerting();
    await raiseAlerts(a, runWith(read("leads", { reason: "30 of its 100 records were missing" })));
    expect(mails()).toEqual(["ana@example.com: leads: muitos registros sumiram de uma vez"]);
  });
});

describe("a KPI that moved too far", () => {
  const moved: Trouble = {
    ...{ kind: "kpi-moved", conta: "exemplo", subject: "vw_vendas_mensais.valor_total_vendas" },
    details: {
      ...{ kpi: "Valor total das vendas", before: "R$ 10,00", after: "R$ 20,00" },
      ...{ thresholdPercent: "30", published: false },
    },
  };

  test("is told by the next look, once, however often it is opened, and its end, too", async () => {
    await openIncident(pool, moved, now);
    await openIncident(pool, moved, now);
    await raiseAlerts(alerting(), { type: "idle" });
    await openIncident(pool, moved, now);
    await raiseAlerts(alerting(), published);
    await closeIncident(pool, moved, now);
    await closeIncident(pool, moved, now);
    await raiseAlerts(alerting(), { type: "idle" });
    expect(mails()).toEqual([
      "ana@example.com: Valor total das vendas mudou além do limite",
      "ana@example.com: Resolvido: Valor total das vendas não retém mais as publicações",
    ]);
  });
});

describe("records in quarantine", () => {
  const quarantined = (records: number) =>
    pool.query(
      `insert into elt.quarantine (conta, objeto, hash, load_id, seq, page, page_size, position, reason, raw, repaired)
       select 'exemplo', 'leads', gen_random_uuid(), 1, n, 1, 500, n, 'no-key', '{}', false
       from generate_series(1, $1::int) as n`,
      [records],
    );

  test("are told again when they became many more, and once when all are out", async () => {
    for (const more of [3, 4, 20]) {
      await quarantined(more);
      await raiseAlerts(alerting(), published);
    }
    await pool.query("update elt.quarantine set resolved_at = now()");
    await raiseAlerts(alerting(), published);
    expect(mails()).toEqual([
      "ana@example.com: leads: 3 registros em quarentena",
      "ana@example.com: leads: 27 registros em quarentena",
      "ana@example.com: Resolvido: leads: a quarentena está vazia",
    ]);
  });
});

describe("looks at the same time", () => {
  test("tell an incident once", async () => {
    const failure = failed(new TestFailure([required]));
    await Promise.all(Array.from({ length: 4 }, () => raiseAlerts(alerting(), failure)));
    expect(mails()).toHaveLength(1);
  });
});

describe("while nothing runs", () => {
  test("what could not be delivered is left to the next run", async () => {
    webhook.answer(500);
    const chat = alerting({ webhook: true });
    await raiseAlerts(chat, failed(new TestFailure([required])));
    webhook.answer();
    await raiseAlerts(chat, { type: "idle" });
    expect(webhook.posts.length).toBe(seen.posts);
    await raiseAlerts(chat, failed(new TestFailure([required])));
    expect(webhook.posts.length).toBe(seen.posts + 1);
    expect(mails()).toHaveLength(1);
  });

  test("without a channel incidents are remembered, and told when there is one", async () => {
    const silent = { ...alerting(), settings: readAlertConfig({}) };
    await raiseAlerts(silent, failed(new TestFailure([required])));
    expect(mails()).toEqual([]);
    await raiseAlerts(alerting(), { type: "idle" });
    expect(mails()).toHaveLength(1);
  });

  test("a look that fails is a warning and no more", async () => {
    const a = alerting();
    await pool.query("alter table elt.incidents rename to incidents_gone");
    await raiseAlerts(a, published);
    await pool.query("alter table elt.incidents_gone rename to incidents");
    expect(a.events).toEqual([
      {
        type: "warning",
        message: "Alerts could not be looked after: error (42P01). The next run does it.",
      },
    ]);
  });
});

describe("a daily summary", () => {
  test("that cannot be made keeps no other message back, and is given up like any message", async () => {
    await pool.query("create table marts.vendas (); create table marts.vw_vso_mensal ()");
    await pool.query("insert into elt.runs (command, pid, host) values ('run', 1, 'here')");
    await pool.query(
      "insert into elt.publications (run_id, rows_added, rows_changed, rows_removed) select max(run_id), 0, 0, 0 from elt.runs",
    );
    const a = alerting();
    const withDigest = { ...a, settings: { ...a.settings, digestAt: 0 } };
    for (let run = 0; run < 7; run++) {
      await raiseAlerts(withDigest, failed(new TestFailure([required])));
    }
    expect(mails()).toEqual(["ana@example.com: Teste falhou: marts.vendas, required(valor)"]);
    const warnings = a.events.filter(({ type }) => type === "warning");
    expect(warnings).toHaveLength(5);
    expect(warnings[0]).toEqual({
      type: "warning",
      message:
        "An alert by email was not delivered: the summary could not be made (42703). The next run tries again.",
    });
    await pool.query("drop table marts.vendas; drop table marts.vw_vso_mensal");
  });
});

describe("a database that is away", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "cvdw-elt-alerts-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const told = [
    "ana@example.com: O banco de dados não responde",
    "ana@example.com: Resolvido: O banco de dados voltou a responder",
  ];

  test("is told when it stays away for ten minutes, once, and when it is back", async () => {
    const alert = createDatabaseAlert({ ...alerting(), folder });
    await alert.away(10 * MINUTE);
    await alert.back();
    for (let minute = 0; minute < 30; minute += 5) {
      await alert.away(10 * MINUTE);
      now = new Date(now.getTime() + 5 * MINUTE);
    }
    await alert.back();
    await alert.back();
    expect(mails()).toEqual(told);
  });

  test("is told once by all the runs of a cron job, and by the one that finds it back", async () => {
    for (let run = 0; run < 3; run++) await createDatabaseAlert({ ...alerting(), folder }).away(0);
    for (let run = 0; run < 2; run++) await createDatabaseAlert({ ...alerting(), folder }).back();
    expect(mails()).toEqual(told);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("is told again by the next run when nobody could be reached", async () => {
    mailbox.refuse(451);
    await createDatabaseAlert({ ...alerting(), folder }).away(0);
    mailbox.refuse();
    await createDatabaseAlert({ ...alerting(), folder }).away(0);
    await createDatabaseAlert({ ...alerting(), folder }).back();
    expect(mails()).toEqual(told);
  });

  test("leaves no trace where nobody is to be told", async () => {
    const silent = { ...alerting(), settings: readAlertConfig({}) };
    await createDatabaseAlert({ ...silent, folder }).away(0);
    expect(readdirSync(folder)).toEqual([]);
  });
});
