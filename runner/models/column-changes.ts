import type { Column } from "./table-diff.ts";

/** How the columns of a published relation become those of its model. */
export type ColumnChange = {
  /**
   * `in place`: some go, new ones come at the end, the others stay as they are. `anew`: columns get
   * another type or another order, which PostgreSQL does not do to a table that stands.
   */
  readonly kind: "same" | "in place" | "anew";
  /** Columns that go. */
  readonly removed: readonly string[];
  /** What a reader of the old columns loses, as sentences; empty when nothing is lost. */
  readonly losses: readonly string[];
};

/** Compares published columns with those that a model gives. */
export function compareColumns(
  published: readonly Column[],
  wanted: readonly Column[],
): ColumnChange {
  const removed = published.filter(({ name }) => !wanted.some((column) => column.name === name));
  const kept = published.filter((column) => !removed.includes(column));
  const isPrefix = kept.every(
    (column, i) => column.name === wanted[i]?.name && column.type === wanted[i]?.type,
  );
  const isSame = isPrefix && removed.length === 0 && kept.length === wanted.length;
  const retyped = kept.flatMap((column) => {
    const now = wanted.find(({ name }) => name === column.name)?.type ?? "";
    return now === column.type || isWider(column.type, now)
      ? []
      : [`column ${column.name} is ${column.type} and becomes ${now}`];
  });
  return {
    kind: isSame ? "same" : isPrefix ? "in place" : "anew",
    removed: removed.map(({ name }) => name),
    losses: [...removed.map(({ name, type }) => `column ${name} (${type}) is gone`), ...retyped],
  };
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
