import type { Pool } from "pg";
import { extractionLock } from "../../extract/extract.ts";
import { BACKUP_LOCK } from "../backup/back-up.ts";
import { runBuild, whileBuilding } from "../building.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { ConfigError, collectProblems } from "../errors.ts";
import { readDocument, readEmail } from "../forget/document.ts";
import {
  eraseOldValues,
  erasePerson,
  type FoundPerson,
  findPerson,
  landedAccounts,
  runsThatErased,
  type Wanted,
} from "../forget/forget.ts";
import {
  formatBackups,
  formatTraces,
  type Receipt,
  readBackups,
  unfinishedReceipts,
  writeReceipt,
} from "../forget/receipt.ts";
import { eraseFromLogs, findTraces, type TraceFound } from "../forget/traces.ts";
import { locked, type Outcome, recorded, type Session, withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt forget --documento <CPF or CNPJ> [--email <address>] [--conta <account>] [--apply]
       elt forget --email <address> …

Shows which records are about a person, and with --apply makes null of what they say of them: names,
documents, addresses, telephones, free texts. Figures, dates and ids of a sale stay, so no KPI changes.

It finds the person in every version of every landed object by the document wherever it stands, by
their e-mail addresses, and by the ids of the records found (reserva, lead, pessoa, pré-cadastro,
atendimento…). Records that carry somebody else's document are that person's: only what can mean
nobody else goes there.

With --apply it also cleans quarantine, the log of changes, kept failing rows and errors, builds the
marts, searches every table of the database for what is left (exit 1), and writes a receipt without
personal data into elt.forgotten. Keyed hashes stay behind, so that what the source sends of the
person again lands without them. Backups made before are named: they hold the person still.

Options
  --documento <digits>   with or without points and dashes; its check digits are checked
  --email <address>      also, or instead: for a person without a document
  --conta <account>      only this account (default: all that were landed)
  --apply                do it; without it nothing is changed

Erase the person in the CRM first. The account must not be under extraction, nor a backup be made.
When the build fails, correct it and give the same command again: it finishes what was begun.
What the database's own administrator keeps (base backups, archives of WAL, logs of statements) holds
the person until it expires: nothing here can look into it.`,
  options: {
    documento: { type: "string" },
    email: { type: "string" },
    conta: { type: "string" },
    apply: { type: "boolean" },
  },
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { options, reporter } = invocation;
  const wanted = readWanted(options);
  // What is written down of the run must not hold whom it was about.
  const unnamed = { ...invocation, options: { apply: options.apply === true } };
  return withDatabase(invocation, "forget", async ({ pool }) => {
    const contas = await chosenAccounts(pool, options.conta);
    if (options.apply !== true) {
      const found = await findPerson(pool, contas, wanted);
      const backups = await readBackups(pool);
      const unfinished = await unfinishedReceipts(pool);
      const notes = [...formatUnfinished(unfinished), ...formatBackups(backups)];
      reporter.result(formatDryRun(found, notes), {
        accounts: found.traces,
        backups,
        applied: false,
      });
      return exitCodes.done;
    }
    return recorded(unnamed, pool, { command: "forget", conta: null }, (session) =>
      withoutBackup(pool, () =>
        withoutExtraction(pool, contas, async () => {
          const found = await findPerson(pool, contas, wanted);
          const unfinished = await unfinishedReceipts(pool);
          if (isNowhere(found) && unfinished.length === 0) {
            reporter.result(NOWHERE, { accounts: found.traces, applied: false });
            return { exitCode: exitCodes.done };
          }
          return forget(invocation, session, { found, unfinished });
        }),
      ),
    );
  });
}

const NOWHERE = "Nothing that is landed is about this person, so nothing was changed.";

function readWanted({ documento, email }: Invocation["options"]): Wanted {
  const problems: string[] = [];
  if (documento === undefined && email === undefined) {
    problems.push("Say whom to forget: --documento <CPF or CNPJ>, or --email <address>.");
  }
  const wanted = {
    document: collectProblems(problems, () =>
      documento === undefined ? undefined : readDocument(String(documento)),
    ),
    email: collectProblems(problems, () =>
      email === undefined ? undefined : readEmail(String(email)),
    ),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return wanted;
}

async function chosenAccounts(
  pool: Pool,
  conta: string | boolean | undefined,
): Promise<readonly string[]> {
  const landed = await landedAccounts(pool);
  if (conta === undefined) return landed;
  if (landed.includes(String(conta))) return [String(conta)];
  throw new ConfigError([
    `Nothing of an account ${conta} is landed. Accounts: ${landed.join(", ") || "none"}.`,
  ]);
}

/**
 * A backup that began before and is finished after would hold the person, and no receipt would name it.
 * @throws LockError while one is made
 */
function withoutBackup<T>(pool: Pool, work: () => Promise<T>): Promise<T> {
  return locked(pool, { name: BACKUP_LOCK, subject: "A backup of this database" }, work);
}

/** @throws LockError while one of the accounts is extracted */
async function withoutExtraction<T>(
  pool: Pool,
  contas: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  const [conta, ...others] = contas;
  if (conta === undefined) return work();
  const extraction = {
    name: extractionLock(conta),
    subject: `An extraction of account ${conta}`,
  };
  const backfill = { name: `backfill ${conta}`, subject: `A backfill of account ${conta}` };
  return locked(pool, extraction, () =>
    locked(pool, backfill, () => withoutExtraction(pool, others, work)),
  );
}

/** Whom to forget, and receipts of those whom a build that failed left in the marts. */
type Work = { readonly found: FoundPerson; readonly unfinished: readonly Receipt[] };

async function forget(
  invocation: Invocation,
  session: Session,
  { found, unfinished }: Work,
): Promise<Outcome> {
  const { reporter } = invocation;
  const { pool, runId } = session;
  // A build that began before would publish the person once more, and take its loads for built.
  const erased = isNowhere(found)
    ? undefined
    : await whileBuilding(pool, reporter.event, () => erasePerson(pool, found));
  const receipts = [...unfinished, ...(erased === undefined ? [] : [erased])];
  const names = receipts.map(({ id }) => `Receipt ${id}`).join(", ");
  reporter.say(
    `${names}: landing no longer holds the person. Staging and marts follow with a build.`,
  );
  const { publicationId } = await runBuild(session, reporter.event).catch((error: unknown) => {
    reporter.say(
      `The build failed, so staging and marts hold the person still: correct it, and give the same command again. ${names}: not finished until then.`,
    );
    throw error;
  });
  for (const run of await runsThatErased(pool, receipts, runId)) await eraseOldValues(pool, run);
  const forgottenAt = new Date(receipts.at(-1)?.forgottenAt ?? Date.now());
  const left: TraceFound[] = [];
  for (const person of found.byAccount.values()) {
    await eraseFromLogs(pool, person);
    left.push(...(await findTraces(pool, person, forgottenAt)));
  }
  await vacuumTouched(pool);
  const done = receipts.map((receipt): Receipt => {
    const isThisPersons = receipt === erased || erased === undefined;
    const found = isThisPersons ? left : receipt.left;
    // A mart that was held back, or an environment: the same command tries again.
    const status = found.some(isCertain) ? "landing" : "done";
    return { ...receipt, status, publication: publicationId, left: found };
  });
  for (const receipt of done) await writeReceipt(pool, receipt);
  const text = done.map(formatReceipt).join("\n\n");
  reporter.result(text, { ...done.at(-1), finished: done.map(({ id }) => id), applied: true });
  return left.some(isCertain)
    ? { exitCode: exitCodes.modelFailed, error: "values of the person are left" }
    : { exitCode: exitCodes.done };
}

/**
 * Rows that were replaced stay on the disk until their space is given back, and samples of them in
 * the planner's statistics until those are made anew.
 */
async function vacuumTouched(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ statement: string }>(`
    select format('vacuum (analyze) %I.%I', nspname, relname) as statement
    from pg_class
    inner join pg_namespace on pg_namespace.oid = relnamespace
    where relkind = 'r'
      and (
        nspname in ('landing', 'staging', 'seeds', 'marts', 'marts_pii', 'elt')
        or nspname in (select unnest(schemas) from elt.environments)
      )
      and pg_has_role(relowner, 'usage')`);
  for (const { statement } of rows) await pool.query(statement);
}

function isNowhere({ traces }: FoundPerson): boolean {
  return traces.every(({ objects, quarantine }) => objects.length === 0 && quarantine === 0);
}

/** Landing holds nothing of these people, staging and marts may. */
function formatUnfinished(receipts: readonly Receipt[]): readonly string[] {
  if (receipts.length === 0) return [];
  const ids = receipts.map(({ id }) => id).join(", ");
  return [
    "",
    `Receipt ${ids} is not finished: staging, marts or an environment may hold that person still. Correct what it said then; elt forget --apply for the same person finishes it.`,
  ];
}

function formatDryRun(found: FoundPerson, notes: readonly string[]): string {
  if (isNowhere(found)) return [NOWHERE, ...notes].join("\n");
  return [
    "What is landed about this person:",
    formatTraces(found.traces),
    ...notes,
    "",
    "Nothing was changed. To erase it, the same with --apply.",
  ].join("\n");
}

/** A namesake is nobody's mistake; but where an environment was built before, it is the person. */
function isCertain({ identified, named, environment }: TraceFound): boolean {
  return identified > 0 || (environment !== undefined && named > 0);
}

function formatReceipt(receipt: Receipt): string {
  const { id, accounts, left, backups, tombstones, publication } = receipt;
  const identified = left.filter(isCertain);
  const named = left.filter((trace) => !isCertain(trace));
  return [
    `Forgotten. Receipt ${id}; published as ${publication}; ${tombstones} marks keep it so.`,
    formatTraces(accounts),
    ...(identified.length > 0
      ? [
          "",
          "The person still stands in tables that this build did not fill. Clean or drop them (environments: elt build --env, or elt env drop):",
          ...identified.map(
            ({ table, identified: certain, named }) => `  ${table}: ${certain + named} rows`,
          ),
        ]
      : []),
    ...(named.length > 0
      ? [
          "",
          "The same name or telephone stands in records of others, perhaps namesakes. They were left as they are:",
          ...named.map((trace) => `  ${trace.table}: ${trace.named} rows`),
        ]
      : []),
    ...formatBackups(backups),
  ].join("\n");
}
