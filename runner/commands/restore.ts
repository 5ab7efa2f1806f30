import { readManifest } from "../backup/manifest.ts";
import { restore } from "../backup/restore.ts";
import { verifyFiles } from "../backup/verify-files.ts";
import { whileBuilding } from "../building.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { ConfigError } from "../errors.ts";
import type { ForgottenAgain } from "../forget/forget-again.ts";
import { REGISTER, readRegister, registerBeside } from "../forget/register.ts";
import { vacuumTouched } from "../forget/vacuum.ts";
import { withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt restore <folder>

Checks every file of the backup against its checksum, then puts all of it into the database of
DATABASE_URL in one transaction: all of it is there, or nothing. The database must be empty, and of
this version of the program or of a newer one than the backup's. Then: elt build makes the marts, as they
were; elt extract reads on from where the backup was.

People who were forgotten after the backup was made are in it. They are forgotten again by the list of
elt forget, in the same transaction: by ${REGISTER}, which lies in the folder when elt forget could reach
it, or by the file of elt forget --export. Without a list the backup is restored as it is, and says so.

  --forgotten <file>     the list, where it is not in the folder, or a newer one
  --check                only checks the files; no database is needed`,
  options: { check: { type: "boolean" }, forgotten: { type: "string" } },
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
  const register =
    options.forgotten === undefined
      ? await registerBeside(folder)
      : await readRegister(String(options.forgotten));
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
    const show = (what: string) => reporter.sayPrivately(`  ${what}`);
    const again = await whileBuilding(pool, reporter.event, () =>
      restore(pool, folder, manifest, { register, told: show }),
    );
    if (again !== undefined && again.receipts.length > 0) await vacuumTouched(pool);
    reporter.result(
      `${rows} rows of ${tables.length} tables are back, as of ${createdAt}. Next: npm run elt -- build, then npm run elt. ${forgottenText(again, createdAt)}`,
      { ...told, restored: true, forgottenAgain: again?.receipts.map(({ id }) => id) ?? null },
    );
    return exitCodes.done;
  });
}

/** Whether people who were forgotten after the backup was made are back. */
function forgottenText(again: ForgottenAgain | undefined, createdAt: string): string {
  if (again === undefined) {
    return `No list of who was forgotten was given: whoever was forgotten after ${createdAt} is back. Give the list of elt forget --export: npm run elt -- forget --again <file> --apply`;
  }
  const { receipts } = again;
  if (receipts.length === 0) return "Nobody was forgotten after it was made, by the list.";
  return `Forgotten again, by the list: receipt ${receipts.map(({ id }) => id).join(", ")}.`;
}
