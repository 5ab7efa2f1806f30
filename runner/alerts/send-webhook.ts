import { request } from "undici";
import type { Delivery } from "./channels.ts";
import type { Message } from "./message.ts";
import { renderSlack } from "./render-slack.ts";

const TIMEOUT_MS = 10_000;

/** Posts a message as Slack takes it. Follows no redirect; every failure is a result. */
export async function sendWebhook(url: string, message: Message): Promise<Delivery> {
  try {
    const { statusCode, body } = await request(url, {
      method: "POST",
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify(renderSlack(message)),
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      signal: AbortSignal.timeout(2 * TIMEOUT_MS),
    });
    await body.dump();
    if (statusCode >= 200 && statusCode < 300) return { status: "sent" };
    if (statusCode === 404 || statusCode === 410 || statusCode === 403) {
      return {
        status: "failed",
        because: `the webhook answers ${statusCode}: make a new one and set ALERT_WEBHOOK_URL`,
      };
    }
    return { status: "failed", because: `the webhook answers ${statusCode}` };
  } catch (error) {
    return { status: "failed", because: `the webhook cannot be reached (${codeOf(error)})` };
  }
}

/** Only the kind of an error: its text may hold the address. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "no answer";
  if (error.name === "TimeoutError") return "no answer in time";
  return "code" in error ? String(error.code) : "no answer";
}
