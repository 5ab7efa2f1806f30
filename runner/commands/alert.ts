import { brasiliaWallClock, formatWallClock } from "../../extract/wall-clock.ts";
import { channelsOf, type Delivery } from "../alerts/channels.ts";
import { openIncidents } from "../alerts/incident-record.ts";
import { incidentText } from "../alerts/incident-text.ts";
import { testMessage } from "../alerts/message.ts";
import { undelivered } from "../alerts/message-record.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { readAlertConfig, readSourceConfig } from "../config.ts";
import { ConfigError } from "../errors.ts";
import { formatTable } from "../format-table.ts";
import { withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt alert [list]
       elt alert test

list shows the incidents that last, and messages that could not be delivered.
test sends a message by every channel of .env and says what became of it (exit 2 when one failed).

Every elt run and elt worker tells once when something begins to be wrong, and once when it is over:
a failed run, a failing test, data older than ALERT_STALE_HOURS, an object that did not arrive (401,
405, …), records in quarantine, fields that changed. Channels: e-mail (ALERT_EMAIL_USER, _PASSWORD,
_TO; SMTP_URL when it is not Google's) and ALERT_WEBHOOK_URL (Slack's form). ALERT_DIGEST=07:30 adds
a summary of the KPIs a day. A message that cannot be delivered is tried five times, once a run.`,
  takesNames: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const [action = "list", ...others] = invocation.names;
  if (others.length > 0 || !["list", "test"].includes(action)) {
    throw new ConfigError([
      `elt alert has no action "${[action, ...others].join(" ")}": use list or test. See: npm run elt -- help alert`,
    ]);
  }
  return action === "test" ? test(invocation) : list(invocation);
}

async function test({ env, reporter }: Invocation): Promise<number> {
  const settings = readAlertConfig(env);
  const channels = channelsOf(settings);
  if (channels.length === 0) {
    throw new ConfigError([
      "No channel is set: fill in ALERT_EMAIL_USER, ALERT_EMAIL_PASSWORD and ALERT_EMAIL_TO, or ALERT_WEBHOOK_URL (see .env.example).",
    ]);
  }
  const { dashboardUrl } = settings;
  const message = testMessage({ conta: accountName(env), now: new Date(), dashboardUrl });
  const deliveries = await Promise.all(
    channels.map(async ({ name, send }) => ({ channel: name, ...(await send(message)) })),
  );
  const lines = deliveries.map((delivery) => `${delivery.channel}: ${deliveryText(delivery)}`);
  reporter.result(lines.join("\n"), { deliveries });
  return deliveries.some(({ status }) => status === "failed")
    ? exitCodes.configuration
    : exitCodes.done;
}

/** A test needs no account; its name is told when there is one. */
function accountName(env: Invocation["env"]): string {
  try {
    return readSourceConfig(env).conta;
  } catch (error) {
    if (error instanceof ConfigError) return "teste";
    throw error;
  }
}

function deliveryText(delivery: Delivery): string {
  if (delivery.status === "failed") return `not delivered: ${delivery.because}.`;
  return delivery.note === undefined
    ? "sent. Look whether it arrived."
    : `sent, but ${delivery.note}.`;
}

function list(invocation: Invocation): Promise<number> {
  return withDatabase(invocation, "alert", async ({ pool }) => {
    const open = await openIncidents(pool);
    const failed = await undelivered(pool);
    const incidents = open.map((incident) => ({
      conta: incident.conta ?? "all",
      kind: incident.kind,
      since: formatWallClock(brasiliaWallClock(incident.openedAt)).slice(0, 16),
      what: incidentText(incident).title,
    }));
    const text = [
      incidents.length === 0 ? "Nothing is wrong." : formatTable(incidents),
      ...failed.map(
        ({ channel, attempts, error }) =>
          `Not delivered by ${channel} after ${attempts === 1 ? "1 attempt" : `${attempts} attempts`}: ${error}.`,
      ),
    ];
    invocation.reporter.result(text.join("\n"), { incidents, undelivered: failed });
    return exitCodes.done;
  });
}
