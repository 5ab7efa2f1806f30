import type { Pool, PoolClient } from "pg";
import { type Queryable, query, sql } from "../extract/query.ts";
import { PUBLICATION_CHANNEL } from "../runner/models/build.ts";
import type { ServerLog } from "./events.ts";

/** A state of the marts that readers see as a whole. */
export type Publication = {
  readonly id: string;
  /** Instant, ISO 8601 in UTC. */
  readonly em: string;
};

export type PublicationWatch = {
  /**
   * The publication in force, without a query. Undefined when there is none, or when it is not
   * known for certain because the database is away: ask the database then.
   */
  current(): Publication | undefined;
  close(): Promise<void>;
};

const firstRetryMs = 50;
const longestRetryMs = 5_000;

/**
 * Keeps the publication in force in memory: one connection listens, and it is read again after
 * every connection made, because what was announced in between is lost. Resolves after the first
 * attempt, also when the database is away; tries again by itself until closed.
 */
export async function watchPublication(pool: Pool, log: ServerLog): Promise<PublicationWatch> {
  let current: Publication | undefined;
  let client: PoolClient | undefined;
  let retry: NodeJS.Timeout | undefined;
  let retryMs = firstRetryMs;
  let closed = false;
  let announcements = 0;
  let connecting: Promise<void> = Promise.resolve();

  const lose = (lost: PoolClient, error: Error) => {
    if (client !== lost) return;
    client = undefined;
    current = undefined;
    lost.removeAllListeners("notification");
    lost.release(error);
    scheduleRetry(error);
  };

  const scheduleRetry = (error: unknown) => {
    if (closed) return;
    log({
      type: "listener-lost",
      message: error instanceof Error ? error.message : String(error),
    });
    retry = setTimeout(() => {
      connecting = connect();
    }, retryMs);
    retryMs = Math.min(retryMs * 2, longestRetryMs);
  };

  const refresh = async (on: PoolClient) => {
    const heard = announcements;
    try {
      const publication = await latestPublication(on);
      // Another announcement came meanwhile: its own answer is the one that counts.
      if (client !== on || heard !== announcements) return;
      if (publication !== undefined && publication.id !== current?.id) {
        log({ type: "published", publicationId: publication.id });
      }
      current = publication;
    } catch (error) {
      lose(on, error instanceof Error ? error : new Error(String(error)));
    }
  };

  const connect = async () => {
    let opened: PoolClient;
    try {
      opened = await pool.connect();
    } catch (error) {
      scheduleRetry(error);
      return;
    }
    client = opened;
    opened.on("error", (error) => lose(opened, error));
    opened.on("end", () => lose(opened, new Error("the server ended the connection")));
    opened.on("notification", () => {
      // Between the announcement and the answer nobody may be told that nothing changed.
      current = undefined;
      announcements += 1;
      void refresh(opened);
    });
    try {
      await opened.query(`listen ${PUBLICATION_CHANNEL}`);
    } catch (error) {
      lose(opened, error instanceof Error ? error : new Error(String(error)));
      return;
    }
    await refresh(opened);
    if (client === opened) retryMs = firstRetryMs;
  };

  connecting = connect();
  await connecting;
  return {
    current: () => current,
    close: async () => {
      closed = true;
      clearTimeout(retry);
      await connecting;
      const open = client;
      client = undefined;
      current = undefined;
      // Closed, not given back: the next user of the connection did not ask for announcements.
      open?.release(true);
    },
  };
}

/** The newest publication, or undefined before the first. */
export async function latestPublication(on: Queryable): Promise<Publication | undefined> {
  const [row] = await query<Publication>(
    on,
    sql`
      select
          publication_id::text as id,
          to_char(published_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as em
      from elt.publications
      order by publication_id desc
      limit 1`,
  );
  return row;
}
