import { describe, expect, test } from "vitest";
import { readAlertConfig, readScheduleConfig } from "../../../runner/config.ts";
import { ConfigError } from "../../../runner/errors.ts";

const mailbox = {
  ALERT_EMAIL_USER: "alertas@example.com",
  ALERT_EMAIL_PASSWORD: "hunter2 hunter2",
  ALERT_EMAIL_TO: "ana@example.com, dados@example.com",
};

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("alerts", () => {
  test("tell nobody when nothing is set", () => {
    expect(readAlertConfig({})).toEqual({
      email: undefined,
      webhookUrl: undefined,
      dashboardUrl: undefined,
      staleMs: 24 * 3_600_000,
      digestAt: undefined,
    });
  });

  test("go by Google's mail server unless SMTP_URL says another", () => {
    expect(readAlertConfig(mailbox).email).toEqual({
      ...{ host: "smtp.gmail.com", port: 465, secure: true },
      login: { user: "alertas@example.com", password: "hunter2hunter2" },
      from: "alertas@example.com",
      to: ["ana@example.com", "dados@example.com"],
    });
    const SMTP_URL = "smtp://api%40key:p%2Fw@mail.example.com";
    expect(readAlertConfig({ SMTP_URL, ALERT_EMAIL_TO: "ana@example.com" }).email).toEqual({
      ...{ host: "mail.example.com", port: 587, secure: false },
      login: { user: "api@key", password: "p/w" },
      from: "ana@example.com",
      to: ["ana@example.com"],
    });
    const from = { ALERT_EMAIL_FROM: "robo@example.com" };
    expect(readAlertConfig({ ...mailbox, ...from }).email?.from).toBe("robo@example.com");
  });

  test("read everything else", () => {
    expect(
      readAlertConfig({
        ALERT_WEBHOOK_URL: "https://hooks.example.com/services/a",
        DASHBOARD_URL: "https://painel.example.com/cv/",
        ALERT_STALE_HOURS: "1.5",
        ALERT_DIGEST: "7:30",
      }),
    ).toMatchObject({
      webhookUrl: "https://hooks.example.com/services/a",
      dashboardUrl: "https://painel.example.com/cv",
      staleMs: 5_400_000,
      digestAt: 450,
    });
  });

  test("report everything that is wrong at once, and never a secret", () => {
    const problems = problemsOf(() =>
      readAlertConfig({
        ALERT_EMAIL_USER: "alertas@example.com",
        ALERT_EMAIL_TO: "ana, dados@example.com",
        ALERT_WEBHOOK_URL: "http://hooks.example.com/hunter2",
        DASHBOARD_URL: "painel",
        ALERT_STALE_HOURS: "0",
        ALERT_DIGEST: "24:00",
      }),
    );
    expect(problems.map((problem) => problem.split(/[ ,]/)[0])).toEqual([
      "ALERT_EMAIL_TO",
      "ALERT_EMAIL_USER",
      "ALERT_WEBHOOK_URL",
      "DASHBOARD_URL",
      "ALERT_STALE_HOURS",
      "ALERT_DIGEST",
    ]);
    expect(problems.join()).not.toContain("hunter2");
  });

  test.each([
    "ana@example.com\r\nBcc: mal@example.com",
    "Ana <ana@example.com>",
    "ana@example.com;mal@example.com",
    "ana@example",
    "ana@exam ple.com",
    "@example.com",
    "ana@example.com>",
    `${"a".repeat(250)}@example.com`,
  ])("take no address that could be more than one: %j", (address) => {
    for (const name of ["ALERT_EMAIL_TO", "ALERT_EMAIL_FROM"]) {
      const problems = problemsOf(() => readAlertConfig({ ...mailbox, [name]: address }));
      expect(problems).toEqual([expect.stringContaining(name)]);
    }
  });

  test.each([
    "http://mail.example.com",
    "smtp://mail.example.com:25?tls.rejectUnauthorized=false",
    "smtps://mail.example.com/x",
    "smtps://hunter%2:x@mail.example.com",
    "hunter2",
  ])("refuse SMTP_URL=%s without repeating it", (SMTP_URL) => {
    const problems = problemsOf(() => readAlertConfig({ ...mailbox, SMTP_URL }));
    expect(problems).toEqual([expect.stringContaining("SMTP_URL")]);
    expect(problems.join()).not.toMatch(/hunter|rejectUnauthorized/);
  });

  test.each([
    ["http://127.0.0.1:4000/x", undefined],
    ["http://localhost/x", undefined],
    ["http://10.0.0.1/x", "use https://"],
    ["https://user:hunter2@hooks.example.com/x", "not an address"],
    ["file:///etc/passwd", "use https://"],
  ])("post to %s: %s", (ALERT_WEBHOOK_URL, complaint) => {
    const problems = problemsOf(() => readAlertConfig({ ALERT_WEBHOOK_URL }));
    expect(problems).toEqual(complaint === undefined ? [] : [expect.stringContaining(complaint)]);
    expect(problems.join()).not.toContain("hunter2");
  });
});

test("the schedule's problems are told at once", () => {
  const wrong = { SYNC_CRON: "daily", SYNC_HOURS: "6-22" };
  expect(problemsOf(() => readScheduleConfig(wrong))).toEqual([
    expect.stringContaining('SYNC_CRON is "daily"'),
  ]);
  expect(readScheduleConfig({ SYNC_HOURS: " " }).hours).toBe("6-22");
});
