import { namesOf, nodesOf, only } from "./syntax-tree.ts";

/** A name of a relation where it stands in the text; `at` counts bytes. */
export type Occurrence = {
  readonly relation: string;
  readonly at: number;
  /** An alias stands after it. */
  readonly isNamed: boolean;
};

/** A SELECT reduced to what decides which rows meet: joins, groups, order of evaluation. */
export type Query = SelectQuery | SetQuery | OpaqueQuery;

export type SelectQuery = {
  readonly kind: "select";
  /** Undefined without FROM; relations separated by commas are inner joins. */
  readonly from: FromItem | undefined;
  readonly targets: readonly Target[];
  /** Pairs of columns that WHERE makes equal. */
  readonly equalities: readonly Equality[];
  readonly grouping: Grouping;
  /** Rows that are one per …; undefined without DISTINCT ON. `all` is a plain DISTINCT. */
  readonly distinct: readonly unknown[] | "all" | undefined;
  /** PARTITION BY of each window function. */
  readonly windows: readonly { readonly partition: readonly unknown[]; readonly at: number }[];
  /** LIMIT, OFFSET or FETCH, which look at all rows. */
  readonly limitAt: number | undefined;
  /** Subqueries in WHERE, HAVING and the target list. */
  readonly subqueries: readonly Subquery[];
  /** Everything in it that may name a column, subqueries included, stars of the target list not. */
  readonly expressions: readonly unknown[];
  readonly at: number;
};

export type SetQuery = {
  readonly kind: "set";
  readonly left: Query;
  readonly right: Query;
  readonly limitAt: number | undefined;
  readonly at: number;
};

/** A form that is not looked into: nothing can be proved of it. */
export type OpaqueQuery = {
  readonly kind: "opaque";
  readonly because: string;
  readonly occurrences: readonly Occurrence[];
  readonly at: number;
};

export type Target =
  | { readonly kind: "star"; readonly alias: string | undefined }
  | { readonly kind: "column"; readonly name: string | undefined; readonly value: unknown };

export type Grouping =
  | { readonly kind: "none" }
  | { readonly kind: "by"; readonly items: readonly unknown[]; readonly at: number }
  | { readonly kind: "sets"; readonly at: number };

export type Subquery = {
  readonly query: Query;
  /** Subqueries of join conditions see rows before they are joined. */
  readonly place: "rows" | "join";
  readonly at: number;
};

/** A column as written: `alias.name`, or `name` alone. */
export type ColumnName = { readonly alias: string | undefined; readonly name: string };

export type Equality = readonly [ColumnName, ColumnName];

export type FromItem = Leaf | Join;

export type Join = {
  readonly kind: "join";
  readonly type: "inner" | "left" | "right" | "full";
  readonly left: FromItem;
  readonly right: FromItem;
  readonly equalities: readonly Equality[];
  readonly using: readonly string[];
  readonly at: number;
};

export type Leaf =
  | { readonly kind: "relation"; readonly alias: string; readonly occurrence: Occurrence }
  | {
      readonly kind: "query";
      readonly alias: string;
      readonly query: Query;
      /** New names given to its columns. */
      readonly renamed: readonly string[];
      readonly lateral: boolean;
      readonly at: number;
    }
  | { readonly kind: "rows"; readonly alias: string }
  | {
      readonly kind: "opaque";
      readonly alias: string;
      readonly because: string;
      readonly occurrences: readonly Occurrence[];
      readonly at: number;
    };

/** A bare column reference; undefined for anything else. */
export function columnName(value: unknown): ColumnName | undefined {
  const column = only(value, "ColumnRef");
  const fields = nodesOf(column?.fields);
  const names = namesOf(column?.fields);
  if (column === undefined || names.length !== fields.length || names.length > 2) return undefined;
  const name = names.at(-1);
  return name === undefined
    ? undefined
    : { alias: names.length === 2 ? names[0] : undefined, name };
}

/** Bare columns of which the first that is not null is the value: `a.x`, `coalesce(a.x, b.x)`. */
export function columnNames(value: unknown): readonly ColumnName[] | undefined {
  const choice = only(value, "CoalesceExpr");
  const names = choice === undefined ? [value] : nodesOf(choice.args);
  const columns = names.map(columnName);
  return columns.every((column) => column !== undefined) ? columns : undefined;
}

/** Every relation that a query reads, wherever it stands in it. */
export function occurrencesOf(query: Query): readonly Occurrence[] {
  switch (query.kind) {
    case "opaque":
      return query.occurrences;
    case "set":
      return [...occurrencesOf(query.left), ...occurrencesOf(query.right)];
    case "select":
      return [
        ...(query.from === undefined ? [] : occurrencesOfItem(query.from)),
        ...query.subqueries.flatMap((subquery) => occurrencesOf(subquery.query)),
      ];
  }
}

/** Every relation that a part of FROM reads. */
export function occurrencesOfItem(item: FromItem): readonly Occurrence[] {
  switch (item.kind) {
    case "join":
      return [...occurrencesOfItem(item.left), ...occurrencesOfItem(item.right)];
    case "relation":
      return [item.occurrence];
    case "query":
      return occurrencesOf(item.query);
    case "opaque":
      return item.occurrences;
    case "rows":
      return [];
  }
}
