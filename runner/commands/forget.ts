import type { Pool } from "pg";
import { extractionLock } from "../../extract/extract.ts";
import { runBuild } from "../building.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { ConfigError, collectProblems } from "../errors.ts";
import { readDocument, readEmail } from "../forget/document.ts";
import {
  eraseOldValues,
  erasePerson,
  type FoundPerson,
  findPerson,
  landedAccounts,
  type Wanted,
} from "../forget/forget.ts";
import {
  formatBackups,
  formatTraces,
  type Receipt,
  readBackups,
  writeReceipt,
} from "../forget/receipt.ts";
import { eraseFromLogs, findTraces, type TraceFound } from "../forget/traces.ts";
import { locked, recorded, type Session, withDatabase } from "../session.ts";

export const command: Command = {
  summary: "erase a person (LGPD), and keep them erased",
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

Erase the person in the CRM first. The account must not be under extraction.`,
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
      reporter.result(formatDryRun(found, formatBackups(backups)), {
        accounts: found.traces,
        backups,
        applied: false,
      });
      return exitCodes.done;
    }
    return recorded(unnamed, pool, { command: "forget", conta: null }, (session) =>
      withoutExtraction(pool, contas, async () => {
        const found = await findPerson(pool, contas, wanted);
        if (isNowhere(found)) {
          reporter.result(NOWHERE, { accounts: found.traces, applied: false });
          return { exitCode: exitCodes.done };
        }
        return forget(invocation, session, found);
      }),
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

async function forget(invocation: Invocation, session: Session, found: FoundPerson) {
  const { reporter } = invocation;
  const { pool, runId } = session;
  const erased = await erasePerson(pool, found);
  reporter.say(
    `Receipt ${erased.id}: landing no longer holds the person. Staging and marts follow with a build.`,
  );
  const { publicationId } = await runBuild(session, reporter.event).catch((error: unknown) => {
    reporter.say(
      `The build failed, so staging and marts hold the person still: correct it and run npm run elt -- build. Receipt ${erased.id} keeps the status "landing": the search for what is left was not made.`,
    );
    throw error;
  });
  await eraseOldValues(pool, runId);
  const left: TraceFound[] = [];
  for (const person of found.byAccount.values()) {
    await eraseFromLogs(pool, person);
    left.push(...(await findTraces(pool, person)));
  }
  await vacuumTouched(pool);
  const receipt: Receipt = { ...erased, status: "done", publication: publicationId, left };
  await writeReceipt(pool, receipt);
  reporter.result(formatReceipt(receipt), { ...receipt, applied: true });
  const isLeft = left.some(({ identified }) => identified > 0);
  return isLeft
    ? { exitCode: exitCodes.modelFailed, error: "values of the person are left" }
    : { exitCode: exitCodes.done };
}

/** Rows that were replaced stay on the disk until their space is given back. */
async function vacuumTouched(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ statement: string }>(`
    select format('vacuum %I.%I', nspname, relname) as statement
    from pg_class
    inner join pg_namespace on pg_namespace.oid = relnamespace
    where relkind = 'r' and nspname in ('landing', 'staging', 'marts', 'marts_pii')
      or nspname = 'elt' and relname in ('changes', 'quarantine', 'test_results', 'runs')`);
  for (const { statement } of rows) await pool.query(statement);
}

function isNowhere({ traces }: FoundPerson): boolean {
  return traces.every(({ objects, quarantine }) => objects.length === 0 && quarantine === 0);
}

function formatDryRun(found: FoundPerson, backups: readonly string[]): string {
  if (isNowhere(found)) return NOWHERE;
  return [
    "What is landed about this person:",
    formatTraces(found.traces),
    ...backups,
    "",
    "Nothing was changed. To erase it, the same with --apply.",
  ].join("\n");
}

function formatReceipt(receipt: Receipt): string {
  const { id, accounts, left, backups, tombstones, publication } = receipt;
  const identified = left.filter((trace) => trace.identified > 0);
  const named = left.filter((trace) => trace.identified === 0);
  return [
    `Forgotten. Receipt ${id}; published as ${publication}; ${tombstones} marks keep it so.`,
    formatTraces(accounts),
    ...(identified.length > 0
      ? [
          "",
          "The document or an e-mail address still stands in tables that this program does not fill now. Clean or drop them (environments: elt env drop):",
          ...identified.map((trace) => `  ${trace.table}: ${trace.identified} rows`),
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
