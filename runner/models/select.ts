import { hasSqlDetails, parse } from "libpg-query";
import { locate, offsetOf, type Position, positionAt } from "./position.ts";
import { isNode, type Node, nodesOf, only } from "./syntax-tree.ts";

/** A relation that a SELECT reads, where its name stands in the text. */
export type Reference = {
  readonly schema: string | undefined;
  readonly relation: string;
  readonly position: Position;
};

export type ParsedSelect =
  | {
      readonly status: "parsed";
      readonly references: readonly Reference[];
      /** The tree of the SELECT; its places count bytes of the text. */
      readonly tree: Node;
      /** UTF-16 offset where the statement ends, before any semicolon. */
      readonly end: number;
    }
  | { readonly status: "invalid"; readonly message: string; readonly position: Position };

const EMPTY = "the file is empty; a model is one SELECT";

/**
 * Parses a model with PostgreSQL's own parser: exactly one SELECT, and the relations it reads;
 * names of CTEs are left out where they are in scope.
 */
export async function parseSelect(text: string): Promise<ParsedSelect> {
  // An editor may leave a file empty for a moment, and the parser refuses that as a misuse.
  if (text.trim() === "")
    return { status: "invalid", message: EMPTY, position: positionAt(text, 0) };
  let tree: unknown;
  try {
    tree = await parse(text);
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    const at = error.sqlDetails?.cursorPosition ?? 0;
    return { status: "invalid", message: error.message, position: locate(text, "character", at) };
  }
  const statements = isNode(tree) && Array.isArray(tree.stmts) ? tree.stmts.filter(isNode) : [];
  const [statement, second] = statements;
  if (second !== undefined) {
    const at = typeof second.stmt_location === "number" ? second.stmt_location : 0;
    const offset = offsetOf(text, "byte", at);
    const skipped = /^[\s;]*/.exec(text.slice(offset))?.[0].length ?? 0;
    return {
      status: "invalid",
      message: "a model is one SELECT; a second statement starts here",
      position: positionAt(text, offset + skipped),
    };
  }
  const stmt = statement?.stmt;
  if (!isNode(stmt) || !isNode(stmt.SelectStmt)) {
    return {
      status: "invalid",
      message: "a model is one SELECT",
      position: positionAt(text, text.search(/^(?!--)\s*\S/m)),
    };
  }
  const references: Reference[] = [];
  let writes = false;
  collect(stmt, new Set(), (kind, node) => {
    if (kind !== "RangeVar") {
      writes = true;
      return;
    }
    references.push({
      schema: typeof node.schemaname === "string" ? node.schemaname : undefined,
      relation: String(node.relname),
      position: locate(text, "byte", typeof node.location === "number" ? node.location : 0),
    });
  });
  if (writes) {
    return {
      status: "invalid",
      message: "a model only reads: no insert, update, delete, merge or select into",
      position: positionAt(text, text.search(/\b(insert|update|delete|merge|into)\b/i)),
    };
  }
  // The statement begins after comments and semicolons before it; without a length it ends with the text.
  const start = typeof statement?.stmt_location === "number" ? statement.stmt_location : 0;
  const before = text.slice(0, offsetOf(text, "byte", start));
  const semicolon = before.replace(COMMENT, (comment) => " ".repeat(comment.length)).indexOf(";");
  if (semicolon >= 0) {
    return {
      status: "invalid",
      message: "a semicolon stands before the SELECT: take it out",
      position: positionAt(text, semicolon),
    };
  }
  const length = typeof statement?.stmt_len === "number" ? statement.stmt_len : undefined;
  const end = length === undefined ? text.length : offsetOf(text, "byte", start + length);
  return { status: "parsed", references, tree: stmt.SelectStmt, end };
}

const COMMENT = /--.*|\/\*[\s\S]*?\*\//g;

const writing = new Set(["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "intoClause"]);

/**
 * Walks the tree for relations, and for statements that write. A CTE hides a relation of its name
 * in its own statement and in later CTEs.
 */
function collect(
  value: unknown,
  ctes: ReadonlySet<string>,
  found: (kind: string, node: Node) => void,
): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, ctes, found);
    return;
  }
  if (!isNode(value)) return;
  const scope = isNode(value.withClause) ? scopeOf(value.withClause, ctes, found) : ctes;
  for (const name in value) {
    const child = value[name];
    if (typeof child !== "object" || child === null || name === "withClause") continue;
    if (writing.has(name) && isNode(child)) found(name, child);
    if (name === "RangeVar" && isNode(child)) {
      const isCte = child.schemaname === undefined && scope.has(String(child.relname));
      if (!isCte) found(name, child);
    } else {
      collect(child, scope, found);
    }
  }
}

function scopeOf(
  withClause: Node,
  ctes: ReadonlySet<string>,
  found: (kind: string, node: Node) => void,
): ReadonlySet<string> {
  const scope = new Set(ctes);
  const names = nodesOf(withClause.ctes).flatMap((item): readonly Node[] => {
    const cte = only(item, "CommonTableExpr");
    return cte === undefined ? [] : [cte];
  });
  if (withClause.recursive === true) {
    for (const cte of names) scope.add(String(cte.ctename));
  }
  for (const cte of names) {
    collect(cte.ctequery, new Set(scope), found);
    scope.add(String(cte.ctename));
  }
  return scope;
}
