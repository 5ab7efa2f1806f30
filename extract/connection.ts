import type { Pool, PoolClient } from "pg";

/** A connection of the pool, for as long as one piece of work needs it. */
export type Connection = {
  readonly client: PoolClient;
  /** Rejects when the connection is lost, also while nobody asks anything of it. */
  readonly lost: Promise<never>;
  /** Gives it back; a lost one, or one that must forget its state, is closed instead. */
  readonly release: (options?: { readonly close: true }) => void;
};

/**
 * Checks a connection out. An idle one that the server ends reports it as an event, which would end
 * the process if nobody listened; here the next query fails, and `lost` rejects at once.
 */
export async function connect(pool: Pool): Promise<Connection> {
  const client = await pool.connect();
  let failure: Error | undefined;
  let reject: (error: Error) => void = () => undefined;
  const lost = new Promise<never>((_, rejectLost) => {
    reject = rejectLost;
  });
  lost.catch(() => undefined);
  const onError = (error: Error): void => {
    failure = error;
    reject(error);
  };
  client.on("error", onError);
  return {
    client,
    lost,
    release(options) {
      client.off("error", onError);
      client.release(failure ?? options?.close ?? false);
    },
  };
}
