import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../../emulator/account.ts";
import { exemplo } from "../../../emulator/exemplo.ts";
import { type Emulator, startEmulator } from "../../../emulator/server.ts";
import { eltHere } from "../../elt-here.ts";
import { createTestDatabase } from "../../postgres.ts";
import { type RunHere, runHere } from "../run-here.ts";
import { type Mailbox, startMailbox, startWebhook, type Webhook } from "./receivers.ts";

const TOKEN = "a-very-secret-token";
const PASSWORD = "hunter2-of-the-mailbox";
const login = { user: "alertas@example.com", password: PASSWORD };

const database = await createTestDatabase();
afterAll(() => database.drop());

let account: Account;
let emulator: Emulator;
let mailbox: Mailbox;
let webhook: Webhook;
beforeAll(async () => {
  account = exemplo({ email: "ana@example.com", token: TOKEN });
  emulator = await startEmulator({ accounts: [account], rateLimit: null });
  mailbox = await startMailbox(login);
  webhook = await startWebhook();
});
afterAll(async () => {
  await emulator.close();
  await mailbox.close();
  await webhook.close();
});
afterEach(() => {
  mailbox.refuse();
  webhook.answer();
});

function settings(changes: Record<string, string | undefined> = {}) {
  return {
    DATABASE_URL: database.url,
    CVCRM_ACCOUNT: "exemplo",
    CVCRM_API_EMAIL: "ana@example.com",
    CVCRM_API_TOKEN: TOKEN,
    CVCRM_API_URL: emulator.url,
    CVCRM_RATE_LIMIT: "1000/60s",
    ALERT_EMAIL_USER: login.user,
    ALERT_EMAIL_PASSWORD: PASSWORD,
    ALERT_EMAIL_TO: "ana@example.com, dados@example.com",
    SMTP_URL: mailbox.url,
    ALERT_WEBHOOK_URL: webhook.url,
    DASHBOARD_URL: "https://painel.example.com/",
    ...changes,
  };
}

/** What came since the last call, as subjects of mails and texts of the chat. */
const seen = { mails: 0, posts: 0 };
function news(): { readonly subjects: readonly unknown[]; readonly texts: readonly string[] } {
  const mails = mailbox.mails.slice(seen.mails);
  const posts = webhook.posts.slice(seen.posts);
  seen.mails = mailbox.mails.length;
  seen.posts = webhook.posts.length;
  return {
    subjects: mails.map(({ email }) => email.subject),
    texts: posts.map(({ body }) => body.text),
  };
}

async function run(changes?: Record<string, string | undefined>): Promise<RunHere> {
  const outcome = await runHere(settings(changes), database.pool);
  for (const secret of [TOKEN, PASSWORD, "services/T0", "dados@example.com"]) {
    expect(outcome.out + outcome.err).not.toContain(secret);
  }
  return outcome;
}

describe("elt run", () => {
  test("tells nobody of a run that went well", async () => {
    expect((await run()).code).toBe(0);
    expect(news()).toEqual({ subjects: [], texts: [] });
  });

  test("tells once, by mail and chat, of an object without permission, and once that it is back", async () => {
    const end = emulator.fault({ object: "unidades", times: 99, kind: "401" });
    expect((await run()).code).toBe(3);
    const title = "[CVDW exemplo] unidades: sem permissão no CV (401)";
    expect(news()).toEqual({ subjects: [title], texts: [`🔴 ${title}`] });
    expect((await run()).code).toBe(3);
    expect(news()).toEqual({ subjects: [], texts: [] });
    end();
    expect((await run()).code).toBe(0);
    const recovered = "[CVDW exemplo] Resolvido: unidades voltou a chegar inteiro";
    expect(news()).toEqual({ subjects: [recovered], texts: [`🟢 ${recovered}`] });
    expect((await run()).code).toBe(0);
    expect(news()).toEqual({ subjects: [], texts: [] });
  });

  test("says what happened, since when, what to do, and where to look", async () => {
    const mail = mailbox.mails.find(({ email }) => email.subject?.includes("401"));
    expect(mail?.to).toEqual(["ana@example.com", "dados@example.com"]);
    expect(mail?.from).toBe("alertas@example.com");
    const { text = "", html = "", headers } = mail?.email ?? { headers: [] };
    for (const body of [text, html]) {
      expect(body).toContain("o usuário do token não tem permissão para este objeto");
      expect(body).toMatch(/Desde: \d\d\/\d\d\/\d{4}, \d\d:\d\d, horário de Brasília/);
      expect(body).toContain("O que fazer: Peça a um administrador do CV");
      expect(body).toContain("https://painel.example.com");
    }
    expect(html).toContain('<html lang="pt-BR">');
    expect(headers).toContainEqual(
      expect.objectContaining({ key: "auto-submitted", value: "auto-generated" }),
    );
    const [, , link] = webhook.posts[0]?.body.blocks ?? [];
    expect(link?.text.text).toBe("<https://painel.example.com|Abrir o painel>");
  });

  test("tells of a source that is away in one message for all its objects", async () => {
    const end = emulator.fault({ times: 999, kind: "403" });
    expect((await run()).code).toBe(3);
    const { subjects } = news();
    expect(subjects).toHaveLength(1);
    expect(subjects[0]).toMatch(/sem acesso ao CVDW \(403\) e mais 8$/);
    end();
    expect((await run()).code).toBe(0);
    expect(news().subjects).toEqual([
      expect.stringMatching(/^\[CVDW exemplo\] Resolvido: .* e mais 8$/),
    ]);
  });

  test("tells of refused credentials without showing them", async () => {
    const end = emulator.fault({ times: 999, kind: "401" });
    expect((await run()).code).toBe(2);
    expect(news().subjects).toEqual(["[CVDW exemplo] O CV recusou as credenciais"]);
    end();
    await run();
    expect(news().subjects).toEqual(["[CVDW exemplo] Resolvido: A carga voltou a funcionar"]);
  });

  test("tells of a model that fails by its place, never by the value that made it fail", async () => {
    await database.pool.query(
      "alter table marts.vendas add constraint nobody check (valor < 1) not valid",
    );
    account.edit("reservas", firstKey(account), { valor_contrato: 123456.78 });
    const { code, err } = await run();
    await database.pool.query("alter table marts.vendas drop constraint nobody");
    expect([code, err]).toEqual([1, expect.stringContaining("models/marts/vendas.sql")]);
    expect(news().subjects).toEqual(["[CVDW exemplo] Um modelo falhou e nada foi publicado"]);
    const { raw, email } = mailbox.mails.at(-1) ?? { raw: "", email: undefined };
    expect(email?.text).toContain("parou em models/marts/vendas.sql:");
    expect(raw + JSON.stringify(webhook.posts.at(-1)?.body)).not.toMatch(/123456|nobody/);
    expect((await run()).code).toBe(0);
    expect(news().subjects).toEqual(["[CVDW exemplo] Resolvido: A carga voltou a funcionar"]);
  });

  test.each(["build", "retry"])(
    "tells that it is over when elt %s published what a run could not",
    async (command) => {
      const { pool } = database;
      await pool.query(
        "alter table marts.vendas add constraint nobody check (valor < 1) not valid",
      );
      account.edit("reservas", firstKey(account), { valor_contrato: command.length * 1000.5 });
      expect((await run()).code).toBe(1);
      expect((await eltHere(["status"], settings())).out).toContain(
        "Wrong now: 1 incident (elt alert)",
      );
      await pool.query("alter table marts.vendas drop constraint nobody");
      expect(news().subjects).toEqual(["[CVDW exemplo] Um modelo falhou e nada foi publicado"]);
      if (command === "build") {
        // Some models prove nothing of the others.
        const some = await eltHere(["build", "--select", "staging.unidades"], settings());
        expect(some.code).toBe(0);
        expect((await eltHere(["alert"], settings())).out).toContain("run-failed");
      }
      expect((await eltHere([command], settings())).code).toBe(0);
      expect((await eltHere(["alert"], settings())).out).toContain("Nothing is wrong.");
      expect((await run()).code).toBe(0);
      expect(news().subjects).toEqual(["[CVDW exemplo] Resolvido: A carga voltou a funcionar"]);
    },
  );

  test("tells of a record in quarantine, and that it is out again", async () => {
    const [broker] = account.records("corretores");
    const keyless = { ...broker, idcorretor: null, nome: "Fulano de Tal" };
    const page = { total_de_registros: 1, total_de_paginas: 1, dados: [keyless] };
    emulator.fault({ object: "corretores", kind: { status: 200, body: JSON.stringify(page) } });
    await run();
    const title = "[CVDW exemplo] corretores: 1 registro em quarentena";
    expect(news().subjects).toEqual([title]);
    expect(mailbox.mails.at(-1)?.raw).not.toContain("Fulano");
    expect((await eltHere(["extract", "corretores", "--full"], settings())).code).toBe(0);
    await run();
    const recovered = "[CVDW exemplo] Resolvido: corretores: a quarentena está vazia";
    expect(news().subjects).toEqual([recovered]);
  });

  test("tells of new fields once, as news that has no end", async () => {
    account.addField("repasses", "campo_novo", "x");
    expect((await eltHere(["extract", "repasses", "--full"], settings())).code).toBe(0);
    await run();
    expect(news().texts).toEqual(["🔵 [CVDW exemplo] repasses: os campos do CV mudaram"]);
    await run();
    expect(news()).toEqual({ subjects: [], texts: [] });
  });
});

function firstKey(of: Account): string {
  const [first] = of.records("reservas");
  return String(first?.idreserva);
}

describe("a message that cannot be delivered", () => {
  test("fails no run, is a warning without secrets, and is tried again by the next run, on that way only", async () => {
    const end = emulator.fault({ object: "unidades", times: 99, kind: "405" });
    mailbox.refuse(451);
    const { code, out } = await run();
    expect(code).toBe(3);
    expect(out).toContain(`An alert by email was not delivered: 127.0.0.1:${mailbox.port}`);
    const title = "[CVDW exemplo] unidades: não existe nesta conta (404 ou 405)";
    expect(news()).toEqual({ subjects: [], texts: [`🔴 ${title}`] });
    mailbox.refuse();
    await run();
    expect(news()).toEqual({ subjects: [title], texts: [] });
    end();
    await run();
    expect(news()).toMatchObject({ subjects: [expect.any(String)], texts: [expect.any(String)] });
  });

  test("is told with its end when it is over before it arrived", async () => {
    const end = emulator.fault({ object: "unidades", times: 99, kind: "401" });
    webhook.answer(404);
    expect((await run()).out).toContain("the webhook answers 404: make a new one");
    end();
    webhook.answer();
    await run();
    const recovered = "[CVDW exemplo] Resolvido: unidades voltou a chegar inteiro";
    expect(news()).toEqual({
      subjects: [expect.any(String), recovered],
      texts: [`🟢 ${recovered}`],
    });
  });

  test("is given up after five attempts", async () => {
    const end = emulator.fault({ object: "unidades", times: 99, kind: "401" });
    webhook.answer(500);
    const warnings: string[] = [];
    for (let attempt = 1; attempt <= 6; attempt++) {
      const { out } = await run();
      warnings.push(/An alert by webhook[^"]*/.exec(out)?.[0] ?? "nothing");
    }
    const failed = "An alert by webhook was not delivered: the webhook answers 500.";
    expect(warnings).toEqual([
      ...Array(4).fill(`${failed} The next run tries again.`),
      `${failed} It was the last of 5 attempts.`,
      "nothing",
    ]);
    end();
    webhook.answer();
    await run();
    news();
  });
});

describe("a database that does not answer", () => {
  test("is told by elt run, once for all its runs, and its return, too", async () => {
    // The file that remembers it is the account's: no other test has this one.
    const other = { CVCRM_ACCOUNT: "sem-banco" };
    const away = { ...other, DATABASE_URL: "postgresql://u:hunter2@127.0.0.1:1/x" };
    for (let run = 0; run < 2; run++) {
      expect((await eltHere(["run"], settings(away))).code).toBe(2);
    }
    await eltHere(["run"], settings(other));
    const title = "[CVDW sem-banco] O banco de dados não responde";
    const back = "[CVDW sem-banco] Resolvido: O banco de dados voltou a responder";
    expect(news().subjects.slice(0, 2)).toEqual([title, back]);
  });
});

describe("elt alert", () => {
  test("test sends by every channel and says what became of it", async () => {
    const outcome = await eltHere(["alert", "test"], settings());
    expect(outcome).toMatchObject({ code: 0, err: "" });
    expect(outcome.out).toContain("email: sent. Look whether it arrived.");
    const subject = "[CVDW exemplo] Mensagem de teste";
    expect(news()).toEqual({ subjects: [subject], texts: [`🔵 ${subject}`] });
  });

  test("test names what is wrong with a channel, not its secret, and needs no account", async () => {
    webhook.answer(302);
    const wrong = { ALERT_EMAIL_PASSWORD: "wrong-hunter2", CVCRM_ACCOUNT: undefined };
    const { code, out, err } = await eltHere(["alert", "test", "--json"], settings(wrong));
    expect(code).toBe(2);
    const { deliveries } = JSON.parse(out.trim().split("\n").at(-1) ?? "");
    expect(deliveries).toEqual([
      {
        channel: "email",
        status: "failed",
        because: expect.stringContaining("refuses the login (it answered 535): correct"),
      },
      { channel: "webhook", status: "failed", because: "the webhook answers 302" },
    ]);
    expect(out + err).not.toContain("hunter2");
  });

  test("without a channel is a sentence, exit 2", async () => {
    const { code, err } = await eltHere(["alert", "test"], { DATABASE_URL: database.url });
    expect([code, err]).toEqual([2, expect.stringContaining("No channel is set: fill in")]);
  });

  test("lists what is wrong now", async () => {
    const end = emulator.fault({ object: "unidades", times: 99, kind: "401" });
    await run();
    const { out } = await eltHere(["alert"], settings());
    expect(out).toMatch(
      /exemplo +object-failed +\d{4}-\d\d-\d\d \d\d:\d\d +unidades: sem permissão/,
    );
    end();
    await run();
    expect((await eltHere(["alert"], settings())).out).toContain("Nothing is wrong.");
  });
});
