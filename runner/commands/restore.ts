import { readManifest } from "../backup/manifest.ts";
import { restore } from "../backup/restore.ts";
import { verifyFiles } from "../backup/verify-files.ts";
import { whileBuilding } from "../building.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { ConfigError } from "../errors.ts";
import { withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt restore <folder>

Checks every file of the backup against its checksum, then puts all of it into the database of
DATABASE_URL in one transaction: all of it is there, or nothing. The database must be empty, and of
this version of the program or of a newer one than the backup's. Then: elt build makes the marts, as they
were; elt extract reads on from where the backup was.

People who were forgotten after the backup was made are in it: forget them again
(elt forget; the receipts of the database that was lost name this backup).

  --check                only checks the files; no database is needed`,
  options: { check: { type: "boolean" } },
  takesNames: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { names, options, reporter } = invocation;
  const [folder, ...rest] = names;
  if (folder === undefined || rest.length > 0) {
    throw new ConfigError([
      "Name the folder of one backup: npm run elt -- restore backups/2026-01-31",
    ]);
  }
  const manifest = await readManifest(folder);
  await verifyFiles(folder, manifest);
  const { tables, accounts, createdAt, backupId } = manifest;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const told = { folder, backupId, createdAt, accounts, tables: tables.length, rows };
  if (options.check === true) {
    reporter.result(
      `The backup in ${folder} is whole: ${rows} rows of ${tables.length} tables, as of ${createdAt}.`,
      { ...told, restored: false },
    );
    return exitCodes.done;
  }
  return withDatabase(invocation, "restore", async ({ pool }) => {
    await whileBuilding(pool, reporter.event, () =>
      restore(pool, folder, manifest, (table) => reporter.sayPrivately(`  ${table}`)),
    );
    reporter.result(
      `${rows} rows of ${tables.length} tables are back, as of ${createdAt}. Next: npm run elt -- build, then npm run elt -- extract. Whoever was forgotten since must be forgotten again: npm run elt -- help forget`,
      { ...told, restored: true },
    );
    return exitCodes.done;
  });
}
