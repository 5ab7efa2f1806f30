import { setImmediate as nextTurn } from "node:timers/promises";
import type { Pool, PoolClient } from "pg";
import { type Connection, connect } from "./connection.ts";
import type { Load } from "./land.ts";
import { numberAboveOthers } from "./load-record.ts";
import { landingLock } from "./lock.ts";
import { landOrQuarantine } from "./quarantine.ts";
import { execute, query, sql } from "./query.ts";
import type { PageRecords } from "./record.ts";
import { recordPages, type ScanPage } from "./scan-record.ts";

/** A page on its way into landing. */
export type PageToLand = PageRecords & {
  readonly page: number;
  readonly pageSize: number;
  /** Written down with the page, so that a scan that is killed can go on after it. */
  readonly evidence: ScanPage | undefined;
};

/** What landing did until now. */
export type WriterCounts = {
  readonly newVersions: number;
  /** Keys that the pass had not read before; 0 for a scan of one page. */
  readonly newKeys: number;
  readonly quarantined: number;
};

/** Lands pages behind the reader's back, so that the wait for the next page costs nothing. */
export type PageWriter = {
  /** Takes a page; waits only when the database is several pages behind. */
  readonly push: (page: PageToLand) => Promise<void>;
  /** Waits until every page is landed; fails when one could not be. */
  readonly settle: () => Promise<void>;
  /** Lands the last page, if there is one left, together with `alsoDo`, in a transaction on disk. */
  readonly finish: (
    last: PageToLand | undefined,
    alsoDo: (client: PoolClient) => Promise<void>,
  ) => Promise<void>;
  /** Lets go of the connections; call it whatever happened. */
  readonly close: () => Promise<void>;
  readonly counts: () => WriterCounts;
};

/** A connection that lands a batch of pages at a time, and the keys of the batch under way. */
type Lane = {
  readonly connection: Connection;
  writing: Promise<void> | undefined;
  keys: ReadonlySet<string>;
};

const PAGES_PER_BATCH = 4;
/** Pages that may wait before the reader has to. */
const MAX_PENDING = 6;
/** Parsing jsonb keeps one backend busy; a second one lands a third more on two cores. */
const LANES = 2;
/**
 * Connections of the pool that no second lane takes. Several objects are landed at once, and all of
 * them need the database for their next request: lanes that took every connection would wait for
 * requests that wait for a connection.
 */
const SPARE_CONNECTIONS = 2;

/**
 * Opens a writer. It lands on a second connection too when pages pile up. A page that shares a key
 * with one under way waits for it, so that versions keep their order.
 *
 * No two processes may land one object of one account together, or two versions would supersede the
 * same one. A daily scan holds the object while it runs; a backfill, which may take hours, only for
 * a batch.
 */
export async function openPageWriter(
  pool: Pool,
  load: Load,
  { beside }: { readonly beside: "nobody" | "daily scan" },
): Promise<PageWriter> {
  const lanes: Lane[] = [];
  const lock = landingLock(load);
  let pending: readonly PageToLand[] = [];
  let failure: unknown;
  let counts: WriterCounts = { newVersions: 0, newKeys: 0, quarantined: 0 };

  async function openLane(): Promise<Lane> {
    const connection = await connect(pool);
    const lane: Lane = { connection, writing: undefined, keys: new Set() };
    lanes.push(lane);
    // With the first connection the lock is lost, so nobody of this writer may go on landing.
    connection.lost.catch((error: unknown) => {
      failure ??= error;
    });
    // A crash may lose pages that no cursor has passed yet; `finish` syncs them all at once.
    await connection.client.query("set synchronous_commit = off");
    return lane;
  }

  async function write(
    client: PoolClient,
    pages: readonly PageToLand[],
    alsoDo?: (client: PoolClient) => Promise<void>,
  ): Promise<void> {
    const { loadId } = load;
    await client.query("begin");
    try {
      if (beside === "daily scan") {
        await query(client, sql`select pg_advisory_xact_lock(${lock})`);
        load.loadId = await numberAboveOthers(client, load);
      }
      const landed = await landOrQuarantine(client, load, pages);
      const more = await noteUnlanded(client, load, pages, landed.quarantined);
      await recordPages(
        client,
        load.scanId ?? "0",
        pages.flatMap(({ evidence }) => evidence ?? []),
      );
      await alsoDo?.(client);
      await client.query("commit");
      counts = {
        newVersions: counts.newVersions + landed.newVersions,
        newKeys: counts.newKeys + landed.newKeys + more,
        quarantined: counts.quarantined + landed.quarantined,
      };
    } catch (error) {
      load.loadId = loadId;
      await client.query("rollback").catch(() => undefined);
      throw error;
    }
  }

  function startWriting(): void {
    for (const lane of lanes) {
      if (lane.writing !== undefined || failure !== undefined) continue;
      const pages = freePages(pending, lanes);
      if (pages.length === 0) return;
      pending = pending.slice(pages.length);
      lane.keys = new Set(pages.flatMap(keysOf));
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

  const first = await openLane();
  const { client } = first.connection;
  // A killed run may still be landing: what it left is known when it lets go.
  await query(client, sql`select pg_advisory_lock(${lock})`);
  if (beside === "nobody") {
    load.loadId = await numberAboveOthers(client, load);
  } else {
    await query(client, sql`select pg_advisory_unlock(${lock})`);
  }

  return {
    counts: () => counts,
    settle,
    async push(page) {
      if (failure !== undefined) throw failure;
      pending = [...pending, page];
      const behind = pending.length > PAGES_PER_BATCH && beside === "nobody";
      if (behind && lanes.length < LANES && hasSpare(pool)) await openLane();
      startWriting();
      // Reading pages is synchronous work: without a turn for the socket the database would idle.
      await nextTurn();
      while (pending.length >= MAX_PENDING && underWay().length > 0) {
        await Promise.race(underWay());
        await nextTurn();
      }
    },
    async finish(last, alsoDo) {
      await settle();
      await write(client, last === undefined ? [] : [last], async () => {
        await client.query("set local synchronous_commit = on");
        await alsoDo(client);
      });
    },
    async close() {
      await Promise.all(underWay());
      for (const { connection } of lanes) {
        await connection.client
          .query("reset synchronous_commit; select pg_advisory_unlock_all()")
          .then(
            () => connection.release(),
            () => connection.release({ close: true }),
          );
      }
    },
  };
}

function hasSpare({ options, totalCount, idleCount, waitingCount }: Pool): boolean {
  const free = options.max - (totalCount - idleCount);
  return waitingCount === 0 && free > SPARE_CONNECTIONS;
}

/** The pages that may be landed next: up to a batch, none with a key of a batch under way. */
function freePages(pending: readonly PageToLand[], lanes: readonly Lane[]): readonly PageToLand[] {
  const batch = pending.slice(0, PAGES_PER_BATCH);
  const taken = batch.findIndex((page) =>
    keysOf(page).some((chave) => lanes.some(({ keys }) => keys.has(chave))),
  );
  return taken < 0 ? batch : batch.slice(0, taken);
}

/** Keys of the page's records, also of those that cannot land. */
function keysOf({ records, refused }: PageToLand): readonly string[] {
  const unlandable = refused.flatMap(({ chave }) => chave ?? []);
  return [...records.map(({ chave }) => chave), ...unlandable];
}

/**
 * A record in quarantine was read, so it counts among the keys. One without a key counts by its
 * place: where nothing slid, it stands at the same place when its page is read again.
 * @returns how many of them the pass had not read before
 */
async function noteUnlanded(
  client: PoolClient,
  load: Load,
  pages: readonly PageToLand[],
  quarantined: number,
): Promise<number> {
  if (load.seenKeys === undefined || quarantined === 0) return 0;
  const keys = pages.flatMap(({ page, pageSize, records, refused }) => [
    ...records.map(({ chave }) => chave),
    ...refused.map(({ chave, index }) => chave ?? placeKey((page - 1) * pageSize + index)),
  ]);
  return execute(
    client,
    sql`
      insert into elt.${sql.ident(load.seenKeys.table)} (chave)
      select unnest(${keys}::text[])
      on conflict do nothing`,
  );
}

/** Stands for a record without a key; no key of a record begins with this character. */
function placeKey(row: number): string {
  return `\u0001row ${row}`;
}
