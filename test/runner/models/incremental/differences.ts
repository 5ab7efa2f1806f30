import type { Pool } from "pg";
import { orderModels } from "../../../../runner/models/order.ts";
import type { Model, Project } from "../../../../runner/models/project.ts";

/**
 * Rows by which published relations differ from what their models' texts give over their inputs as
 * published: computed in plain SQL, without anything of the engine. Since each model is held to its
 * inputs, all of them together are held to landing.
 */
export async function differencesFromTexts(
  pool: Pool,
  project: Project,
): Promise<readonly string[]> {
  const found: string[] = [];
  const client = await pool.connect();
  try {
    await client.query("begin isolation level repeatable read; set local jit = off");
    for (const model of orderModels(project).order) {
      await client.query(
        `create temporary table expected on commit drop as ${"\n"}${model.select}`,
      );
      const { rows: columns } = await client.query<{ name: string }>(
        `select attname as name from pg_attribute
         where attrelid = 'pg_temp.expected'::regclass and attnum > 0 and not attisdropped`,
      );
      const names = columns.map(({ name }) => name);
      for (const { table, expressions } of comparisons(model, names)) {
        const wanted = `select ${expressions.wanted} from pg_temp.expected`;
        const present = `select ${expressions.present} from ${table}`;
        const { rows } = await client.query(
          `select 'missing' as what, to_jsonb(a) as row from (${wanted} except all ${present}) as a
           union all
           select 'surplus', to_jsonb(b) from (${present} except all ${wanted}) as b`,
        );
        for (const { what, row } of rows.slice(0, 3)) {
          found.push(`${table} ${what} ${JSON.stringify(row)}`);
        }
      }
      await client.query("drop table pg_temp.expected");
    }
  } finally {
    await client.query("rollback");
    client.release();
  }
  return found;
}

type Comparison = {
  readonly table: string;
  readonly expressions: { readonly wanted: string; readonly present: string };
};

/** A table as published, and the clear values beside it. */
function comparisons({ name, relation, header }: Model, columns: readonly string[]): Comparison[] {
  const salt = "(select value from elt.secrets where name = 'salt')";
  const masked = (column: string) => {
    const mask = header.pii.get(column);
    if (mask === undefined) return `"${column}"`;
    const rest = mask === "documento" ? `, ${salt}` : "";
    return `elt.mask_${mask}("${column}"::text${rest}) as "${column}"`;
  };
  const plain = (list: readonly string[]) => list.map((column) => `"${column}"`).join(", ");
  const published = {
    table: name,
    expressions: { wanted: columns.map(masked).join(", "), present: plain(columns) },
  };
  if (header.pii.size === 0) return [published];
  const personal = columns.filter((one) => header.key.includes(one) || header.pii.has(one));
  const expressions = { wanted: plain(personal), present: plain(personal) };
  return [published, { table: `marts_pii.${relation}`, expressions }];
}
