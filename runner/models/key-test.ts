import { type Queryable, query, type SQLQuery, sql } from "../../extract/query.ts";
import { excerpt, headerLine } from "./position.ts";
import type { Model } from "./project.ts";
import { TestFailure } from "./test-failure.ts";

/**
 * A table's `@key` is itself a test: unique, without nulls. It runs before the difference is
 * applied, which needs it.
 * @throws TestFailure with up to three offending keys
 */
export async function assertKey(database: Queryable, model: Model, rows: SQLQuery): Promise<void> {
  const key = sql.join(
    model.header.key.map((name) => sql.ident(name)),
    ", ",
  );
  const anyNull = sql.join(
    model.header.key.map((name) => sql`${sql.ident(name)} is null`),
    " OR ",
  );
  const sample = await query<{ failures: string; key: Record<string, unknown> }>(
    database,
    sql`
      select to_jsonb(bad) as key, count(*) over () as failures
      from (
        select ${key} from ${rows} group by ${key} having count(*) > 1
        union all
        select ${key} from ${rows} where ${anyNull}
      ) as bad
      limit 3`,
  );
  const [first] = sample;
  if (first === undefined) return;
  throw new TestFailure([
    {
      model: model.name,
      test: `key(${model.header.key.join(", ")})`,
      severity: "error",
      failures: Number(first.failures),
      sample: sample.map((row) => row.key),
      ...placeOfKey(model),
    },
  ]);
}

function placeOfKey({ file, text, header }: Model) {
  const position = headerLine(text, "key", header.key[0] ?? "");
  return {
    place: `${file}:${position.line}:${position.column}`,
    excerpt: excerpt(text, position),
  };
}
