import { type Queryable, query, sql } from "../extract/query.ts";
import { brasiliaWallClock, formatWallClock } from "../extract/wall-clock.ts";
import { type Command, exitCodes, type Invocation } from "../runner/command.ts";
import { ConfigError } from "../runner/errors.ts";
import { formatTable } from "../runner/format-table.ts";
import { withDatabase } from "../runner/session.ts";
import {
  createKey,
  type KeyScope,
  keyScopes,
  type NewKey,
  readKeys,
  revokeKey,
  type StoredKey,
} from "./stored-keys.ts";

export const command: Command = {
  help: `Usage: elt keys [list]
       elt keys create --name <name> [--scope read|pii] [--account <conta,…>] [--expires <when>]
       elt keys revoke <name>

A key opens the dashboard and the API. It is shown once, when it is made; the database keeps only its
hash. A running server hears of new and revoked keys at once.

  --name <name>       who uses it: letters, digits, dot, dash, underline
  --scope <scope>     read (default): clients' personal data masked; pii: in clear
  --account <conta>   only these accounts, parted by commas (default: all)
  --expires <when>    a day (2027-01-31, until its end in Brasília) or a time from now: 90d, 12h

list shows keys, never what they are made of. A revoked key stays in the list.`,
  options: {
    name: { type: "string" },
    scope: { type: "string" },
    account: { type: "string" },
    expires: { type: "string" },
  },
  takesNames: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const [action = "list", ...names] = invocation.names;
  switch (action) {
    case "list":
      refuseOptions(invocation, action);
      if (names.length > 0) throw new ConfigError(["elt keys list takes no names."]);
      return list(invocation);
    case "create":
      return create(invocation, names);
    case "revoke":
      refuseOptions(invocation, action);
      return revoke(invocation, names);
    default:
      throw new ConfigError([
        `elt keys has no action "${action}": use list, create or revoke. See: npm run elt -- help keys`,
      ]);
  }
}

function list(invocation: Invocation): Promise<number> {
  return withDatabase(invocation, "keys", async ({ pool }) => {
    const keys = await readKeys(pool);
    const now = new Date();
    const rows = keys.map((key) => ({
      name: key.name,
      scopes: key.scopes.join("+"),
      accounts: key.contas.join(", ") || "all",
      made: clock(key.createdAt),
      expires: key.expiresAt === null ? "never" : clock(key.expiresAt),
      state: stateOf(key, now),
    }));
    const text =
      keys.length === 0
        ? "There are no keys in the database. Make one: npm run elt -- keys create --name powerbi"
        : formatTable(rows);
    const data = keys.map(({ sha256: _hash, ...key }) => ({ ...key, state: stateOf(key, now) }));
    invocation.reporter.result(text, { keys: data });
    return exitCodes.done;
  });
}

function stateOf(
  { revokedAt, expiresAt }: Pick<StoredKey, "revokedAt" | "expiresAt">,
  now: Date,
): string {
  if (revokedAt !== null) return "revoked";
  return expiresAt !== null && expiresAt <= now ? "expired" : "in force";
}

async function create(invocation: Invocation, names: readonly string[]): Promise<number> {
  const wanted = readNewKey(invocation.options, names, new Date());
  return withDatabase(invocation, "keys", async ({ pool }) => {
    const key = await createKey(pool, wanted);
    if (key === undefined) {
      throw new ConfigError([
        `There is a key "${wanted.name}" in force: give this one another name, or revoke that one first (npm run elt -- keys revoke ${wanted.name}).`,
      ]);
    }
    const unread = await unreadAccounts(pool, wanted.contas);
    const text = [
      `Key "${wanted.name}", shown this once; keep it in a safe place:`,
      "",
      `  ${key}`,
      "",
      `It goes into Authorization: Bearer, X-API-Key, or where a browser asks for a password.`,
      ...unread.map(
        (conta) =>
          `Nothing of an account ${conta} was ever read, so the key shows nothing of it: check the name.`,
      ),
    ].join("\n");
    invocation.reporter.result(text, {
      name: wanted.name,
      key,
      scopes: wanted.scopes,
      contas: wanted.contas,
      expiresAt: wanted.expiresAt?.toISOString() ?? null,
    });
    return exitCodes.done;
  });
}

/** Those of which no record was ever read: not yet, or the name is misspelt. */
async function unreadAccounts(
  database: Queryable,
  contas: readonly string[],
): Promise<readonly string[]> {
  const read = await query<{ conta: string }>(
    database,
    sql`select distinct conta from elt.loads where records > 0`,
  );
  return contas.filter((conta) => !read.some((each) => each.conta === conta));
}

function revoke(invocation: Invocation, names: readonly string[]): Promise<number> {
  const [name, ...others] = names;
  if (name === undefined || others.length > 0) {
    throw new ConfigError(["elt keys revoke takes the name of one key: elt keys revoke powerbi."]);
  }
  return withDatabase(invocation, "keys", async ({ pool }) => {
    if (!(await revokeKey(pool, name))) {
      throw new ConfigError([
        `No key "${name}" is in force: npm run elt -- keys list shows them. Keys of SERVER_API_KEYS are removed there.`,
      ]);
    }
    invocation.reporter.result(`Key "${name}" is revoked; servers refuse it from now on.`, {
      revoked: name,
    });
    return exitCodes.done;
  });
}

/** Reads what `create` was given; all problems are told at once. */
export function readNewKey(
  options: Invocation["options"],
  names: readonly string[],
  now: Date,
): NewKey {
  const problems: string[] = [];
  const name = typeof options.name === "string" ? options.name : "";
  if (names.length > 0) {
    problems.push(`elt keys create takes no names beside its options: use --name ${names[0]}.`);
  } else if (!/^[\p{L}\p{N}][\p{L}\p{N}_.-]{0,63}$/u.test(name)) {
    problems.push(
      "--name says who uses the key: up to 64 letters, digits, dots, dashes and underlines, like powerbi.",
    );
  }
  const scopes = listOf(options.scope ?? "read").map((scope) => {
    const known = keyScopes.find((each) => each === scope);
    if (known === undefined) problems.push(`--scope is ${keyScopes.join(" or ")}, not "${scope}".`);
    return known ?? "read";
  });
  const contas = listOf(options.account ?? "");
  if (options.account !== undefined && contas.length === 0) {
    problems.push("--account names one or more accounts, parted by commas.");
  }
  const expiresAt = readExpiry(options.expires, now, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return { name, scopes: [...new Set<KeyScope>(["read", ...scopes])], contas, expiresAt };
}

function listOf(text: string | boolean): readonly string[] {
  return String(text)
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

const spans = { h: 3_600_000, d: 86_400_000 } as const;

function readExpiry(
  text: string | boolean | undefined,
  now: Date,
  problems: string[],
): Date | undefined {
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d{1,5})([hd])$/.exec(String(text)) ?? [];
  if (count !== undefined && Number(count) > 0) {
    return new Date(now.getTime() + Number(count) * (unit === "h" ? spans.h : spans.d));
  }
  // Brasília has had no summer time since 2019.
  const end = /^\d{4}-\d\d-\d\d$/.test(String(text))
    ? new Date(`${text}T23:59:59.999-03:00`)
    : undefined;
  const isDay =
    end !== undefined &&
    !Number.isNaN(end.getTime()) &&
    new Date(`${text}T00:00:00Z`).toISOString().startsWith(String(text));
  if (end !== undefined && isDay && end > now) return end;
  problems.push(
    isDay
      ? `--expires is "${text}", which is over: give a day to come.`
      : `--expires is "${text}": give a day like 2027-01-31, or a time from now like 90d or 12h.`,
  );
  return undefined;
}

function clock(instant: Date): string {
  return formatWallClock(brasiliaWallClock(instant)).slice(0, 16);
}

function refuseOptions({ options }: Invocation, action: string): void {
  const given = ["name", "scope", "account", "expires"].filter(
    (name) => options[name] !== undefined,
  );
  if (given.length === 0) return;
  throw new ConfigError([`elt keys ${action} takes no --${given[0]}.`]);
}
