import type { Pool } from "pg";
import { findObject } from "../../extract/catalogue.ts";
import { extractionLock } from "../../extract/extract.ts";
import { closeInterruptedLoads } from "../../extract/load-record.ts";
import { type RetryResult, retryQuarantine } from "../../extract/quarantine-retry.ts";
import { chooseObjects } from "../choose-objects.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { ConfigError } from "../errors.ts";
import { formatTable } from "../format-table.ts";
import { heldObjects, type ListedRecord, listQuarantine, readRaw } from "../quarantine-list.ts";
import { locked, recorded, type Session, withDatabase } from "../session.ts";

const DEFAULT_LIMIT = 100;

export const command: Command = {
  help: `Usage: elt quarantine [object…] [--all] [--limit <n>]
       elt quarantine retry [object…]
       elt quarantine --raw <id>

Lists the records that could not land as the source sent them: which, why, where they were read last,
since when and how often. It shows nothing of what is in them but their key.

  landed = repaired   in landing with U+FFFD where the source sent what jsonb cannot hold, or with a
                      number as a text: invalid-utf8, nul-character, lone-surrogate,
                      control-character, number-out-of-range. To heal it, correct it in the CRM
  landed = no         only here: broken-json, not-an-object, no-key, unusable-key, too-deep,
                      too-large, refused-value. It is tried again by hand, or lands when the source
                      sends it whole

  --all               also what is closed: it landed later, a newer version did, or the source no
                      longer has it
  --limit <n>         how many to show (default ${DEFAULT_LIMIT})
  retry               tries those with landed = no again, e.g. after an update of the program or a
                      corrected key in extract/catalogue.ts. A record of which there is a newer version
                      stays out. Then: elt build
  --raw <id>          the bytes of one record, as the source sent them. Personal data

Objects are named as in elt extract: reservas, pessoas/, leads_*.`,
  options: {
    all: { type: "boolean" },
    limit: { type: "string" },
    raw: { type: "string" },
  },
  takesNames: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { names, options } = invocation;
  const problems: string[] = [];
  const retry = names[0] === "retry";
  const objects = chooseObjects(retry ? names.slice(1) : names, problems).map(({ name }) => name);
  const limit = readNumber("--limit", options.limit, problems) ?? DEFAULT_LIMIT;
  const raw = readNumber("--raw", options.raw, problems);
  if (raw !== undefined && names.length > 0) {
    problems.push(`--raw shows one record: leave out ${names.join(", ")}.`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  if (raw !== undefined) return showRaw(invocation, raw);
  if (retry) return retryAll(invocation, objects);
  const closed = options.all === true ? "included" : "left out";
  return withDatabase(invocation, "quarantine", async ({ pool }) => {
    const found = await listQuarantine(pool, { objects, closed, limit });
    invocation.reporter.result(formatList(found), found);
    return exitCodes.done;
  });
}

function readNumber(
  option: string,
  given: string | boolean | undefined,
  problems: string[],
): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (/^\d{1,9}$/.test(String(given)) && value >= 1) return value;
  problems.push(`${option} takes a number from 1 on, not "${given}".`);
  return undefined;
}

function formatList(found: {
  readonly total: number;
  readonly records: readonly ListedRecord[];
}): string {
  const { total, records } = found;
  if (total === 0) return "Nothing is in quarantine: every record landed as it was sent.";
  const rows = records.map(({ id, conta, object, reason, key, landed, since, last, ...of }) => ({
    ...{ id, conta, object, reason, key },
    read: `record ${of.position} of page ${of.page} (${of.pageSize} a page)`,
    ...{ since, last, times: of.times, landed },
  }));
  const more = total - records.length;
  return [
    formatTable(rows),
    ...(more > 0 ? ["", `  and ${more} more: --limit ${total}`] : []),
    "",
    "What the reasons mean and what to do: npm run elt -- help quarantine",
  ].join("\n");
}

function showRaw(invocation: Invocation, id: number): Promise<number> {
  const { reporter } = invocation;
  return withDatabase(invocation, "quarantine", async ({ pool }) => {
    const raw = await readRaw(pool, id);
    if (raw === undefined) {
      throw new ConfigError([
        `There is no record ${id} in quarantine. Their numbers: npm run elt -- quarantine`,
      ]);
    }
    if (reporter.json) reporter.result("", { id, base64: raw.toString("base64") });
    else reporter.bytes(raw);
    return exitCodes.done;
  });
}

function retryAll(invocation: Invocation, objects: readonly string[]): Promise<number> {
  const { reporter } = invocation;
  return withDatabase(invocation, "quarantine", ({ pool }) =>
    recorded(invocation, pool, { command: "quarantine retry", conta: null }, async (session) => {
      const held = await chosenOf(pool, objects);
      const results: RetryResult[] = [];
      for (const conta of new Set(held.map((of) => of.conta))) {
        const ofAccount = held.filter((of) => of.conta === conta).map(({ object }) => object);
        results.push(...(await retryAccount(session, conta, ofAccount)));
      }
      reporter.result(formatRetry(results), { results });
      return { exitCode: exitCodes.done };
    }),
  );
}

async function chosenOf(pool: Pool, objects: readonly string[]) {
  const held = await heldObjects(pool);
  return objects.length === 0 ? held : held.filter(({ object }) => objects.includes(object));
}

/** @throws LockError while the account is extracted */
function retryAccount(
  { pool, runId }: Session,
  conta: string,
  names: readonly string[],
): Promise<readonly RetryResult[]> {
  const lock = { name: extractionLock(conta), subject: `An extraction of account ${conta}` };
  return locked(pool, lock, async () => {
    await closeInterruptedLoads(pool, conta);
    const results: RetryResult[] = [];
    // An object that an earlier release knew stays where it is.
    for (const object of names.flatMap((name) => findObject(name) ?? [])) {
      results.push(await retryQuarantine(pool, { runId, conta, object }));
    }
    return results;
  });
}

function formatRetry(results: readonly RetryResult[]): string {
  const tried = results.filter((result) => result.tried > 0);
  if (tried.length === 0) return "Nothing in quarantine waits for another try.";
  const rows = tried.map(({ refused, ...result }) => ({ ...result, still_refused: refused }));
  const landed = tried.some((result) => result.landed + result.repaired > 0);
  return landed
    ? `${formatTable(rows)}\n\nTo publish them: npm run elt -- build`
    : formatTable(rows);
}
