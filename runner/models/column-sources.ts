import {
  type Column,
  emptyScope,
  joinScopes,
  merged,
  noSources,
  oneSource,
  openScope,
  outputName,
  type Query,
  rowsOf,
  type Scope,
  type Source,
  type Sources,
  scopeOfQuery,
} from "./column-scope.ts";
import {
  isNode,
  type Node,
  namesOf,
  nodesOf,
  only,
  stringOf,
  textOf,
  unwrap,
} from "./syntax-tree.ts";

/** A column name that nothing in reach has. */
export type UnknownColumn = {
  readonly written: string;
  /** Byte offset in the model's text. */
  readonly at: number;
  /** Names that were in reach of what stands before the point, or of everything. */
  readonly candidates: readonly string[];
};

/** What a SELECT is made of, as other models see it. */
export type SelectSources = {
  readonly columns: readonly Column[];
  /** Columns that decide which rows there are: joins, where, group by, having. */
  readonly filters: Sources;
  readonly unknown: readonly UnknownColumn[];
};

/** Columns of a relation that exists; undefined when nothing is known of it. */
export type Catalogue = (schema: string, relation: string) => readonly Column[] | undefined;

type Context = {
  readonly catalogue: Catalogue;
  readonly ctes: ReadonlyMap<string, Scope>;
  /** Scopes in reach, the innermost first. */
  readonly scopes: readonly Scope[];
  readonly filters: Map<string, Source>;
  readonly unknown: UnknownColumn[];
};

/**
 * Follows each output column of a SELECT through its CTEs, subqueries and joins to the columns of
 * the relations it reads. Fields of a JSON document that the text names count as columns.
 */
export function selectSources(select: Node, catalogue: Catalogue): SelectSources {
  const filters = new Map<string, Source>();
  const unknown: UnknownColumn[] = [];
  const context = { catalogue, ctes: new Map(), scopes: [], filters, unknown };
  return { columns: readSelect(select, context).columns, filters, unknown };
}

function readSelect(select: Node, outer: Context): Query {
  const context = withCtes(select, outer);
  const [left, right] = [select.larg, select.rarg];
  if (isNode(left) && isNode(right)) {
    const [one, other] = [readSelect(left, context), readSelect(right, context)];
    const columns = one.columns.map((column, i) => {
      const twin = other.columns[i];
      return twin === undefined
        ? column
        : {
            name: column.name,
            sources: merged([column.sources, twin.sources]),
            copied: column.copied && twin.copied,
          };
    });
    return { columns, rows: merged([one.rows, other.rows]) };
  }
  if (Array.isArray(select.valuesLists)) {
    return { columns: columnsOfValues(select.valuesLists, context), rows: noSources };
  }
  let scope: Scope = { relations: [], visible: [] };
  for (const item of nodesOf(select.fromClause)) {
    scope = joinScopes(scope, scopeOf(item, within(context, scope)));
  }
  const inner = within(context, scope);
  for (const clause of [select.whereClause, select.havingClause]) addFilters(clause, inner);
  // Names in group by may be those of the output.
  addFilters(select.groupClause, { ...inner, unknown: [] });
  return {
    columns: nodesOf(select.targetList).flatMap((item) => columnsOfTarget(item, inner, scope)),
    rows: rowsOf(scope),
  };
}

function columnsOfTarget(item: Node, context: Context, scope: Scope): readonly Column[] {
  const target = only(item, "ResTarget");
  const value = target?.val;
  const reference = only(value, "ColumnRef");
  const isStar = nodesOf(reference?.fields).some((field) => "A_Star" in field);
  if (isStar) {
    const alias = namesOf(reference?.fields).at(-1);
    if (alias === undefined) return scope.visible;
    return findRelation(context.scopes, alias)?.columns ?? [];
  }
  return [{ ...originOf(value, context), name: textOf(target, "name") ?? outputName(value) }];
}

function columnsOfValues(lists: readonly unknown[], context: Context): readonly Column[] {
  const rows = lists.map((list) => nodesOf(only(list, "List")?.items));
  return (rows[0] ?? []).map((_, i) => ({
    name: `column${i + 1}`,
    sources: merged(rows.map((row) => originOf(row[i], context).sources)),
    copied: false,
  }));
}

function withCtes(select: Node, outer: Context): Context {
  if (!isNode(select.withClause)) return outer;
  const ctes = new Map(outer.ctes);
  const recursive = select.withClause.recursive === true;
  for (const item of nodesOf(select.withClause.ctes)) {
    const cte = only(item, "CommonTableExpr");
    const name = textOf(cte, "ctename");
    const query = only(cte?.ctequery, "SelectStmt");
    if (name === undefined || query === undefined) continue;
    const renamed = (read: Query): Scope => scopeOfQuery(name, read, namesOf(cte?.aliascolnames));
    if (recursive && isNode(query.larg)) {
      // The first arm gives a recursive query its columns.
      const quiet = { ...outer, ctes: new Map(ctes), unknown: [] };
      ctes.set(name, renamed(readSelect(query.larg, quiet)));
    }
    ctes.set(name, renamed(readSelect(query, { ...outer, ctes: new Map(ctes) })));
  }
  return { ...outer, ctes };
}

/** The relations that an item of FROM brings into reach. */
function scopeOf(item: Node, context: Context): Scope {
  const { kind, node } = unwrap(item) ?? { kind: "", node: item };
  const alias = isNode(node.alias) ? node.alias : undefined;
  const aliasName = textOf(alias, "aliasname");
  const columnNames = namesOf(alias?.colnames);
  switch (kind) {
    case "RangeVar": {
      const relation = textOf(node, "relname") ?? "";
      const schema = textOf(node, "schemaname");
      const name = aliasName ?? relation;
      if (schema === undefined) {
        const [cte] = context.ctes.get(relation)?.relations ?? [];
        return cte === undefined
          ? openScope(name, noSources)
          : scopeOfQuery(name, cte, columnNames);
      }
      const rows = oneSource({ relation: `${schema}.${relation}`, column: "*" });
      const columns = context.catalogue(schema, relation);
      return columns === undefined
        ? openScope(name, rows)
        : scopeOfQuery(name, { columns, rows }, columnNames);
    }
    case "RangeSubselect": {
      // Without lateral it does not see its neighbours, but what is not there is an error anyway.
      const query = only(node.subquery, "SelectStmt");
      return query === undefined
        ? openScope(aliasName, noSources)
        : scopeOfQuery(aliasName, readSelect(query, context), columnNames);
    }
    case "RangeFunction":
      return scopeOfFunction(node, context);
    case "JoinExpr":
      return scopeOfJoin(node, context, aliasName);
    default:
      return openScope(aliasName, noSources);
  }
}

function scopeOfFunction(node: Node, context: Context): Scope {
  const alias = isNode(node.alias) ? node.alias : undefined;
  const calls = nodesOf(node.functions).map((item) => nodesOf(only(item, "List")?.items)[0]);
  const origin = { ...originOf(calls, context), copied: false };
  const call = only(calls[0], "FuncCall");
  const functionName = namesOf(call?.funcname).at(-1) ?? "";
  const name = textOf(alias, "aliasname") ?? functionName;
  const definitions = nodesOf(node.coldeflist).flatMap(
    (item) => textOf(only(item, "ColumnDef"), "colname") ?? [],
  );
  if (definitions.length > 0) {
    const argument = originOf(nodesOf(call?.args)[0], context);
    const columns = definitions.map((column) =>
      argument.json === undefined
        ? { ...origin, name: column }
        : fieldOf(argument.json, column, "text"),
    );
    return scopeOfQuery(name, { columns, rows: noSources });
  }
  const names = namesOf(alias?.colnames);
  if (names.length > 0) {
    const columns = names.map((column) => ({ ...origin, name: column }));
    return scopeOfQuery(name, { columns, rows: noSources });
  }
  return openScope(name, origin.sources);
}

function scopeOfJoin(node: Node, context: Context, alias: string | undefined): Scope {
  const left = isNode(node.larg) ? scopeOf(node.larg, context) : emptyScope;
  const right = isNode(node.rarg) ? scopeOf(node.rarg, within(context, left)) : emptyScope;
  const rightNames = new Set(right.visible.map((column) => column.name));
  const using =
    node.isNatural === true
      ? left.visible.map((column) => column.name).filter((name) => rightNames.has(name))
      : namesOf(node.usingClause);
  const shared = using.map((name): Column => {
    const twins = [left, right].flatMap((side) => side.visible.filter((c) => c.name === name));
    const sources = merged(twins.map((column) => column.sources));
    for (const [key, source] of sources) context.filters.set(key, source);
    return { name, sources, copied: twins[0]?.copied ?? false };
  });
  const rest = [...left.visible, ...right.visible].filter(({ name }) => !using.includes(name));
  const visible = [...shared, ...rest];
  const joined = { relations: [...left.relations, ...right.relations], visible };
  addFilters(node.quals, within(context, joined));
  if (alias === undefined) return joined;
  return scopeOfQuery(alias, { columns: visible, rows: rowsOf(joined) });
}

type Origin = Omit<Column, "name">;

/** What an expression is made of. */
function originOf(value: unknown, context: Context): Origin {
  if (Array.isArray(value)) {
    return { sources: merged(value.map((item) => originOf(item, context).sources)), copied: false };
  }
  if (!isNode(value)) return { sources: noSources, copied: false };
  const reference = only(value, "ColumnRef");
  if (reference !== undefined) return resolve(reference, context);
  const link = only(value, "SubLink");
  const query = only(link?.subselect, "SelectStmt");
  if (query !== undefined) {
    const columns = readSelect(query, context).columns.map((column) => column.sources);
    return {
      sources: merged([originOf(link?.testexpr, context).sources, ...columns]),
      copied: false,
    };
  }
  const call = only(value, "FuncCall");
  if (call?.agg_star === true) {
    const [scope] = context.scopes;
    return { sources: scope === undefined ? noSources : rowsOf(scope), copied: false };
  }
  const field = jsonField(only(value, "A_Expr"), context);
  if (field !== undefined) return field;
  const children = Object.values(value).map((child) => originOf(child, context).sources);
  return { sources: merged(children), copied: false };
}

/** `documento ->> 'campo'` is a column of its own. */
function jsonField(expression: Node | undefined, context: Context): Origin | undefined {
  const operator = namesOf(expression?.name).at(-1);
  if (operator !== "->" && operator !== "->>") return undefined;
  const field = stringOf(expression?.rexpr);
  const document = originOf(expression?.lexpr, context).json;
  if (field === undefined || document === undefined) return undefined;
  return fieldOf(document, field, operator === "->" ? "json" : "text");
}

function fieldOf(document: Source, field: string, as: "json" | "text"): Column {
  const source = { relation: document.relation, column: `${document.column}.${field}` };
  const column = { name: field, sources: oneSource(source), copied: true };
  return as === "json" ? { ...column, json: source } : column;
}

function resolve(reference: Node, context: Context): Origin {
  const parts = namesOf(reference.fields);
  const written = parts.at(-1) ?? "";
  const alias = parts.length > 1 ? parts.at(-2) : undefined;
  const isStar = nodesOf(reference.fields).some((field) => "A_Star" in field);
  if (isStar) return wholeRow(context.scopes, written);
  if (alias !== undefined) {
    const relation = findRelation(context.scopes, alias);
    const found = relation?.columns.find((column) => column.name === written) ?? relation?.open;
    if (found !== undefined) return found;
    report(reference, context, relation?.columns ?? []);
    return { sources: noSources, copied: false };
  }
  for (const scope of context.scopes) {
    const found = scope.visible.find((column) => column.name === written);
    if (found !== undefined) return found;
    const open = scope.relations.find((relation) => relation.open !== undefined);
    if (scope.relations.some((relation) => relation.alias === written)) {
      return wholeRow([scope], written);
    }
    if (open?.open !== undefined) return open.open;
  }
  report(
    reference,
    context,
    context.scopes.flatMap((scope) => scope.visible),
  );
  return { sources: noSources, copied: false };
}

function report(reference: Node, context: Context, columns: readonly Column[]): void {
  context.unknown.push({
    written: namesOf(reference.fields).join("."),
    at: typeof reference.location === "number" ? reference.location : 0,
    candidates: [...new Set(columns.map((column) => column.name))],
  });
}

function wholeRow(scopes: readonly Scope[], alias: string): Origin {
  const relation = findRelation(scopes, alias);
  const sources = (relation?.columns ?? []).map((column) => column.sources);
  return { sources: merged([...sources, relation?.open?.sources ?? noSources]), copied: false };
}

function findRelation(scopes: readonly Scope[], alias: string) {
  for (const scope of scopes) {
    const found = scope.relations.find((relation) => relation.alias === alias);
    if (found !== undefined) return found;
  }
  return undefined;
}

function addFilters(clause: unknown, context: Context): void {
  for (const [key, source] of originOf(clause, context).sources) context.filters.set(key, source);
}

function within(context: Context, scope: Scope): Context {
  return { ...context, scopes: [scope, ...context.scopes] };
}
