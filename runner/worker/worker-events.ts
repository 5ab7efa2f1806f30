import { brasiliaWallClock, formatWallClock } from "../../extract/wall-clock.ts";

/** What the worker tells between its runs. Instants are ISO 8601. */
export type WorkerEvent =
  | {
      readonly type: "worker-started";
      readonly conta: string;
      readonly cron: string;
      readonly hours: string;
    }
  | {
      readonly type: "worker-waits";
      readonly until: string;
      /** `shut`: a turn came outside of the hours. */
      readonly because: "schedule" | "shut";
    }
  | {
      readonly type: "turn-began";
      /** `catch-up`: its time had passed, since the machine or the database was away. */
      readonly because: "start" | "schedule" | "catch-up";
      /** Turns whose time passed since the last run, this one apart. */
      readonly missed: number;
    }
  | {
      readonly type: "turn-held-up";
      readonly holder: string;
      readonly until: string;
    }
  /** Whoever held the account has run it: nothing is left for this turn. */
  | { readonly type: "turn-served" }
  | { readonly type: "database-away"; readonly until: string }
  | { readonly type: "database-back" };

/** The line that it leaves on a terminal. */
export function workerText(event: WorkerEvent): string {
  switch (event.type) {
    case "worker-started":
      return `Worker of account ${event.conta}: ${event.cron} within ${event.hours} h, Brasília.`;
    case "worker-waits":
      return event.because === "shut"
        ? `Outside of SYNC_HOURS. Next run: ${clock(event.until)} Brasília. Sooner: npm run elt, in another terminal.`
        : `Next run: ${clock(event.until)} Brasília.`;
    case "turn-began": {
      const missed = event.missed === 1 ? "1 turn was" : `${event.missed} turns were`;
      const beside = event.missed === 0 ? "" : ` (${missed} missed)`;
      return `Run begins: ${event.because}${beside}.`;
    }
    case "turn-held-up":
      return `The account is held by ${event.holder}: looking again at ${clock(event.until)} Brasília.`;
    case "turn-served":
      return "It was run meanwhile: this turn has nothing left to do.";
    case "database-away":
      return `The database is away: trying again at ${clock(event.until)} Brasília.`;
    case "database-back":
      return "The database is back.";
  }
}

function clock(instant: string): string {
  return formatWallClock(brasiliaWallClock(new Date(instant)));
}
