import { DatabaseError, type PoolClient } from "pg";
import { ConfigError } from "../errors.ts";
import { quoted } from "../models/draft.ts";
import { withLockTimeout } from "../models/with-lock-timeout.ts";

const DEPENDENTS_EXIST = "2BP01";

/**
 * Drops a table of an environment, never what stands on it.
 * @throws ConfigError that names what stands on it
 * @throws InfrastructureError when it is in use for a minute
 */
export async function dropTable(
  client: PoolClient,
  schema: string,
  relation: string,
): Promise<void> {
  const name = quoted(schema, relation);
  await withLockTimeout(client, [name], () =>
    refusing(`${schema}.${relation} must go or get other columns and cannot`, async () => {
      await client.query(`drop table ${name}`);
    }),
  );
}

/**
 * Turns PostgreSQL's refusal to drop what something stands on into a sentence that names it.
 * @param what what was to be done, as the beginning of the sentence
 */
export async function refusing<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== DEPENDENTS_EXIST) throw error;
    const standing = (error.detail ?? error.message).split("\n").join("; ");
    throw new ConfigError([
      `${what}, since ${standing}. Drop that first: only what an environment made goes with it.`,
    ]);
  }
}
