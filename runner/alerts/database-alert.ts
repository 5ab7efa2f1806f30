import type { RunEvent } from "../events.ts";
import type { AlertSettings } from "./alert-settings.ts";
import { channelsOf } from "./channels.ts";
import type { Incident } from "./incident.ts";
import { composeMessage } from "./message.ts";
import type { Phase } from "./message-record.ts";

/** Tells of a database that is away: what cannot be remembered there is remembered here. */
export type DatabaseAlert = {
  /** It did not answer. Told once, when it has been away for ten minutes. */
  readonly away: () => Promise<void>;
  /** It answers. Told when its absence was. */
  readonly back: () => Promise<void>;
};

const PATIENCE_MS = 10 * 60_000;

/** Starts with a database that is there. */
export function createDatabaseAlert(options: {
  readonly settings: AlertSettings;
  readonly conta: string;
  readonly emit: (event: RunEvent) => void;
  readonly now: () => Date;
}): DatabaseAlert {
  const { settings, conta, emit, now } = options;
  let since: Date | undefined;
  let isTold = false;

  async function tell(phase: Phase, openedAt: Date): Promise<void> {
    const closedAt = phase === "closed" ? now() : null;
    const incident: Incident = {
      ...{ kind: "database-lost", id: "database", conta: null, subject: "", details: {} },
      openedAt,
      closedAt,
    };
    const { dashboardUrl } = settings;
    const message = composeMessage(phase, [incident], { conta, now: now(), dashboardUrl });
    for (const channel of channelsOf(settings)) {
      const delivery = await channel.send(message);
      if (delivery.status === "sent") {
        const kinds = ["database-lost"] as const;
        emit({ type: "alert-sent", channel: channel.name, phase, kinds, incidents: 1 });
      } else {
        const text = `An alert by ${channel.name} was not delivered: ${delivery.because}.`;
        emit({ type: "warning", message: text });
      }
    }
  }

  return {
    away: async () => {
      since ??= now();
      if (isTold || now().getTime() - since.getTime() < PATIENCE_MS) return;
      isTold = true;
      await tell("opened", since);
    },
    back: async () => {
      const openedAt = since;
      since = undefined;
      if (!isTold || openedAt === undefined) return;
      isTold = false;
      await tell("closed", openedAt);
    },
  };
}
