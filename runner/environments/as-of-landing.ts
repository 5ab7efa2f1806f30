import { escapeLiteral, type PoolClient } from "pg";
import { type Queryable, query, sql } from "../../extract/query.ts";
import { ConfigError } from "../errors.ts";
import { quoted } from "../models/draft.ts";
import { landingObjectOf } from "../models/order.ts";

/** A day of the past, and the instant at which it ends in São Paulo. */
export type PastDay = { readonly day: string; readonly until: string };

/**
 * Reads the day of `--as-of`.
 * @throws ConfigError when it is no day
 */
export function readDay(text: string): string {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const date = new Date(`${text}T00:00:00Z`);
  if (isDay && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)) return text;
  throw new ConfigError([`--as-of is "${text}": give a day, like 2026-08-01.`]);
}

/** When a day ends in São Paulo. */
export async function endOf(database: Queryable, day: string): Promise<PastDay> {
  const [row] = await query<{ until: string }>(
    database,
    sql`
      select
        to_char(
          (${day}::date + 1)::timestamp at time zone 'America/Sao_Paulo' at time zone 'UTC',
          'YYYY-MM-DD HH24:MI:SS'
        ) || '+00' as until`,
  );
  return { day, until: row?.until ?? "" };
}

/**
 * Landing must know the day: not before its first record, not after today, and with every version
 * that was the newest then.
 * @param today today in Brasília
 * @throws ConfigError that says which day is known
 */
export async function assertKnown(
  database: Queryable,
  { day, until }: PastDay,
  { objects, today }: { readonly objects: readonly string[]; readonly today: string },
): Promise<void> {
  if (day > today) {
    throw new ConfigError([`--as-of ${day} is in the future: today is ${today}.`]);
  }
  const first = await firstDay(database, objects, until);
  if (first.status === "empty") {
    throw new ConfigError(["Nothing was landed yet, so no day is known: npm run elt -- extract."]);
  }
  if (first.status === "later") {
    throw new ConfigError([
      `--as-of ${day} is before the first record was landed: the first day known is ${first.day}.`,
    ]);
  }
  const whole = await lastIncompleteDay(database, objects, until);
  if (whole !== undefined) {
    throw new ConfigError([
      `--as-of ${day} cannot be told any more: versions of that time were deleted from ${whole.object}. The first day known whole is ${whole.day}.`,
    ]);
  }
}

type FirstDay =
  | { readonly status: "known" }
  | { readonly status: "empty" }
  | { readonly status: "later"; readonly day: string };

/** Rows lie in the order of landing, so the first that is looked at mostly answers. */
async function firstDay(
  database: Queryable,
  objects: readonly string[],
  until: string,
): Promise<FirstDay> {
  for (const object of objects) {
    const [row] = await query<{ known: boolean }>(
      database,
      sql`
        select exists (
          select from landing.${sql.ident(object)} where landed_at < ${until}::timestamptz
        ) as known`,
    );
    if (row?.known === true) return { status: "known" };
  }
  const days: string[] = [];
  for (const object of objects) {
    const [row] = await query<{ day: string | null }>(
      database,
      sql`
        select (min(landed_at) at time zone 'America/Sao_Paulo')::date::text as day
        from landing.${sql.ident(object)}`,
    );
    if (row?.day) days.push(row.day);
  }
  const [day] = days.sort();
  return day === undefined ? { status: "empty" } : { status: "later", day };
}

/**
 * A version of later whose forerunner is gone tells that the record was known before, but not as
 * what.
 */
async function lastIncompleteDay(
  database: Queryable,
  objects: readonly string[],
  until: string,
): Promise<{ readonly object: string; readonly day: string } | undefined> {
  const found: { object: string; day: string }[] = [];
  for (const object of objects) {
    const table = sql`landing.${sql.ident(object)}`;
    const [row] = await query<{ day: string | null }>(
      database,
      sql`
        select (max(later.landed_at) at time zone 'America/Sao_Paulo')::date::text as day
        from ${table} as later
        where later.landed_at >= ${until}::timestamptz
          and later.supersedes_load_id is not null
          and not exists (
            select
            from ${table} as earlier
            where earlier.conta = later.conta
              and earlier.chave = later.chave
              and earlier.load_id = later.supersedes_load_id
              and earlier.seq = later.supersedes_seq
          )`,
    );
    if (row?.day) found.push({ object, day: row.day });
  }
  return found.sort((a, b) => (a.day < b.day ? 1 : -1))[0];
}

/**
 * Creates views that show a relation of landing as it was when a day ended: `<objeto>_atual` the
 * newest version known then of each record that was not known to be removed, `<objeto>` all versions
 * known then. One pass over the versions with two anti-joins, which PostgreSQL does by hash; their
 * columns are those of the real ones.
 */
export async function createLandingViews(
  client: PoolClient,
  schema: string,
  relations: ReadonlySet<string>,
  past: PastDay,
): Promise<void> {
  for (const relation of relations) {
    const object = landingObjectOf(relation);
    const text = relation === object ? versionsText(object, past) : newestText(object, past);
    const comment = `landing.${relation} como era no fim de ${past.day}, em Brasília.`;
    const name = quoted(schema, relation);
    await client.query(
      `create or replace view ${name} as ${text};
      comment on view ${name} is ${escapeLiteral(comment)}`,
    );
  }
}

const recordColumns = ["referencia_data", "hash", "landed_at", "payload"];

function columns(names: readonly string[]): string {
  return names.map((name) => `versao.${name}`).join(", ");
}

function newestText(object: string, past: PastDay): string {
  return `
    select ${columns(["conta", "chave", "load_id", "seq", ...recordColumns])}
    from ${quoted("landing", object)} as versao
    where ${known("versao", past)}
      and not ${superseded(object, past)}
      and not exists (
        select from elt.removals as remocao where ${removedThen(object, past)}
      )`;
}

function versionsText(object: string, past: PastDay): string {
  const own = ["conta", "chave", "load_id", "seq", "supersedes_load_id", "supersedes_seq"];
  return `
    select
      ${columns([...own, ...recordColumns])},
      case when not ${superseded(object, past)} then remocao.removed_at end as removed_at
    from ${quoted("landing", object)} as versao
    left join elt.removals as remocao on ${removedThen(object, past)}
    where ${known("versao", past)}`;
}

function known(version: string, { until }: PastDay): string {
  return `${version}.landed_at < ${instant(until)}`;
}

/** By a version that was known then. */
function superseded(object: string, past: PastDay): string {
  return `exists (
        select
        from ${quoted("landing", object)} as nova
        where nova.conta = versao.conta
          and nova.chave = versao.chave
          and nova.supersedes_load_id = versao.load_id
          and nova.supersedes_seq = versao.seq
          and nova.supersedes_load_id is not null
          and ${known("nova", past)}
      )`;
}

function removedThen(object: string, { until }: PastDay): string {
  return `remocao.objeto = ${escapeLiteral(object)}
          and remocao.conta = versao.conta
          and remocao.chave = versao.chave
          and remocao.removed_at < ${instant(until)}
          and (remocao.returned_at is null or remocao.returned_at >= ${instant(until)})`;
}

function instant(text: string): string {
  return `timestamptz ${escapeLiteral(text)}`;
}
