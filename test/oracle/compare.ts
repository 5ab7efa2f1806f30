import type { PoolClient } from "pg";
import type { OracleRelation, OracleRow } from "./relation.ts";

/** What a relation really holds: its columns in order with their types, and its rows. */
type Found = {
  readonly columns: ReadonlyMap<string, string>;
  readonly rows: readonly OracleRow[];
};

/**
 * Reads relations of schema marts and tells every way in which they differ from what they must be,
 * one sentence each: relation, key, column, both values. Empty: they agree.
 */
export async function differencesIn(
  client: PoolClient,
  relations: readonly OracleRelation[],
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const expected of relations) {
    const found = await readRelation(client, expected.name);
    problems.push(...columnDifferences(expected, found), ...rowDifferences(expected, found));
  }
  return problems;
}

async function readRelation(client: PoolClient, name: string): Promise<Found> {
  const { rows: attributes } = await client.query<{ name: string; type: string }>(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type
     from pg_attribute as a
     where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped
     order by a.attnum`,
    [`marts.${name}`],
  );
  if (attributes.length === 0) return { columns: new Map(), rows: [] };
  const columns = new Map(attributes.map((attribute) => [attribute.name, attribute.type]));
  const selected = [...columns].map(([column, type]) =>
    type === "timestamp with time zone"
      ? `to_char("${column}" at time zone 'America/Sao_Paulo', 'YYYY-MM-DD HH24:MI:SS') as "${column}"`
      : `"${column}"`,
  );
  const { rows } = await client.query<OracleRow>({
    text: `select ${selected.join(", ")} from marts."${name}"`,
    types: { getTypeParser: () => (value: string) => value },
  });
  return { columns, rows };
}

function columnDifferences({ name, columns }: OracleRelation, found: Found): readonly string[] {
  const wanted = Object.keys(columns);
  const shared = [...found.columns.keys()].filter((column) => column in columns);
  const missing = wanted.filter((column) => !found.columns.has(column));
  if (missing.length > 0) return [`${name}: has no column ${missing.join(", ")}`];
  if (shared.join() !== wanted.join()) {
    return [`${name}: its columns are in the order ${shared.join(", ")}`];
  }
  return wanted
    .filter((column) => found.columns.get(column) !== columns[column])
    .map((column) => {
      return `${name}.${column}: oracle ${columns[column]}, database ${found.columns.get(column)}`;
    });
}

function rowDifferences(expected: OracleRelation, found: Found): readonly string[] {
  const { name, key, columns } = expected;
  const keyOf = (row: OracleRow) =>
    key.map((column) => `${column}=${shown(row[column])}`).join(", ");
  const foundByKey = new Map(found.rows.map((row) => [keyOf(row), row]));
  const problems: string[] = [];
  if (foundByKey.size < found.rows.length) {
    problems.push(`${name}: ${found.rows.length - foundByKey.size} rows repeat a key`);
  }
  const expectedKeys = new Set<string>();
  for (const wanted of expected.rows) {
    const at = keyOf(wanted);
    expectedKeys.add(at);
    const row = foundByKey.get(at);
    if (row === undefined) {
      problems.push(`${name} [${at}]: missing in the database`);
      continue;
    }
    for (const column of Object.keys(columns)) {
      if (wanted[column] === row[column]) continue;
      problems.push(
        `${name} [${at}].${column}: oracle ${shown(wanted[column])}, database ${shown(row[column])}`,
      );
    }
  }
  if (expectedKeys.size < expected.rows.length) problems.push(`${name}: the oracle repeats a key`);
  for (const at of foundByKey.keys()) {
    if (!expectedKeys.has(at)) problems.push(`${name} [${at}]: unknown to the oracle`);
  }
  return problems;
}

function shown(value: string | null | undefined): string {
  return value === undefined || value === null ? "null" : value;
}
