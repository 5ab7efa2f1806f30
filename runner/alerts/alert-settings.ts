import { isLoopback } from "../loopback.ts";

/** A mailbox that alerts are sent from, and to whom. */
export type EmailSettings = {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; otherwise STARTTLS. */
  readonly secure: boolean;
  readonly login: { readonly user: string; readonly password: string } | undefined;
  readonly from: string;
  readonly to: readonly string[];
};

/** Who is told of what goes wrong, and how; what is absent is not used. */
export type AlertSettings = {
  readonly email: EmailSettings | undefined;
  /** Address that takes Slack's messages. A secret: who knows it can write there. */
  readonly webhookUrl: string | undefined;
  /** Where messages lead to, without a slash at the end. */
  readonly dashboardUrl: string | undefined;
  /** Data that is older is an incident. */
  readonly staleMs: number;
  /** When the daily summary is sent: minutes since midnight in Brasília. */
  readonly digestAt: number | undefined;
};

export type AlertVariable =
  | "ALERT_EMAIL_USER"
  | "ALERT_EMAIL_PASSWORD"
  | "ALERT_EMAIL_FROM"
  | "ALERT_EMAIL_TO"
  | "SMTP_URL"
  | "ALERT_WEBHOOK_URL"
  | "DASHBOARD_URL"
  | "ALERT_STALE_HOURS"
  | "ALERT_DIGEST";

type Texts = Readonly<Record<AlertVariable, string | undefined>>;

/** What a mailbox of Google uses, as most have one. */
const GMAIL = { host: "smtp.gmail.com", port: 465, secure: true } as const;
const STALE_HOURS = 24;
const MOST_RECIPIENTS = 20;

/** Reads who is to be told; adds a sentence to `problems` for each thing that is wrong. */
export function readAlertSettings(texts: Texts, problems: string[]): AlertSettings {
  return {
    email: readEmail(texts, problems),
    webhookUrl: readWebhook(texts.ALERT_WEBHOOK_URL, problems),
    dashboardUrl: readDashboard(texts.DASHBOARD_URL, problems),
    staleMs: readStale(texts.ALERT_STALE_HOURS, problems),
    digestAt: readDigest(texts.ALERT_DIGEST, problems),
  };
}

function readEmail(texts: Texts, problems: string[]): EmailSettings | undefined {
  const { ALERT_EMAIL_USER: user, ALERT_EMAIL_PASSWORD: password, SMTP_URL: url } = texts;
  const { ALERT_EMAIL_TO: to, ALERT_EMAIL_FROM: from } = texts;
  if ([user, password, to, from, url].every((text) => text === undefined)) return undefined;
  const before = problems.length;
  const server = url === undefined ? GMAIL : readServer(url, problems);
  if (to === undefined) {
    problems.push("ALERT_EMAIL_TO is missing: give the addresses to tell, parted by commas.");
  }
  const recipients = readAddresses("ALERT_EMAIL_TO", to ?? "", problems);
  const own = server !== undefined && "login" in server ? server.login : undefined;
  const login = readLogin(texts, own, problems);
  const sender = from ?? [user, own?.user, recipients[0]].find((text) => isAddress(text ?? ""));
  if (from !== undefined && !isAddress(from)) {
    problems.push("ALERT_EMAIL_FROM is not one e-mail address: give one like dados@example.com.");
  }
  if (problems.length > before || server === undefined || sender === undefined) return undefined;
  const { host, port, secure } = server;
  return { host, port, secure, login, from: sender, to: recipients };
}

function readLogin(
  { ALERT_EMAIL_USER: user, ALERT_EMAIL_PASSWORD: password, SMTP_URL: url }: Texts,
  ofUrl: EmailSettings["login"],
  problems: string[],
): EmailSettings["login"] {
  if (ofUrl !== undefined) return ofUrl;
  if (user === undefined && password === undefined) {
    // A server inside one's own network may ask for no login.
    if (url !== undefined) return undefined;
    problems.push(
      "ALERT_EMAIL_USER and ALERT_EMAIL_PASSWORD are missing: give the login of the mailbox that sends (for Google an app password), or SMTP_URL.",
    );
    return undefined;
  }
  if (user === undefined || password === undefined) {
    const [there, missing] =
      user === undefined
        ? ["ALERT_EMAIL_PASSWORD", "ALERT_EMAIL_USER"]
        : ["ALERT_EMAIL_USER", "ALERT_EMAIL_PASSWORD"];
    problems.push(`${there} is set and ${missing} is missing: set both, or none.`);
    return undefined;
  }
  // Google shows its app passwords in groups of four letters.
  return { user, password: url === undefined ? password.replaceAll(/\s/g, "") : password };
}

function readServer(
  text: string,
  problems: string[],
): Pick<EmailSettings, "host" | "port" | "secure" | "login"> | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^smtps?:$/.test(url.protocol) || url.hostname === "") {
    problems.push(
      "SMTP_URL is not an address of a mail server: give one like smtps://user:password@mail.example.com:465 (special characters of the password as %XX).",
    );
    return undefined;
  }
  if (url.search !== "" || url.hash !== "" || !["", "/"].includes(url.pathname)) {
    problems.push(
      "SMTP_URL holds more than scheme, login, host and port: remove what follows the port.",
    );
    return undefined;
  }
  const secure = url.protocol === "smtps:";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? (secure ? 465 : 587) : Number(url.port);
  const user = decoded(url.username);
  const password = decoded(url.password);
  if (user === undefined || password === undefined) {
    problems.push("SMTP_URL's login cannot be read: write its special characters as %XX.");
    return undefined;
  }
  return { host, port, secure, login: user === "" ? undefined : { user, password } };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function readAddresses(name: string, text: string, problems: string[]): readonly string[] {
  const addresses = text.split(",").flatMap((each) => each.trim() || []);
  const wrong = addresses.findIndex((address) => !isAddress(address));
  if (wrong >= 0) {
    problems.push(
      `${name}, address ${wrong + 1}, is not an e-mail address: give plain ones like ana@example.com, parted by commas.`,
    );
  }
  if (addresses.length > MOST_RECIPIENTS) {
    problems.push(
      `${name} holds ${addresses.length} addresses: give at most ${MOST_RECIPIENTS}, or a mailing list.`,
    );
  }
  return addresses;
}

/** A plain address: no name, no list, no character that could end a header. */
export function isAddress(text: string): boolean {
  return text.length <= 254 && /^[\w.!#$%&'*+/=?^`{|}~-]+@[a-z\d-]+(\.[a-z\d-]+)+$/i.test(text);
}

function readWebhook(text: string | undefined, problems: string[]): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== "" || url.password !== "") {
    problems.push(
      "ALERT_WEBHOOK_URL is not an address: copy it again from Slack (or what takes Slack's messages).",
    );
    return undefined;
  }
  if (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname))) {
    return url.href;
  }
  problems.push(
    `ALERT_WEBHOOK_URL starts with ${url.protocol}// and would be sent in the clear: use https:// (http:// only to this machine).`,
  );
  return undefined;
}

function readDashboard(text: string | undefined, problems: string[]): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && url.username === "" && url.search === "" && url.hash === "";
  if (isPlain && /^https?:$/.test(url.protocol)) {
    return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
  }
  problems.push(
    "DASHBOARD_URL is not a plain address: give the one people open, like https://painel.minhaempresa.com.br.",
  );
  return undefined;
}

function readStale(text: string | undefined, problems: string[]): number {
  const hours = Number(text ?? STALE_HOURS);
  if (/^\d+(\.\d+)?$/.test(text ?? "0") && hours > 0 && hours <= 87_600) return hours * 3_600_000;
  problems.push(`ALERT_STALE_HOURS is "${text}": give hours, above zero and at most 87600.`);
  return STALE_HOURS * 3_600_000;
}

function readDigest(text: string | undefined, problems: string[]): number | undefined {
  if (text === undefined) return undefined;
  const [, hours = "", minutes = ""] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  if (hours !== "") return Number(hours) * 60 + Number(minutes);
  problems.push(`ALERT_DIGEST is "${text}": give a time of day in Brasília, like 07:30.`);
  return undefined;
}
