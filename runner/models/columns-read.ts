import {
  columnName,
  type FromItem,
  type Leaf,
  occurrencesOf,
  type Query,
  type SelectQuery,
} from "./query-shape.ts";
import { namesOf, nodesOf, walk } from "./syntax-tree.ts";

/** Columns that a query looks at; a change of any other column cannot change its result. */
export type ColumnsRead = ReadonlySet<string> | "all";

/**
 * The columns that a query reads of each relation. Never too few: whatever cannot be told apart
 * counts for every relation that it might mean.
 */
export function columnsRead(query: Query): ReadonlyMap<string, ColumnsRead> {
  const read = new Map<string, ColumnsRead>();
  readOf(query, "all", read);
  return read;
}

type Found = Map<string, ColumnsRead>;

function readOf(query: Query, asked: ColumnsRead, read: Found): void {
  switch (query.kind) {
    case "opaque":
      for (const { relation } of query.occurrences) read.set(relation, "all");
      return;
    case "set":
      // Rows are compared or put together as a whole.
      readOf(query.left, "all", read);
      readOf(query.right, "all", read);
      return;
    case "select":
      readSelect(query, asked, read);
  }
}

function readSelect(query: SelectQuery, asked: ColumnsRead, read: Found): void {
  const leaves = query.from === undefined ? [] : leavesOf(query.from);
  const perLeaf = leaves.map((leaf) => ({ leaf, columns: new Set<string>(), whole: false }));
  const named = (alias: string) => perLeaf.filter(({ leaf }) => leaf.alias === alias);

  walk(query.expressions, (kind, node) => {
    if (kind !== "ColumnRef") return;
    const names = namesOf(node.fields);
    const isStar = nodesOf(node.fields).length > names.length;
    const column = columnName({ ColumnRef: node });
    if (isStar || column === undefined) {
      // `a.*`, or more than two parts: any of them may be a relation of this FROM.
      for (const name of names) for (const one of named(name)) one.whole = true;
      if (!isStar) for (const one of perLeaf) one.columns.add(names.at(-1) ?? "");
    } else if (column.alias === undefined) {
      for (const one of perLeaf) {
        one.columns.add(column.name);
        if (one.leaf.alias === column.name) one.whole = true;
      }
    } else {
      for (const one of named(column.alias)) one.columns.add(column.name);
    }
  });
  for (const name of joinedBy(query.from)) for (const one of perLeaf) one.columns.add(name);

  const starsGiveAll =
    asked === "all" || query.distinct === "all" || query.grouping.kind !== "none";
  for (const target of query.targets) {
    if (target.kind !== "star") continue;
    for (const one of target.alias === undefined ? perLeaf : named(target.alias)) {
      if (starsGiveAll) one.whole = true;
      else for (const name of asked) one.columns.add(name);
    }
  }

  for (const { leaf, columns, whole } of perLeaf) readLeaf(leaf, whole ? "all" : columns, read);
  for (const { query: inner } of query.subqueries) readOf(inner, "all", read);
}

function readLeaf(leaf: Leaf, columns: ColumnsRead, read: Found): void {
  switch (leaf.kind) {
    case "relation": {
      const { relation } = leaf.occurrence;
      const before = read.get(relation);
      const both =
        before === "all" || columns === "all" ? "all" : new Set([...(before ?? []), ...columns]);
      read.set(relation, both);
      return;
    }
    case "query":
      readOf(leaf.query, leaf.renamed.length > 0 ? "all" : columns, read);
      return;
    case "opaque":
      for (const { relation } of leaf.occurrences) read.set(relation, "all");
      return;
    case "rows":
  }
}

/** The relations that a FROM puts side by side. */
export function leavesOf(item: FromItem): readonly Leaf[] {
  return item.kind === "join" ? [...leavesOf(item.left), ...leavesOf(item.right)] : [item];
}

function joinedBy(item: FromItem | undefined): readonly string[] {
  if (item?.kind !== "join") return [];
  return [...item.using, ...joinedBy(item.left), ...joinedBy(item.right)];
}

/** The relations that a query reads. */
export function relationsOf(query: Query): readonly string[] {
  return [...new Set(occurrencesOf(query).map(({ relation }) => relation))];
}
