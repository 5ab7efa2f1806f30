import { type Command, exitCodes, type Invocation } from "../command.ts";
import { readDatabaseConfig } from "../config.ts";
import { migrateOrExplain, openDatabase } from "../database.ts";
import { pendingMigrations } from "../migrate.ts";

export const command: Command = {
  help: `Usage: elt migrate [--pending]

Applies the migrations that this version has and the database lacks, each in a transaction of its own,
forward only. Every other command does it too when it starts; processes that start together wait for
each other. Use it where a deployment wants it as a step of its own, or as another database user.
A database that a newer version migrated is refused (exit 2).

  --pending     only tells which are missing; exit 0 when there are any, too`,
  options: { pending: { type: "boolean" } },
  run,
};

async function run({ env, options, reporter }: Invocation): Promise<number> {
  const database = await openDatabase(readDatabaseConfig(env), {
    applicationName: "elt migrate",
    log: reporter.sayPrivately,
    migrations: "left",
  });
  try {
    if (options.pending === true) {
      const pending = await pendingMigrations(database.pool);
      reporter.result(
        pending.length === 0 ? "No migration is missing." : listed("Missing", pending),
        { pending, applied: [] },
      );
      return exitCodes.done;
    }
    const applied = await migrateOrExplain(database.pool, database.url);
    reporter.result(
      applied.length === 0
        ? "The database is of this version: nothing to do."
        : listed("Applied", applied),
      { pending: [], applied },
    );
    return exitCodes.done;
  } finally {
    await database.close();
  }
}

function listed(what: string, names: readonly string[]): string {
  return [`${what}:`, ...names.map((name) => `  ${name}`)].join("\n");
}
