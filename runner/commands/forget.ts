import type { Pool } from "pg";
import { extractionLock } from "../../extract/extract.ts";
import { BACKUP_LOCK } from "../backup/back-up.ts";
import { runBuild, whileBuilding } from "../building.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { readKeepChangesDays } from "../config.ts";
import { ConfigError, collectProblems } from "../errors.ts";
import { ask } from "../forget/ask.ts";
import { closeReceipt, isFinished, mergeTraces } from "../forget/close-receipt.ts";
import { readDocument, readEmail } from "../forget/document.ts";
import {
  eraseOldValues,
  erasePerson,
  type FoundPerson,
  findPerson,
  inTransaction,
  landedAccounts,
  runsThatErased,
  type Wanted,
} from "../forget/forget.ts";
import { forgetAgain } from "../forget/forget-again.ts";
import {
  formatAgain,
  formatDryRun,
  formatLeft,
  formatReached,
  formatReceipt,
  formatUnfinished,
  isNowhere,
  NOWHERE,
} from "../forget/forget-text.ts";
import { formatBackups, type Receipt, readBackups, unfinishedReceipts } from "../forget/receipt.ts";
import {
  leaveInBackups,
  REGISTER,
  type Register,
  readRegister,
  registerOf,
  writeRegister,
} from "../forget/register.ts";
import { eraseFromLogs, findForgotten, findTraces, type TraceFound } from "../forget/traces.ts";
import { vacuumTouched } from "../forget/vacuum.ts";
import { locked, type Outcome, recorded, type Session, withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt forget --documento - [--email <address>] [--conta <account>] [--apply]
       elt forget --email <address> …
       elt forget --export <file>
       elt forget --again <file> [--apply]

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

A backup that is restored brings back whoever was forgotten after it was made. So each --apply leaves
a list of everybody forgotten, ${REGISTER}, in every backup folder that it reaches, and elt restore
forgets them again by it. For copies kept elsewhere: --export writes the same list, to be given to elt
restore --forgotten, or afterwards to --again. It holds receipts and keyed hashes, which without the
database's secret tell nothing.

Options
  --documento <digits>   CPF or CNPJ, with or without points and dashes; its check digits are checked.
                         Better "-": then it is asked for, or read from standard input, and stands
                         neither in the shell's history nor in the list of processes
  --email <address>      also, or instead: for a person without a document; "-" as well
  --conta <account>      only this account (default: all that were landed)
  --apply                do it; without it nothing is changed
  --export <file>        write the list of everybody forgotten, for other copies of the backups
  --again <file>         forget everybody of such a list whom this database does not know as forgotten

Erase the person in the CRM first. The account must not be under extraction, nor a backup be made.
When the build fails, correct it and give the same command again: it finishes what was begun.
What the database's own administrator keeps (base backups, archives of WAL, logs of statements) holds
the person until it expires: nothing here can look into it.`,
  options: {
    documento: { type: "string" },
    email: { type: "string" },
    conta: { type: "string" },
    apply: { type: "boolean" },
    export: { type: "string" },
    again: { type: "string" },
  },
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { options, reporter } = invocation;
  if (options.export !== undefined || options.again !== undefined) return runWithList(invocation);
  const wanted = readWanted(await typed(options));
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

/** Writes the list of everybody forgotten, or works through one. */
async function runWithList(invocation: Invocation): Promise<number> {
  const { options, reporter } = invocation;
  const given = Object.entries(options).flatMap(([name, value]) =>
    value === undefined || ["json", "apply"].includes(name) ? [] : [name],
  );
  if (given.length > 1 || (options.export !== undefined && options.apply === true)) {
    throw new ConfigError([
      "--export and --again stand alone, --again with or without --apply: see npm run elt -- help forget",
    ]);
  }
  const register =
    options.again === undefined ? undefined : await readRegister(String(options.again));
  return withDatabase(invocation, "forget", async ({ pool }) => {
    if (register === undefined) {
      const file = String(options.export);
      const written = await registerOf(pool);
      await writeRegister(file, written);
      reporter.result(
        `${counted(written.receipts.length, "receipt")} in ${file}. Keep it beside the copies of the backups: elt restore --forgotten ${file}`,
        { file, receipts: written.receipts.map(({ receipt }) => receipt.id) },
      );
      return exitCodes.done;
    }
    if (options.apply !== true) {
      const found = await forgetAgain(pool, register, "count", "again");
      reporter.result(formatAgain(found, "count"), { ...found, applied: false });
      return exitCodes.done;
    }
    const unnamed = { ...invocation, options: { again: true, apply: true } };
    return recorded(unnamed, pool, { command: "forget", conta: null }, async (session) =>
      withoutBackup(pool, async () =>
        withoutExtraction(pool, await landedAccounts(pool), () =>
          eraseAgain(invocation, session, register),
        ),
      ),
    );
  });
}

async function eraseAgain(
  { env, reporter }: Invocation,
  session: Session,
  register: Register,
): Promise<Outcome> {
  const { pool, runId } = session;
  const options = { keepChangesDays: readKeepChangesDays(env) };
  const found = await whileBuilding(pool, reporter.event, () =>
    inTransaction(pool, (client) => forgetAgain(client, register, "erase", "again")),
  );
  // A build that failed before may have left some of them in the marts.
  const unfinished = await unfinishedReceipts(pool);
  const judged = new Map<string, Receipt>();
  if (unfinished.length > 0) {
    const ids = unfinished.map(({ id }) => id).join(", ");
    const { publicationId } = await runBuild(session, reporter.event, { options }).catch(
      (error: unknown) => {
        reporter.say(
          `The build failed, so staging and marts hold the people of receipt ${ids} still: correct it, and give the same command again.`,
        );
        throw error;
      },
    );
    for (const run of await runsThatErased(pool, unfinished, runId))
      await eraseOldValues(pool, run);
    await vacuumTouched(pool);
    for (const receipt of unfinished) {
      const traces = await findForgotten(pool, receipt);
      judged.set(
        receipt.id,
        await closeReceipt(pool, receipt, { publication: publicationId, left: traces }),
      );
    }
  }
  await leaveInBackups(pool);
  const receipts = found.receipts.map((one) => judged.get(one.id) ?? one);
  const text = [formatAgain(found, "erase"), ...[...judged.values()].flatMap(formatLeft)];
  reporter.result(text.join("\n"), { ...found, receipts, applied: true });
  return outcomeOf([...judged.values()]);
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

/** The options with what was to be read from standard input. */
async function typed(options: Invocation["options"]): Promise<Invocation["options"]> {
  const names = (["documento", "email"] as const).filter((name) => options[name] === "-");
  const labels = { documento: "CPF or CNPJ", email: "E-mail" } as const;
  const answers = await ask(names.map((name) => labels[name]));
  return { ...options, ...Object.fromEntries(names.map((name, at) => [name, answers[at]])) };
}

function readWanted({ documento, email }: Invocation["options"]): Wanted {
  const problems: string[] = [];
  if (documento === undefined && email === undefined) {
    problems.push(
      "Say whom to forget: --documento <CPF or CNPJ>, or --email <address>; - reads it from standard input.",
    );
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
  const { env, reporter } = invocation;
  const { pool, runId } = session;
  const options = { keepChangesDays: readKeepChangesDays(env) };
  // A build that began before would publish the person once more, and take its loads for built.
  const erased = isNowhere(found)
    ? undefined
    : await whileBuilding(pool, reporter.event, () => erasePerson(pool, found));
  const receipts = [...unfinished, ...(erased === undefined ? [] : [erased])];
  const names = receipts.map(({ id }) => `Receipt ${id}`).join(", ");
  reporter.say(
    `${names}: landing no longer holds the person. Staging and marts follow with a build.`,
  );
  const { publicationId } = await runBuild(session, reporter.event, { options }).catch(
    (error: unknown) => {
      reporter.say(
        `The build failed, so staging and marts hold the person still: correct it, and give the same command again. ${names}: not finished until then.`,
      );
      throw error;
    },
  );
  for (const run of await runsThatErased(pool, receipts, runId)) await eraseOldValues(pool, run);
  const forgottenAt = new Date(receipts.at(-1)?.forgottenAt ?? Date.now());
  const left: TraceFound[] = [];
  for (const [conta, person] of found.byAccount) {
    await eraseFromLogs(pool, person);
    left.push(...(await findTraces(pool, { conta, person }, forgottenAt)));
  }
  await vacuumTouched(pool);
  const judged: Receipt[] = [];
  for (const receipt of receipts) {
    // Of whom a receipt of before is, landing tells no longer: only marks know every value.
    const traces =
      receipt === erased
        ? left
        : mergeTraces(await findForgotten(pool, receipt), erased === undefined ? left : []);
    judged.push(await closeReceipt(pool, receipt, { publication: publicationId, left: traces }));
  }
  const reached = await leaveInBackups(pool);
  const text = [...judged.map(formatReceipt), ...formatReached(reached)].join("\n\n");
  const finished = judged.filter(isFinished).map(({ id }) => id);
  reporter.result(text, { ...judged.at(-1), finished, listIn: reached, applied: true });
  return outcomeOf(judged);
}

function outcomeOf(receipts: readonly Receipt[]): Outcome {
  return receipts.every(isFinished)
    ? { exitCode: exitCodes.done }
    : { exitCode: exitCodes.modelFailed, error: "values of the person are left" };
}
