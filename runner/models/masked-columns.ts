import { type SQLQuery, sql } from "../../extract/query.ts";
import type { MaskName } from "./header.ts";
import type { Model } from "./project.ts";
import type { Column } from "./table-diff.ts";

/** Clear values of personal columns stand here, in a table of the same name. */
export const PII_SCHEMA = "marts_pii";

/** A table to publish: which columns of the built rows it has, and which of them are masked. */
export type Target = {
  readonly schema: string;
  readonly columns: readonly Column[];
  readonly masks: ReadonlyMap<string, MaskName>;
};

/**
 * The tables that a model fills: its own, masked, and one of the key and the clear values in
 * `marts_pii` when it has personal columns.
 */
export function targetsOf(
  { schema, header }: Pick<Model, "schema" | "header">,
  columns: readonly Column[],
): readonly [main: Target, clear?: Target] {
  const main: Target = {
    schema,
    columns: columns.map((column) =>
      header.pii.has(column.name) ? { ...column, type: "text" } : column,
    ),
    masks: header.pii,
  };
  if (header.pii.size === 0) return [main];
  const isPersonal = ({ name }: Column) => header.key.includes(name) || header.pii.has(name);
  return [main, { schema: PII_SCHEMA, columns: columns.filter(isPersonal), masks: new Map() }];
}

/** The columns of a target, over the built rows under the alias `built`. */
export function columnExpressions({ columns, masks }: Target): SQLQuery {
  const expressions = columns.map(({ name }) => {
    const value = maskedValue(sql.ident("built", name), masks.get(name));
    return sql`${value} as ${sql.ident(name)}`;
  });
  return sql.join(expressions, ", ");
}

function maskedValue(column: SQLQuery, mask: MaskName | undefined): SQLQuery {
  switch (mask) {
    case "nome":
      return sql`elt.mask_nome(${column}::text)`;
    case "documento": {
      const salt = sql`(select value from elt.secrets where name = 'salt')`;
      return sql`elt.mask_documento(${column}::text, ${salt})`;
    }
    case "email":
      return sql`elt.mask_email(${column}::text)`;
    case undefined:
      return column;
  }
}
