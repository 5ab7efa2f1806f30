import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { RunEvent } from "../events.ts";
import type { AlertSettings } from "./alert-settings.ts";
import { channelsOf } from "./channels.ts";
import type { Incident } from "./incident.ts";
import { composeMessage } from "./message.ts";
import type { Phase } from "./message-record.ts";

/** Tells of a database that is away: what it cannot remember itself, a file does. */
export type DatabaseAlert = {
  /**
   * It does not answer. Told once, when it has been away for that long.
   * @returns whether the next process will know it, too; one that does not would tell it again
   */
  readonly away: (patienceMs: number) => Promise<"kept" | "not kept">;
  /** It answers. Told when its absence was. */
  readonly back: () => Promise<void>;
};

type Absence = { readonly since: string; readonly isTold: boolean };

/**
 * The memory is one file per account, so that neither a restart nor the next run of a cron job tells
 * the same again. Where it cannot be written, each process tells for itself. Never throws.
 * @param options.folder where the file lies; made when it is needed
 */
export function createDatabaseAlert(options: {
  readonly settings: AlertSettings;
  readonly conta: string;
  readonly folder: string;
  readonly emit: (event: RunEvent) => void;
  readonly now: () => Date;
}): DatabaseAlert {
  const { settings, conta, folder, emit, now } = options;
  const channels = channelsOf(settings);
  const file = path.join(folder, `database-${conta}.json`);
  let absence: Absence | undefined;

  async function remember(next: Absence | undefined): Promise<"kept" | "not kept"> {
    absence = next;
    try {
      if (next === undefined) await rm(file, { force: true });
      else {
        await mkdir(folder, { recursive: true });
        await writeFile(file, JSON.stringify(next), { mode: 0o600 });
      }
      return "kept";
    } catch {
      // This process remembers it all the same.
      return "not kept";
    }
  }

  /** Whether anybody was reached. */
  async function tell(phase: Phase, openedAt: Date): Promise<boolean> {
    const closedAt = phase === "closed" ? now() : null;
    const incident: Incident = {
      ...{ kind: "database-lost", id: "database", conta: null, subject: "", details: {} },
      openedAt,
      closedAt,
    };
    const { dashboardUrl } = settings;
    const message = composeMessage(phase, [incident], { conta, now: now(), dashboardUrl });
    let isTold = false;
    for (const channel of channels) {
      const delivery = await channel.send(message);
      if (delivery.status === "sent") {
        isTold = true;
        const kinds = ["database-lost"] as const;
        emit({ type: "alert-sent", channel: channel.name, phase, kinds, incidents: 1 });
      } else {
        const text = `An alert by ${channel.name} was not delivered: ${delivery.because}.`;
        emit({ type: "warning", message: text });
      }
    }
    return isTold;
  }

  return {
    away: async (patienceMs) => {
      if (channels.length === 0) return "kept";
      const known = absence ?? (await readAbsence(file));
      const since = known === undefined ? now() : new Date(known.since);
      const wasTold = known?.isTold === true;
      const isDue = !wasTold && now().getTime() - since.getTime() >= patienceMs;
      const isTold = wasTold || (isDue && (await tell("opened", since)));
      return remember({ since: since.toISOString(), isTold });
    },
    back: async () => {
      if (channels.length === 0) return;
      const known = absence ?? (await readAbsence(file));
      if (known === undefined) return;
      await remember(undefined);
      if (known.isTold) await tell("closed", new Date(known.since));
    },
  };
}

/** Undefined when there is none, or none that can be read. */
async function readAbsence(file: string): Promise<Absence | undefined> {
  try {
    const found: unknown = JSON.parse(await readFile(file, "utf8"));
    if (typeof found !== "object" || found === null) return undefined;
    if (!("since" in found) || !("isTold" in found)) return undefined;
    const since = new Date(String(found.since));
    if (Number.isNaN(since.getTime())) return undefined;
    return { since: since.toISOString(), isTold: found.isTold === true };
  } catch {
    return undefined;
  }
}
