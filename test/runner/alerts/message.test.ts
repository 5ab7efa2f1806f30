import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EmailSettings } from "../../../runner/alerts/alert-settings.ts";
import type { Incident } from "../../../runner/alerts/incident.ts";
import { incidentText } from "../../../runner/alerts/incident-text.ts";
import { composeMessage, type Message, subjectLine } from "../../../runner/alerts/message.ts";
import { renderEmail } from "../../../runner/alerts/render-email.ts";
import { renderSlack } from "../../../runner/alerts/render-slack.ts";
import { sendEmail } from "../../../runner/alerts/send-email.ts";
import { sendWebhook } from "../../../runner/alerts/send-webhook.ts";
import { type Mailbox, startMailbox } from "./receivers.ts";

const at = new Date("2026-11-24T12:00:00Z");
const moment = { id: "1", conta: "exemplo", openedAt: at, closedAt: null };
const context = { conta: "exemplo", now: at, dashboardUrl: "https://painel.example.com" };

/** One incident of each kind. */
const incidents: readonly Incident[] = [
  {
    ...moment,
    kind: "run-failed",
    subject: "",
    details: { exitCode: 1, runId: "7", places: ["models/marts/vendas.sql:12"] },
  },
  {
    ...moment,
    conta: null,
    kind: "tests-failing",
    subject: "marts.vendas: required(valor)",
    details: {
      model: "marts.vendas",
      test: "required(valor)",
      failures: 1_234,
      place: "models/marts/vendas.sql:8:12",
    },
  },
  {
    ...moment,
    kind: "stale-data",
    subject: "",
    details: { since: "2026-11-23T09:00:00.000Z", lacks: "publication" },
  },
  { ...moment, kind: "object-failed", subject: "unidades", details: { fault: "unknown-path" } },
  { ...moment, kind: "mass-removal", subject: "leads", details: {} },
  { ...moment, kind: "quarantine", subject: "reservas", details: { records: 2 } },
  {
    ...moment,
    kind: "drift",
    subject: "repasses",
    details: {
      lastDriftId: "1",
      fields: [
        { field: "campo_a", change: "new" },
        { field: "campo_b", change: "retyped" },
      ],
    },
  },
  {
    ...moment,
    kind: "kpi-moved",
    subject: "vw_vendas_mensais",
    details: {
      kpi: "Valor total das vendas",
      before: "3425000.00",
      after: "-5",
      thresholdPercent: "12.5",
      published: false,
    },
  },
  { ...moment, kind: "database-lost", subject: "", details: {} },
];

describe("a message", () => {
  test.each(incidents.map((incident) => [incident.kind, incident] as const))(
    "of %s says in Portuguese what happened, since when, what to do, and when it is over",
    (kind, incident) => {
      const { text } = renderEmail(composeMessage("opened", [incident], context));
      const { happened, whatToDo, recovered } = incidentText(incident);
      expect(text).toContain(happened);
      expect(text).toContain(`O que fazer: ${whatToDo}`);
      expect(text).toContain("Desde: 24/11/2026, 09:00, horário de Brasília.");
      expect(text).toContain("Painel: https://painel.example.com");
      for (const part of [happened, whatToDo]) expect(part).toMatch(/^\S.*[.]$/s);
      const closed = { ...incident, closedAt: new Date("2026-11-24T15:20:00Z") };
      const end = renderEmail(composeMessage("closed", [closed], context));
      if (kind !== "drift") expect(end.text).toContain(`${recovered}\n`);
      expect(end.text).toContain(
        "De 24/11/2026, 09:00 a 24/11/2026, 12:20, horário de Brasília (3 h 20 min).",
      );
    },
  );

  test("writes numbers as Brazilians do", () => {
    const [, tests, , , , , , kpi] = incidents;
    const { text } = renderEmail(composeMessage("opened", [tests, kpi] as Incident[], context));
    expect(text).toContain("1.234 linhas falham no teste required(valor)");
    expect(text).toContain("iria de 3.425.000,00 para −5, além do limite de 12,5 %");
  });

  test("has one subject for many incidents, of one line and bounded", () => {
    expect(composeMessage("opened", incidents, context).subject).toBe(
      "[CVDW exemplo] Um modelo falhou e nada foi publicado e mais 8",
    );
    expect(subjectLine("a", "x\r\nBcc: mal@example.com\u2028\u202e\u0000y")).toBe(
      "[CVDW a] x Bcc: mal@example.com y",
    );
    expect(subjectLine("a", "x".repeat(500))).toHaveLength(150);
  });

  test("shows what a name holds as text, in a mail and in a chat", () => {
    const subject = "<img src=x onerror=alert(1)>&<!channel>";
    const incident: Incident = {
      ...moment,
      kind: "object-failed",
      subject,
      details: { fault: "server" },
    };
    const message = composeMessage("opened", [incident], context);
    expect(renderEmail(message).html).not.toContain("<img");
    expect(renderEmail(message).html).toContain(
      "&lt;img src=x onerror=alert(1)&gt;&amp;&lt;!channel&gt;",
    );
    const { text, blocks } = renderSlack(message);
    expect(text).not.toContain("<!channel>");
    for (const block of blocks.slice(1)) expect(JSON.stringify(block)).not.toMatch(/<!|<img/);
  });

  test("keeps to what Slack takes", () => {
    const many = Array.from({ length: 200 }, (_, i): Incident => {
      return {
        ...moment,
        id: String(i),
        kind: "quarantine",
        subject: "o".repeat(4_000),
        details: { records: i },
      };
    });
    const { blocks } = renderSlack(composeMessage("opened", many, context));
    expect(blocks.length).toBeLessThanOrEqual(50);
    for (const { text } of blocks as readonly { readonly text: { readonly text: string } }[]) {
      expect(text.text.length).toBeLessThanOrEqual(3_000);
    }
    expect(JSON.stringify(blocks)).toContain("e mais 160");
  });
});

describe("an e-mail", () => {
  let mailbox: Mailbox;
  let secure: Mailbox;
  beforeAll(async () => {
    mailbox = await startMailbox();
    secure = await startMailbox(undefined, { secure: true });
  });
  afterAll(async () => {
    await mailbox.close();
    await secure.close();
  });
  const settings = (changes: Partial<EmailSettings> = {}): EmailSettings => ({
    ...{ host: "127.0.0.1", port: mailbox.port, secure: false, login: undefined },
    ...{ from: "alertas@example.com", to: ["ana@example.com"] },
    ...changes,
  });
  const message = (changes: Partial<Message> = {}): Message => ({
    ...{ subject: "Olá, ação", tone: "neutral", sections: [], link: undefined, id: "1" },
    ...changes,
  });

  test("carries no header that a text smuggles in", async () => {
    const sections = [
      { title: "a\r\n.\r\nMAIL FROM:<x@y.z>", paragraphs: ["\r\nBcc: mal@example.com"] },
    ];
    const sent = await sendEmail(
      settings(),
      message({ subject: "x\r\nBcc: mal@example.com\r\n\r\nbody", sections }),
    );
    expect(sent).toEqual({ status: "sent" });
    const mail = mailbox.mails.at(-1);
    expect(mailbox.mails).toHaveLength(1);
    expect(mail?.to).toEqual(["ana@example.com"]);
    expect(mail?.email.headers.map(({ key }) => key)).not.toContain("bcc");
    expect(mail?.email.text).toContain("MAIL FROM:<x@y.z>");
  });

  test("sent again is the same message to a mailbox", async () => {
    await sendEmail(settings(), message());
    await sendEmail(settings(), message());
    await sendEmail(settings(), message({ id: "2" }));
    const [first, again, other] = mailbox.mails.slice(-3).map(({ email }) => email.messageId);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  test("is not sent to a server whose certificate proves nothing", async () => {
    const sent = await sendEmail(settings({ port: secure.port, secure: true }), message());
    expect(sent).toMatchObject({
      status: "failed",
      because: expect.stringContaining("127.0.0.1:"),
    });
    expect(secure.mails).toEqual([]);
  });

  test("is broken off when the server never comes to the end of an answer", async () => {
    let leave: () => void = () => undefined;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.write("220 here\r\n");
      socket.once("data", () => {
        const more = setInterval(() => socket.write("250-and more\r\n"), 5);
        socket.on("close", () => {
          clearInterval(more);
          leave();
        });
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    expect(await sendEmail(settings({ port }), message(), { deadlineMs: 300 })).toEqual({
      status: "failed",
      because: `127.0.0.1:${port} did not take the message within 0.3 s`,
    });
    await left;
    server.close();
  });

  test("that nobody takes is a sentence", async () => {
    expect(await sendEmail(settings({ port: 1 }), message())).toEqual({
      status: "failed",
      because: expect.stringMatching(/^127\.0\.0\.1:1 cannot be reached \(E\w+\)$/),
    });
    mailbox.refuse(550);
    expect(await sendEmail(settings(), message())).toEqual({
      status: "failed",
      because: expect.stringContaining("refuses the sender or every recipient (it answered 550)"),
    });
    mailbox.refuse();
  });
});

test("a webhook that is away is a sentence without its address", async () => {
  const sent = await sendWebhook(
    "http://127.0.0.1:1/hunter2",
    composeMessage("opened", incidents, context),
  );
  expect(sent).toEqual({
    status: "failed",
    because: "the webhook cannot be reached (ECONNREFUSED)",
  });
});
