import { readAccounts, resumeAccount, retireAccount } from "../accounts.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { ConfigError } from "../errors.ts";
import { formatTable } from "../format-table.ts";
import { withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt accounts
       elt accounts retire <account>
       elt accounts resume <account>

Lists the accounts that were read into this database. One that is read no longer, since its contract
ended or its company was sold, would count as stale for ever, and with @fresh … block hold back what
all the others publish: retire it. Its records, marts and KPIs stay as they are; its age counts no
more, and its incidents are over. Reading it again, or resume, makes it an account like any other.`,
  takesNames: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const [action, conta, ...rest] = invocation.names;
  const isChange = action === "retire" || action === "resume";
  const isComplete = action === undefined || (isChange && conta !== undefined);
  if (!isComplete || rest.length > 0) {
    throw new ConfigError([
      "Give nothing, or retire or resume and one account: npm run elt -- accounts retire minhaempresa",
    ]);
  }
  return withDatabase(invocation, "accounts", async ({ pool }) => {
    if (isChange && conta !== undefined) {
      const known = await readAccounts(pool);
      if (!known.some((account) => account.conta === conta)) {
        const names = known.map((account) => account.conta).join(", ") || "none";
        throw new ConfigError([`Nothing of an account ${conta} was read. Accounts: ${names}.`]);
      }
      await (action === "retire" ? retireAccount(pool, conta) : resumeAccount(pool, conta));
    }
    const accounts = await readAccounts(pool);
    invocation.reporter.result(
      formatTable(
        accounts.map((account) => ({
          ...{ account: account.conta, "last read whole": account.lastRead },
          retired: account.retired,
        })),
      ),
      { accounts },
    );
    return exitCodes.done;
  });
}
