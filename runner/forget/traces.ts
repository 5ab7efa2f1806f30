import { execute, type Queryable, query, type SQLQuery, sql } from "../../extract/query.ts";
import type { Person } from "../../extract/redact.ts";
import { readTombstones } from "../../extract/tombstones.ts";
import type { KnownPerson } from "./known-person.ts";
import { likeText } from "./landed-records.ts";
import type { Receipt } from "./receipt.ts";

/** A table in which a value of the person stands. */
export type TraceFound = {
  readonly table: string;
  /** Rows with the document or an e-mail address. */
  readonly identified: number;
  /** Rows with the name or a telephone alone: perhaps a namesake's. */
  readonly named: number;
  /** The environment whose table it is, when that was built before the person was forgotten. */
  readonly environment?: string | undefined;
};

/** A column of a table that can hold a text. */
export type TextColumn = {
  readonly schema: string;
  readonly relation: string;
  readonly column: string;
  readonly type: string;
  readonly nullable: boolean;
  /** Whether the table says of each row which account it is of. */
  readonly ofAccounts: boolean;
};

/** Tables of the engine whose texts are not about people; secrets and marks must stay. */
const leftAlone = ["secrets", "api_keys", "migrations", "tombstones", "forgotten", "backups"];

/** Columns of tables that can hold a text. */
async function textColumns(database: Queryable): Promise<readonly TextColumn[]> {
  return query<TextColumn>(
    database,
    sql`
      select
        nspname as schema,
        relname as relation,
        attname as column,
        format_type(atttypid, atttypmod) as type,
        not attnotnull as nullable,
        exists (
          select
          from pg_attribute as other
          where other.attrelid = pg_class.oid and other.attname = 'conta'
            and other.atttypid = 'text'::regtype
        ) as "ofAccounts"
      from pg_class
      inner join pg_namespace on pg_namespace.oid = relnamespace
      inner join pg_attribute on attrelid = pg_class.oid
      where relkind in ('r', 'm') and attnum > 0 and not attisdropped
        and nspname !~ '^pg_' and nspname <> 'information_schema'
        and not (nspname = 'elt' and relname = any (${leftAlone}::text[]))
        and (
          atttypid in ('text'::regtype, 'json'::regtype, 'jsonb'::regtype, 'varchar'::regtype,
            'bpchar'::regtype, 'name'::regtype, 'text[]'::regtype, 'bigint'::regtype,
            'numeric'::regtype)
        )
      order by nspname, relname, attnum`,
  );
}

/** Where a text stands that was looked for. */
export type Match = { readonly ctid: string; readonly text: string };

/** Rows of an account: all of them where a table does not tell, and where none is named. */
function isOf({ ofAccounts }: TextColumn, conta: string | undefined): SQLQuery {
  return ofAccounts && conta !== undefined ? sql`conta = ${conta}` : sql`true`;
}

async function matchesIn(
  database: Queryable,
  column: TextColumn,
  person: KnownPerson,
  conta?: string,
): Promise<readonly Match[]> {
  return (await candidatesIn(database, column, person, conta)).filter(({ text }) =>
    person.isTracedIn(text),
  );
}

async function candidatesIn(
  database: Queryable,
  of: TextColumn,
  person: KnownPerson,
  conta: string | undefined,
): Promise<readonly Match[]> {
  const { schema, relation, column, type } = of;
  const value = sql`${sql.ident(column)}::text`;
  const numbers = [...person.documents, ...person.phones].map((digits) => `%${digits}%`);
  const texts = [...person.names, ...person.emails].map((text) => `%${likeText(text)}%`);
  const isNumber = type === "bigint" || type.startsWith("numeric");
  const wanted = isNumber
    ? sql`${value} = any (${[...person.documents]}::text[])`
    : sql`
        elt.fold(${value}) like any (${texts}::text[])
        or translate(${value}, './-() +', '') like any (${numbers}::text[])`;
  return query<Match>(
    database,
    sql`
      select ctid::text, ${value} as text
      from ${sql.ident(schema, relation)}
      where (${wanted}) and ${isOf(of, conta)}`,
  );
}

const BATCH = 5_000;

/** Rows whose text passes a test: every text is read, since of hashes nobody can search for the value. */
export async function rowsWith(
  database: Queryable,
  of: TextColumn,
  passes: (text: string) => boolean,
  conta?: string,
): Promise<readonly Match[]> {
  const value = sql`${sql.ident(of.column)}::text`;
  const found: Match[] = [];
  let last = "(0,0)";
  for (;;) {
    const rows: readonly Match[] = await query<Match>(
      database,
      sql`
        select ctid::text, ${value} as text
        from ${sql.ident(of.schema, of.relation)}
        where ctid > ${last}::tid and length(${value}) > 4 and ${isOf(of, conta)}
        order by ctid
        limit ${BATCH}`,
    );
    found.push(...rows.filter(({ text }) => passes(text)));
    const end = rows.at(-1);
    if (end === undefined) return found;
    last = end.ctid;
  }
}

/** Schemas of environments that were built before, and whose they are. */
async function earlierEnvironments(
  database: Queryable,
  before: Date,
): Promise<ReadonlyMap<string, string>> {
  const rows = await query<{ schema: string; name: string }>(
    database,
    sql`
      select unnest(schemas) as schema, name
      from elt.environments
      where built_at <= ${before}::timestamptz`,
  );
  return new Map(rows.map(({ schema, name }) => [schema, name]));
}

/**
 * Looks for a person's values in every text of every table of the database; of other accounts' rows, where
 * a table tells whose they are, nothing is asked.
 * @param forgottenAt when landing held the person no longer
 */
export async function findTraces(
  database: Queryable,
  { conta, person }: { readonly conta: string; readonly person: KnownPerson },
  forgottenAt: Date,
): Promise<readonly TraceFound[]> {
  const columns = await textColumns(database);
  const matches = (column: TextColumn) => matchesIn(database, column, person, conta);
  return collectTraces(database, columns, { person, matches, forgottenAt });
}

/** What a build fills, or the engine writes. */
const ownSchemas = new Set(["landing", "staging", "seeds", "marts", "marts_pii", "elt"]);

/**
 * Looks for whoever was forgotten, by their marks alone, in the tables that a receipt names and in all
 * that no build fills: environments, copies that somebody made.
 */
export async function findForgotten(
  database: Queryable,
  { accounts, left, forgottenAt, again = [] }: Receipt,
): Promise<readonly TraceFound[]> {
  const named = new Set(left.map(({ table }) => table));
  const at = new Date(again.at(-1)?.at ?? forgottenAt);
  const columns = (await textColumns(database)).filter(
    ({ schema, relation }) => !ownSchemas.has(schema) || named.has(`${schema}.${relation}`),
  );
  const found: TraceFound[] = [];
  for (const { conta } of accounts) {
    const person = (await readTombstones(database, conta))?.person;
    if (person === undefined) continue;
    const matches = (column: TextColumn) => rowsWith(database, column, person.isNamedIn, conta);
    found.push(...(await collectTraces(database, columns, { person, matches, forgottenAt: at })));
  }
  return found;
}

async function collectTraces(
  database: Queryable,
  columns: readonly TextColumn[],
  of: {
    readonly person: Pick<Person, "isIdentifiedIn">;
    readonly matches: (column: TextColumn) => Promise<readonly Match[]>;
    readonly forgottenAt: Date;
  },
): Promise<readonly TraceFound[]> {
  const environments = await earlierEnvironments(database, of.forgottenAt);
  const environmentOf = (table: string) => environments.get(table.split(".")[0] ?? "");
  const found = new Map<string, { identified: Set<string>; named: Set<string> }>();
  for (const column of columns) {
    const table = `${column.schema}.${column.relation}`;
    for (const { ctid, text } of await of.matches(column)) {
      const rows = found.get(table) ?? { identified: new Set(), named: new Set() };
      found.set(table, rows);
      (of.person.isIdentifiedIn(text) ? rows.identified : rows.named).add(ctid);
    }
  }
  return [...found].map(([table, { identified, named }]) => ({
    table,
    identified: identified.size,
    named: [...named].filter((ctid) => !identified.has(ctid)).length,
    ...(environmentOf(table) === undefined ? {} : { environment: environmentOf(table) }),
  }));
}

/**
 * Takes a person out of what the engine wrote down: changes of marts, samples of tests, sentences of
 * errors. @returns cells emptied, by table
 */
export async function eraseFromLogs(
  database: Queryable,
  person: KnownPerson,
): Promise<Readonly<Record<string, number>>> {
  const erased: Record<string, number> = {};
  for (const column of await textColumns(database)) {
    if (column.schema !== "elt" || column.type === "bigint") continue;
    const rows = await matchesIn(database, column, person);
    if (rows.length === 0) continue;
    const count = await emptyCells(
      database,
      column,
      rows.map(({ ctid }) => ctid),
    );
    const name = `${column.schema}.${column.relation}`;
    erased[name] = (erased[name] ?? 0) + count;
  }
  return erased;
}

/** Columns of the engine's own tables that hold texts. */
export async function engineTexts(database: Queryable): Promise<readonly TextColumn[]> {
  const columns = await textColumns(database);
  return columns.filter(
    ({ schema, type }) => schema === "elt" && type !== "bigint" && !type.startsWith("numeric"),
  );
}

/** Empties cells of a column. @returns how many */
export function emptyCells(
  database: Queryable,
  column: TextColumn,
  ctids: readonly string[],
): Promise<number> {
  return execute(
    database,
    sql`
      update ${sql.ident(column.schema, column.relation)}
      set ${sql.ident(column.column)} = ${emptyOf(column)}
      where ctid = any (${[...ctids]}::tid[])`,
  );
}

function emptyOf({ type, nullable, column }: TextColumn) {
  if (nullable) return sql`null`;
  if (type.startsWith("json")) {
    // A list stays one, so that those who read it need not know.
    return sql`case jsonb_typeof(${sql.ident(column)}::jsonb) when 'array' then '[]' else '{}' end::${sql.__dangerous__rawValue(type)}`;
  }
  if (type.endsWith("[]")) return sql`'{}'`;
  return sql`'(apagado)'`;
}
