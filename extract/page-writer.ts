import { setImmediate as nextTurn } from "node:timers/promises";
import type { Pool, PoolClient } from "pg";
import { connect } from "./connection.ts";
import { CvdwError } from "./errors.ts";
import { type Load, landRecords } from "./land.ts";
import type { LandingRecord } from "./record.ts";

/** Lands pages behind the reader's back, so that the wait for the next page costs nothing. */
export type PageWriter = {
  /** Takes a page; waits only when the database is several pages behind. */
  readonly push: (page: number, records: readonly LandingRecord[]) => Promise<void>;
  /** Lands what is left together with `alsoDo`, in one transaction that reaches the disk. */
  readonly finish: (alsoDo: (client: PoolClient) => Promise<void>) => Promise<void>;
  /** Lands what arrived before a failure; its own failure is that of the load. */
  readonly flush: () => Promise<void>;
  /** Lets go of the connection; call it whatever happened. */
  readonly close: () => Promise<void>;
  readonly newVersions: () => number;
};

type PendingPage = { readonly page: number; readonly records: readonly LandingRecord[] };

/** Pages that may wait before the reader has to. */
const MAX_PENDING = 8;

/**
 * Opens a writer on a connection of its own. The newest page is always held back, so that the
 * transaction of `finish` is the one that stores the last page.
 */
export async function openPageWriter(pool: Pool, load: Load): Promise<PageWriter> {
  const { client, release } = await connect(pool);
  // A crash may lose pages that no cursor has passed yet; `finish` syncs them all at once.
  await client.query("set synchronous_commit = off");
  let held: PendingPage | undefined;
  let pending: PendingPage[] = [];
  let writing: Promise<void> | undefined;
  let failure: unknown;
  let newVersions = 0;

  async function write(pages: readonly PendingPage[]): Promise<void> {
    const records = pages.flatMap(({ records }) => records);
    try {
      newVersions += await landRecords(client, load, records);
    } catch (error) {
      throw rejectedRecord(load.object, pages, error);
    }
  }

  function startWriting(): void {
    if (writing !== undefined || pending.length === 0 || failure !== undefined) return;
    const pages = pending;
    pending = [];
    writing = write(pages)
      .catch((error: unknown) => {
        failure = error;
      })
      .finally(() => {
        writing = undefined;
        startWriting();
      });
  }

  async function settle(): Promise<void> {
    while (writing !== undefined) await writing;
    if (failure !== undefined) throw failure;
  }

  return {
    newVersions: () => newVersions,
    async push(page, records) {
      if (failure !== undefined) throw failure;
      if (held !== undefined) pending.push(held);
      held = { page, records };
      startWriting();
      // Reading pages is synchronous work: without a turn for the socket the database would idle.
      await nextTurn();
      while (pending.length >= MAX_PENDING && writing !== undefined) {
        await writing;
        await nextTurn();
      }
    },
    async finish(alsoDo) {
      await settle();
      await client.query("begin; set local synchronous_commit = on");
      try {
        if (held !== undefined) await write([held]);
        await alsoDo(client);
        await client.query("commit");
      } catch (error) {
        await client.query("rollback").catch(() => undefined);
        throw error;
      }
    },
    async flush() {
      await settle();
      const last = held;
      held = undefined;
      if (last !== undefined) await write([last]);
    },
    async close() {
      while (writing !== undefined) await writing;
      await client.query("reset synchronous_commit").then(
        () => release(),
        () => release({ close: true }),
      );
    },
  };
}

/** PostgreSQL refused a record's bytes (class 22, data exception): the source's fault, not ours. */
function rejectedRecord(object: string, pages: readonly PendingPage[], error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!code.startsWith("22")) return error;
  const numbers = pages.map(({ page }) => page).join(", ");
  return new CvdwError({
    fault: "rejected-record",
    object,
    page: pages[0]?.page ?? 1,
    message: `PostgreSQL refuses a record of page ${numbers} as JSON (SQLSTATE ${code}). Nothing of these pages is landed; the object is read again in the next run.`,
  });
}
