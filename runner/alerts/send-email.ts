import { createHash } from "node:crypto";
import { Socket } from "node:net";
import { isLoopback } from "../loopback.ts";
import type { EmailSettings } from "./alert-settings.ts";
import type { Delivery } from "./channels.ts";
import type { Message } from "./message.ts";
import { renderEmail } from "./render-email.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const SILENCE_MS = 20_000;
/** A server that says a little from time to time is not silent, and must not keep a run for ever. */
const DEADLINE_MS = 90_000;

/**
 * Sends a message to all recipients. A login leaves this machine only over TLS. Every failure is a
 * result; none holds a secret or what a server said, which may repeat an address.
 * @param options.deadlineMs how long all of it may take (default 90 seconds)
 */
export async function sendEmail(
  settings: EmailSettings,
  message: Message,
  { deadlineMs = DEADLINE_MS }: { readonly deadlineMs?: number } = {},
): Promise<Delivery> {
  // Loaded only when there is something to send.
  const { createTransport } = await import("nodemailer");
  const { host, port, secure, login, from, to } = settings;
  const socket = new Socket();
  const transport = createTransport({
    // Its own connection cannot be broken off from outside.
    socket,
    host,
    port,
    secure,
    requireTLS: !secure && login !== undefined && !isLoopback(host),
    // A relay on this machine has no name that a certificate could prove.
    ignoreTLS: !secure && isLoopback(host),
    ...(login === undefined ? {} : { auth: { user: login.user, pass: login.password } }),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    // What a message holds is text: nothing of it is a file or an address to read.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  let isOverdue = false;
  const deadline = setTimeout(() => {
    isOverdue = true;
    socket.destroy();
  }, deadlineMs);
  try {
    const { text, html } = renderEmail(message);
    const { rejected } = await transport.sendMail({
      from: { name: "cvdw-elt", address: from },
      to: to.map((address) => ({ name: "", address })),
      subject: message.subject,
      text,
      html,
      messageId: messageIdOf(message, from),
      headers: { "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All" },
    });
    const refused = rejected?.length ?? 0;
    if (refused === 0) return { status: "sent" };
    return { status: "sent", note: `${refused} of ${to.length} addresses were refused` };
  } catch (error) {
    if (isOverdue) {
      const because = `${host}:${port} did not take the message within ${deadlineMs / 1000} s`;
      return { status: "failed", because };
    }
    return { status: "failed", because: reasonOf(error, settings) };
  } finally {
    clearTimeout(deadline);
    transport.close();
    socket.destroy();
  }
}

/** The same for each attempt, so that a mailbox shows a message that came twice once. */
function messageIdOf({ id, subject }: Message, from: string): string {
  const hash = createHash("sha256").update(`${id} ${subject}`).digest("hex").slice(0, 32);
  return `<${hash}@${from.split("@")[1] ?? "localhost"}>`;
}

function reasonOf(error: unknown, { host, port, login }: EmailSettings): string {
  const where = `${host}:${port}`;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const status = error instanceof Error && "responseCode" in error ? error.responseCode : undefined;
  const answered = typeof status === "number" ? ` (it answered ${status})` : "";
  switch (code) {
    case "EAUTH":
    case "ENOAUTH":
    case "EOAUTH2":
      return login === undefined
        ? `${where} asks for a login: set ALERT_EMAIL_USER and ALERT_EMAIL_PASSWORD${answered}`
        : `${where} refuses the login${answered}: correct ALERT_EMAIL_USER and ALERT_EMAIL_PASSWORD (Google wants an app password), or the login of SMTP_URL`;
    case "ETLS":
    case "ESTARTTLS":
      return `${where} offers no encryption, so the login was not sent: use smtps:// in SMTP_URL, or another port`;
    case "EENVELOPE":
      return `${where} refuses the sender or every recipient${answered}: check ALERT_EMAIL_FROM and ALERT_EMAIL_TO`;
    case "EMESSAGE":
      return `${where} refuses the message${answered}`;
    case "EDNS":
    case "ENOTFOUND":
      return `the host ${host} has no address: correct SMTP_URL`;
    default:
      return `${where} cannot be reached${code === "" ? "" : ` (${code})`}${answered}`;
  }
}
