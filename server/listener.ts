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
/** Between two looks at whether the connection still hears. */
const beatMs = 15_000;

/**
 * Keeps topics in memory: one connection listens, and all of them are read again after every
 * connection made, because what was announced in between is lost. A connection can also fall silent
 * without an end (a firewall forgot it, the other machine is gone), and behind a pooler of
 * transactions nothing is announced at all: so every topic is read again at every beat, and a
 * connection that does not answer by the next one is lost. Resolves after the first attempt, also
 * when the database is away; tries again by itself until closed.
 */
export async function listen(
  pool: Pool,
  topics: readonly Topic[],
  log: ServerLog,
  everyMs: number = beatMs,
): Promise<Listener> {
  const announcements = new Map<Topic, number>();
  const underWay = new Set<Topic>();
  let client: PoolClient | undefined;
  let retry: NodeJS.Timeout | undefined;
  let beat: NodeJS.Timeout | undefined;
  let retryMs = firstRetryMs;
  let closed = false;
  let connecting: Promise<void> = Promise.resolve();

  const lose = (lost: PoolClient, error: Error) => {
    if (client !== lost) return;
    client = undefined;
    clearTimeout(beat);
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
    return heard;
  };

  /** However many announcements come meanwhile: anybody on the database may send any number. */
  const refreshUntilCurrent = async (on: PoolClient, topic: Topic) => {
    if (underWay.has(topic)) return;
    underWay.add(topic);
    try {
      let heard: number | undefined;
      do heard = await refresh(on, topic);
      while (client === on && heard !== announcements.get(topic));
    } finally {
      underWay.delete(topic);
    }
    // Another connection may have been made, and been turned away, meanwhile.
    if (client !== undefined && client !== on) await refreshUntilCurrent(client, topic);
  };

  /** What does not come back until the next beat never will. */
  const inTime = async (on: PoolClient, work: () => Promise<void>) => {
    const overdue = setTimeout(
      () => lose(on, new Error("the connection does not answer any more")),
      everyMs,
    );
    try {
      await work();
    } catch (error) {
      lose(on, error instanceof Error ? error : new Error(String(error)));
    } finally {
      clearTimeout(overdue);
    }
  };

  /** Reads all topics, and again at every beat as long as the connection answers. */
  const keepFresh = async (on: PoolClient) => {
    await inTime(on, async () => {
      for (const topic of topics) await refreshUntilCurrent(on, topic);
    });
    if (client === on) beat = setTimeout(() => void keepFresh(on), everyMs);
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
        void refreshUntilCurrent(opened, topic);
      }
    });
    await inTime(opened, async () => {
      for (const { channel } of topics) await opened.query(`listen ${channel}`);
    });
    if (client === opened) await keepFresh(opened);
    if (client === opened) retryMs = firstRetryMs;
  };

  connecting = connect();
  await connecting;
  return {
    close: async () => {
      closed = true;
      clearTimeout(retry);
      await connecting;
      clearTimeout(beat);
      const open = client;
      client = undefined;
      for (const topic of topics) topic.forget();
      // Closed, not given back: the next user of the connection did not ask for announcements.
      open?.release(true);
    },
  };
}
