import { setImmediate as nextTurn } from "node:timers/promises";
import type { Pool, PoolClient } from "pg";
import { type Connection, connect } from "./connection.ts";
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
  /** Lets go of the connections; call it whatever happened. */
  readonly close: () => Promise<void>;
  readonly newVersions: () => number;
};

type PendingPage = { readonly page: number; readonly records: readonly LandingRecord[] };

/** A connection that lands a batch of pages at a time, and the keys of the batch under way. */
type Lane = {
  readonly connection: Connection;
  writing: Promise<void> | undefined;
  keys: ReadonlySet<string>;
};

const PAGES_PER_BATCH = 4;
/** Pages that may wait before the reader has to. */
const MAX_PENDING = 8;

/**
 * Opens a writer on two connections of its own: parsing jsonb keeps one backend busy, and a second
 * one lands a third more on two cores. The newest page is always held back, so that the
 * transaction of `finish` is the one that stores the last page. A page that shares a key with one
 * under way waits for it, so that versions keep their order.
 */
export async function openPageWriter(pool: Pool, load: Load): Promise<PageWriter> {
  const first = await openLane(pool);
  const lanes = [first, await openLane(pool)];
  let held: PendingPage | undefined;
  let pending: readonly PendingPage[] = [];
  let failure: unknown;
  let newVersions = 0;

  async function write(client: PoolClient, pages: readonly PendingPage[]): Promise<void> {
    const records = pages.flatMap(({ records }) => records);
    try {
      const added = await landRecords(client, load, records);
      newVersions += added;
    } catch (error) {
      throw rejectedRecord(load.object, pages, error);
    }
  }

  function startWriting(): void {
    for (const lane of lanes) {
      if (lane.writing !== undefined || failure !== undefined) continue;
      const pages = freePages(pending, lanes);
      if (pages.length === 0) return;
      pending = pending.slice(pages.length);
      lane.keys = new Set(pages.flatMap(({ records }) => records.map(({ chave }) => chave)));
      lane.writing = write(lane.connection.client, pages)
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => {
          lane.writing = undefined;
          lane.keys = new Set();
          startWriting();
        });
    }
  }

  const underWay = () => lanes.flatMap(({ writing }) => writing ?? []);

  async function settle(): Promise<void> {
    while (underWay().length > 0) await Promise.all(underWay());
    if (failure !== undefined) throw failure;
  }

  return {
    newVersions: () => newVersions,
    async push(page, records) {
      if (failure !== undefined) throw failure;
      if (held !== undefined) pending = [...pending, held];
      held = { page, records };
      startWriting();
      // Reading pages is synchronous work: without a turn for the socket the database would idle.
      await nextTurn();
      while (pending.length >= MAX_PENDING && underWay().length > 0) {
        await Promise.race(underWay());
        await nextTurn();
      }
    },
    async finish(alsoDo) {
      await settle();
      const { client } = first.connection;
      await client.query("begin; set local synchronous_commit = on");
      try {
        if (held !== undefined) await write(client, [held]);
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
      if (last !== undefined) await write(first.connection.client, [last]);
    },
    async close() {
      await Promise.all(underWay());
      for (const { connection } of lanes) {
        await connection.client.query("reset synchronous_commit").then(
          () => connection.release(),
          () => connection.release({ close: true }),
        );
      }
    },
  };
}

async function openLane(pool: Pool): Promise<Lane> {
  const connection = await connect(pool);
  // A crash may lose pages that no cursor has passed yet; `finish` syncs them all at once.
  await connection.client.query("set synchronous_commit = off");
  return { connection, writing: undefined, keys: new Set() };
}

/** The pages that may be landed next: up to a batch, none with a key of a batch under way. */
function freePages(
  pending: readonly PendingPage[],
  lanes: readonly Lane[],
): readonly PendingPage[] {
  const batch = pending.slice(0, PAGES_PER_BATCH);
  const taken = batch.findIndex(({ records }) =>
    records.some(({ chave }) => lanes.some(({ keys }) => keys.has(chave))),
  );
  return taken < 0 ? batch : batch.slice(0, taken);
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
