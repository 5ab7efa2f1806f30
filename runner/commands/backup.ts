import { BACKUP_LOCK, backUp } from "../backup/back-up.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { ConfigError } from "../errors.ts";
import { locked, recorded, withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt backup <folder>

Writes every version of every record, the mappings, cursors, removals, quarantine, API keys (their
hashes) and the log of changes into a new folder: one compressed file per table and a manifest with
their checksums, all as one snapshot shows them. It may run while data is extracted or built, and
needs no pg_dump. The marts are not in it: elt build makes them again.

A folder without manifest.json is no backup: it was not finished. Its files hold personal data in
clear, and only this user may read them: keep copies encrypted, and away from this machine.

Examples: elt backup backups/2026-01-31 · elt backup "/mnt/copias/$(date +%F)"`,
  takesNames: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { names, reporter } = invocation;
  const [folder, ...rest] = names;
  if (folder === undefined || rest.length > 0) {
    throw new ConfigError(["Name one new folder: npm run elt -- backup backups/2026-01-31"]);
  }
  return withDatabase(invocation, "backup", ({ pool }) =>
    recorded(invocation, pool, { command: "backup", conta: null }, async () => {
      // A person who is forgotten meanwhile would be in it, and no receipt would say so.
      const lock = { name: BACKUP_LOCK, subject: "Another backup, or elt forget," };
      const manifest = await locked(pool, lock, () =>
        backUp(pool, folder, (table) => reporter.sayPrivately(`  ${table}`)),
      );
      const { backupId, createdAt, tables, accounts } = manifest;
      const rows = tables.reduce((sum, table) => sum + table.rows, 0);
      const bytes = tables.reduce((sum, table) => sum + table.bytes, 0);
      reporter.result(
        `${rows} rows of ${tables.length} tables are in ${folder} (${megabytes(bytes)} MB, ${accounts.length > 1 ? "accounts" : "account"} ${accounts.join(", ") || "none"}). To bring them back into an empty database: npm run elt -- restore ${folder}`,
        { folder, backupId, createdAt, accounts, tables: tables.length, rows, bytes },
      );
      return { exitCode: exitCodes.done };
    }),
  );
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
