import type { ClientBase } from "pg";
import { execute, sql } from "../extract/query.ts";

/**
 * What this program relies on in every session. A server, a database or a role may be set otherwise
 * (`alter role … set datestyle = 'German'`): dates would be read wrongly, builds be cut off, two runs
 * fail for each other. Settings that this version of PostgreSQL does not have are passed over.
 *
 * Not among them: `search_path`, since every name of ours has its schema and functions of a
 * customer's models may stand anywhere; and whether the user may write at all.
 */
export const sessionSettings: Readonly<Record<string, string>> = {
  // How values become texts, and texts values.
  datestyle: "ISO, YMD",
  intervalstyle: "postgres",
  timezone: "UTC",
  bytea_output: "hex",
  extra_float_digits: "1",
  // How a statement is read.
  standard_conforming_strings: "on",
  array_nulls: "on",
  transform_null_equals: "off",
  quote_all_identifiers: "off",
  // A build reads one snapshot where it says so; elsewhere each statement sees what is committed.
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
  row_security: "on",
  // A first load takes hours; what must not wait has a limit of its own.
  statement_timeout: "0",
  lock_timeout: "0",
  transaction_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  idle_session_timeout: "0",
};

/** Gives a new connection the settings that the program relies on, in one round trip. */
export async function applySessionSettings(client: ClientBase): Promise<void> {
  await execute(
    client,
    sql`
      select set_config(name, setting, false)
      from unnest(
        ${Object.keys(sessionSettings)}::text[], ${Object.values(sessionSettings)}::text[]
      ) as wanted (name, setting)
      where current_setting(name, true) is not null`,
  );
}
