import { namesOf, nodesOf, only, textOf, unwrap } from "./syntax-tree.ts";

/** A column of a relation; a field of a JSON document is `payload.campo`, all its rows are `*`. */
export type Source = { readonly relation: string; readonly column: string };

/** Sources, each once. */
export type Sources = ReadonlyMap<string, Source>;

/** A column in reach, and what it is made of. */
export type Column = {
  readonly name: string;
  readonly sources: Sources;
  /** The value as it stands in its source. */
  readonly copied: boolean;
  /** Set when the value is a JSON document, whose fields are sources of their own. */
  readonly json?: Source;
};

/** A relation in reach under a name. */
type NamedRelation = {
  readonly alias: string | undefined;
  readonly columns: readonly Column[];
  /** The relations whose rows its rows are made of, as column `*`. */
  readonly rows: Sources;
  /** Set when its columns are not known: stands for any of them. */
  readonly open: Column | undefined;
};

/** What a FROM clause brings into reach. */
export type Scope = {
  readonly relations: readonly NamedRelation[];
  /** Columns that need no name before them, in the order of `*`. */
  readonly visible: readonly Column[];
};

/** The columns of a query, and the relations whose rows its rows are made of. */
export type Query = { readonly columns: readonly Column[]; readonly rows: Sources };

export const noSources: Sources = new Map();
export const emptyScope: Scope = { relations: [], visible: [] };

export function scopeOfQuery(
  alias: string | undefined,
  { columns, rows }: Query,
  names: readonly string[] = [],
): Scope {
  const renamed = columns.map((column, i) => ({ ...column, name: names[i] ?? column.name }));
  return { relations: [{ alias, columns: renamed, rows, open: undefined }], visible: renamed };
}

/** A relation of which only what it is made of is known: any name may be a column of it. */
export function openScope(alias: string | undefined, sources: Sources): Scope {
  const open = { name: "", sources, copied: false };
  return { relations: [{ alias, columns: [], rows: sources, open }], visible: [] };
}

export function rowsOf(scope: Scope): Sources {
  return merged(scope.relations.map((relation) => relation.rows));
}

export function joinScopes(left: Scope, right: Scope): Scope {
  return {
    relations: [...left.relations, ...right.relations],
    visible: [...left.visible, ...right.visible],
  };
}

export function oneSource(source: Source): Sources {
  return new Map([[`${source.relation} ${source.column}`, source]]);
}

export function merged(all: readonly Sources[]): Sources {
  const filled = all.filter((sources) => sources.size > 0);
  const [first] = filled;
  if (filled.length <= 1) return first ?? noSources;
  return new Map(filled.flatMap((sources) => [...sources]));
}

/** The name that PostgreSQL gives to an output column without `as`. */
export function outputName(value: unknown): string {
  return namedBy(value)?.name ?? "?column?";
}

/** `weak` names, of types and case, give way to others. */
function namedBy(value: unknown): { readonly name: string; readonly weak: boolean } | undefined {
  const { kind, node } = unwrap(value) ?? {};
  if (node === undefined) return undefined;
  const strong = (name: string | undefined) =>
    name === undefined ? undefined : { name, weak: false };
  switch (kind) {
    case "ColumnRef":
      return strong(namesOf(node.fields).at(-1));
    case "A_Indirection":
      return strong(namesOf(node.indirection).at(-1)) ?? namedBy(node.arg);
    case "FuncCall":
      return strong(namesOf(node.funcname).at(-1));
    case "A_Expr":
      return node.kind === "AEXPR_NULLIF" ? strong("nullif") : undefined;
    case "CollateClause":
      return namedBy(node.arg);
    case "TypeCast": {
      const inner = namedBy(node.arg);
      if (inner !== undefined && !inner.weak) return inner;
      const typeNames = namesOf((node.typeName as { names?: unknown } | undefined)?.names);
      const type = typeNames.at(-1);
      return type === undefined ? inner : { name: type, weak: true };
    }
    case "CaseExpr": {
      const inner = namedBy(node.defresult);
      return inner !== undefined && !inner.weak ? inner : { name: "case", weak: true };
    }
    case "CoalesceExpr":
      return strong("coalesce");
    case "MinMaxExpr":
      return strong(node.op === "IS_LEAST" ? "least" : "greatest");
    case "A_ArrayExpr":
      return strong("array");
    case "RowExpr":
      return strong("row");
    case "GroupingFunc":
      return strong("grouping");
    case "SQLValueFunction":
      return strong(String(node.op).replace("SVFOP_", "").toLowerCase());
    case "SubLink": {
      if (node.subLinkType === "EXISTS_SUBLINK") return strong("exists");
      if (node.subLinkType === "ARRAY_SUBLINK") return strong("array");
      if (node.subLinkType !== "EXPR_SUBLINK") return undefined;
      const [first] = nodesOf(only(node.subselect, "SelectStmt")?.targetList);
      const target = only(first, "ResTarget");
      return strong(textOf(target, "name")) ?? namedBy(target?.val);
    }
    default:
      return undefined;
  }
}
