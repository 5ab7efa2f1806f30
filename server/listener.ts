import type { Pool, PoolClient } from "pg";
import type { ServerLog } from "./events.ts";

/** Something in the database that the server keeps in memory. */
export type Topic = {
  /** The channel that announces its changes. */
  readonly channel: string;
  /** Something changed, or was announced while nobody listened: what is in memory may be old. */
  forget(): void;
  /**
   * Reads it again. `isCurrent` tells, after the answer came, whether it is still the newest:
   * another announcement may have come meanwhile, whose own answer is the one that counts.
   */
  refresh(on: PoolClient, isCurrent: () => boolean): Promise<void>;
};

export type Listener = { close(): Promise<void> };

const firstRetryMs = 50;
const longestRetryMs = 5_000;

/**
 * Keeps topics in memory: one connection listens, and all of them are read again after every
 * connection made, because what was announced in between is lost. Resolves after the first attempt,
 * also when the database is away; tries again by itself until closed.
 */
export async function listen(
  pool: Pool,
  topics: readonly Topic[],
  log: ServerLog,
): Promise<Listener> {
  const announcements = new Map<Topic, number>();
  let client: PoolClient | undefined;
  let retry: NodeJS.Timeout | undefined;
  let retryMs = firstRetryMs;
  let closed = false;
  let connecting: Promise<void> = Promise.resolve();

  const lose = (lost: PoolClient, error: Error) => {
    if (client !== lost) return;
    client = undefined;
    for (const topic of topics) topic.forget();
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

  const refresh = async (on: PoolClient, topic: Topic) => {
    const heard = announcements.get(topic);
    const isCurrent = () => client === on && heard === announcements.get(topic);
    try {
      await topic.refresh(on, isCurrent);
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
    if (closed) {
      opened.release();
      return;
    }
    client = opened;
    opened.on("error", (error) => lose(opened, error));
    opened.on("end", () => lose(opened, new Error("the server ended the connection")));
    opened.on("notification", ({ channel }) => {
      for (const topic of topics) {
        if (topic.channel !== channel) continue;
        announcements.set(topic, (announcements.get(topic) ?? 0) + 1);
        // Between the announcement and the answer nobody may be told that nothing changed.
        topic.forget();
        void refresh(opened, topic);
      }
    });
    try {
      for (const { channel } of topics) await opened.query(`listen ${channel}`);
    } catch (error) {
      lose(opened, error instanceof Error ? error : new Error(String(error)));
      return;
    }
    for (const topic of topics) await refresh(opened, topic);
    if (client === opened) retryMs = firstRetryMs;
  };

  connecting = connect();
  await connecting;
  return {
    close: async () => {
      closed = true;
      clearTimeout(retry);
      await connecting;
      const open = client;
      client = undefined;
      for (const topic of topics) topic.forget();
      // Closed, not given back: the next user of the connection did not ask for announcements.
      open?.release(true);
    },
  };
}
