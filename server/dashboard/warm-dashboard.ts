import type { Pool } from "pg";
import type { KeyRing } from "../key-ring.ts";
import { type PublicationWatch, publicationTag } from "../publication.ts";
import { readPublished } from "../read-published.ts";
import { accountsTag } from "../reader.ts";
import { firstRequest } from "./filters.ts";
import { type DashboardMemory, readDashboard } from "./read-dashboard.ts";

/** Makes what the next visitor will ask for before they do. */
export type Warmer = {
  /** Waits for what is being made, and makes nothing more. */
  close(): Promise<void>;
};

const lookMs = 5_000;

/**
 * Calls `make` for every publication and every day, soon after it began, so that the first page of
 * each is not slow. A failure is left to the visitor's own request, which will say what is wrong.
 */
export function warmDashboard(options: {
  readonly watch: PublicationWatch;
  /** The day, YYYY-MM-DD. */
  readonly hoje: () => string;
  readonly make: () => Promise<void>;
  readonly everyMs?: number;
}): Warmer {
  const { watch, hoje, make, everyMs = lookMs } = options;
  let made: string | undefined;
  let making: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const look = async () => {
    const publication = watch.current();
    const wanted = publication && `${publicationTag(publication)} ${hoje()}`;
    if (wanted !== undefined && wanted !== made) {
      made = wanted;
      await make().catch(() => undefined);
    }
    if (!closed) timer = setTimeout(again, everyMs);
  };
  const again = () => {
    making = look();
  };
  again();
  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await making;
    },
  };
}

/** Readers who see other accounts see other figures; those of so many sets are made. */
const mostSets = 8;
/** Pages of one account alone, of all sets together; what is made stays within the memory. */
const mostAccounts = 16;

/**
 * Puts the figures of the first page into memory, of all accounts and then of each alone, for the
 * keys in force.
 */
export async function readForVisitors(
  pool: Pool,
  memory: DashboardMemory,
  keys: KeyRing,
): Promise<void> {
  const read = (contas: readonly string[], conta: string | undefined) =>
    readPublished(pool, { contas: contas.length === 0 ? undefined : contas }, (snapshot) =>
      readDashboard(
        snapshot,
        { ...firstRequest, filters: { ...firstRequest.filters, conta } },
        { seesClients: false, memory, scope: accountsTag({ contas }) },
      ),
    );
  const alone: { readonly contas: readonly string[]; readonly conta: string }[] = [];
  for (const contas of keys.accountSets().slice(0, mostSets)) {
    const { choices } = await read(contas, undefined);
    if (choices.contas.length < 2) continue;
    alone.push(...choices.contas.map((conta) => ({ contas, conta })));
  }
  for (const { contas, conta } of alone.slice(0, mostAccounts)) await read(contas, conta);
}
