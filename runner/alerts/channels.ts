import { createHash } from "node:crypto";
import type { AlertSettings } from "./alert-settings.ts";
import type { Message } from "./message.ts";
import { sendEmail } from "./send-email.ts";
import { sendWebhook } from "./send-webhook.ts";

/** How sending went. `because` holds neither a secret nor an address. */
export type Delivery =
  | { readonly status: "sent"; readonly note?: string }
  | { readonly status: "failed"; readonly because: string };

/** One way to somebody. */
export type Channel = {
  readonly name: "email" | "webhook";
  /** Where it leads, without telling: another recipient is another channel. */
  readonly id: string;
  readonly send: (message: Message) => Promise<Delivery>;
};

/** The ways that the settings give; none when nothing is set. */
export function channelsOf({ email, webhookUrl }: AlertSettings): readonly Channel[] {
  const channels: Channel[] = [];
  if (email !== undefined) {
    const id = channelId("email", [...email.to].sort().join(",").toLowerCase());
    channels.push({ name: "email", id, send: (message) => sendEmail(email, message) });
  }
  if (webhookUrl !== undefined) {
    const id = channelId("webhook", webhookUrl);
    channels.push({ name: "webhook", id, send: (message) => sendWebhook(webhookUrl, message) });
  }
  return channels;
}

function channelId(name: Channel["name"], destination: string): string {
  return `${name}:${createHash("sha256").update(destination).digest("hex").slice(0, 16)}`;
}
