import type { Column } from "./table-diff.ts";

/** How the columns of a published relation become those of its model. */
export type ColumnChange =
  | { readonly kind: "same" }
  /** New ones at the end. */
  | { readonly kind: "appended" }
  | {
      readonly kind: "other";
      /** What a reader of the old columns loses, as sentences; empty when nothing is lost. */
      readonly losses: readonly string[];
    };

/** Compares published columns with those that a model gives. */
export function compareColumns(
  published: readonly Column[],
  wanted: readonly Column[],
): ColumnChange {
  const isPrefix = published.every(
    (column, i) => column.name === wanted[i]?.name && column.type === wanted[i]?.type,
  );
  if (isPrefix) return { kind: published.length === wanted.length ? "same" : "appended" };
  const losses = published.flatMap((column) => {
    const now = wanted.find(({ name }) => name === column.name);
    if (now === undefined) return [`column ${column.name} (${column.type}) is gone`];
    if (now.type === column.type || isWider(column.type, now.type)) return [];
    return [`column ${column.name} is ${column.type} and becomes ${now.type}`];
  });
  return { kind: "other", losses };
}

/** Every value of the first type is one of the second, and reads the same. */
function isWider(from: string, to: string): boolean {
  const order = ["smallint", "integer", "bigint"];
  if (order.includes(from) && order.includes(to)) return order.indexOf(from) <= order.indexOf(to);
  if (from === "real" && to === "double precision") return true;
  const text = /^character varying(?:\((\d+)\))?$/;
  const [, fromLength] = text.exec(from) ?? [];
  if (text.test(from)) {
    if (to === "text" || to === "character varying") return true;
    const [, toLength] = text.exec(to) ?? [];
    return fromLength !== undefined && Number(toLength ?? 0) >= Number(fromLength);
  }
  const number = /^numeric(?:\((\d+),(-?\d+)\))?$/;
  if (!number.test(from) || !number.test(to)) return false;
  if (to === "numeric") return true;
  const [, fromDigits, fromScale] = number.exec(from) ?? [];
  const [, toDigits, toScale] = number.exec(to) ?? [];
  if (fromDigits === undefined) return false;
  const whole = (digits: unknown, scale: unknown) => Number(digits) - Number(scale);
  return (
    Number(toScale) >= Number(fromScale) && whole(toDigits, toScale) >= whole(fromDigits, fromScale)
  );
}
