import { styleText } from "node:util";
import type { IncidentKind } from "./incident.ts";
import type { Phase } from "./message-record.ts";

/** What alerting tells while it runs. Failures of a delivery are warnings. */
export type AlertEvent = {
  readonly type: "alert-sent";
  readonly channel: "email" | "webhook";
  readonly phase: Phase;
  readonly kinds: readonly IncidentKind[];
  /** How many incidents the message tells of. */
  readonly incidents: number;
};

/** The line that it leaves on a terminal. */
export function alertText({ channel, phase, kinds, incidents }: AlertEvent): string {
  const what = phase === "opened" ? "Told" : "Told the end of";
  const count = incidents === 1 ? "" : ` (${incidents} incidents)`;
  return styleText("dim", `${what} by ${channel}: ${kinds.join(", ")}${count}.`);
}
