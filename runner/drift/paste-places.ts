import { offsetOf, positionAt } from "../models/position.ts";
import type { Model } from "../models/project.ts";
import { isNode, type Node, namesOf, nodesOf, only, textOf, walk } from "../models/syntax-tree.ts";

/** A line of a model above which more lines go; `text` is what stands there. */
export type Place = { readonly line: number; readonly text: string };

/** Where a staging model takes more columns. */
export type PastePlaces = {
  /** Alias of the record whose columns are the fields, when the model unfolds payloads that way. */
  readonly record: string | undefined;
  /** The payload as the model's SELECT names it. */
  readonly payload: string;
  /** Above the last column of the SELECT, so that lines that end in a comma fit. */
  readonly select: Place | undefined;
  /** Above the last definition of the record's columns. */
  readonly definitions: Place | undefined;
  /** Above the first line that is no header. */
  readonly header: Place;
};

/** Finds the places from the model's syntax. */
export function pastePlaces(model: Model): PastePlaces {
  const selects: Node[] = [];
  walk(model.tree === undefined ? [] : [{ SelectStmt: model.tree }], (kind, node) => {
    if (kind === "SelectStmt") selects.push(node);
  });
  // Outer ones come first: the last that unfolds the payload, or reads landing, is the one itself.
  const unfolding = selects.findLast((select) => unfoldedRecord(select) !== undefined);
  const reading = selects.findLast((select) => landingAlias(select) !== undefined);
  const select = unfolding ?? reading;
  const record = unfolding === undefined ? undefined : unfoldedRecord(unfolding);
  const alias = select === undefined ? undefined : landingAlias(select);
  const lastTarget = only(nodesOf(select?.targetList).at(-1), "ResTarget");
  const lastDefinition = only(nodesOf(record?.coldeflist).at(-1), "ColumnDef");
  return {
    record: textOf(isNode(record?.alias) ? record.alias : undefined, "aliasname"),
    payload: alias === undefined ? "payload" : `${alias}.payload`,
    select: placeOf(model, lastTarget),
    definitions: placeOf(model, lastDefinition),
    header: headerEnd(model),
  };
}

/** `jsonb_to_record(payload) as r(…)` directly in a SELECT's FROM. */
function unfoldedRecord(select: Node): Node | undefined {
  let found: Node | undefined;
  walkFrom(select, (kind, node) => {
    if (kind !== "RangeFunction" || nodesOf(node.coldeflist).length === 0) return;
    const call = only(nodesOf(only(nodesOf(node.functions)[0], "List")?.items)[0], "FuncCall");
    const argument = only(nodesOf(call?.args)[0], "ColumnRef");
    if (namesOf(argument?.fields).at(-1) === "payload") found = node;
  });
  return found;
}

function landingAlias(select: Node): string | undefined {
  let found: string | undefined;
  walkFrom(select, (kind, node) => {
    if (kind !== "RangeVar" || node.schemaname !== "landing") return;
    const alias = isNode(node.alias) ? textOf(node.alias, "aliasname") : undefined;
    found = alias ?? textOf(node, "relname");
  });
  return found;
}

/** Walks the items of FROM, not into subqueries. */
function walkFrom(select: Node, visit: (kind: string, node: Node) => void): void {
  const pending = [...nodesOf(select.fromClause)];
  for (let item = pending.shift(); item !== undefined; item = pending.shift()) {
    const join = only(item, "JoinExpr");
    if (join === undefined) {
      for (const [kind, node] of Object.entries(item)) if (isNode(node)) visit(kind, node);
    } else {
      pending.push(...[join.larg, join.rarg].filter(isNode));
    }
  }
}

function placeOf({ text }: Model, node: Node | undefined): Place | undefined {
  if (node === undefined) return undefined;
  const at = typeof node.location === "number" ? node.location : 0;
  return placeAt(text, positionAt(text, offsetOf(text, "byte", at)).line);
}

function headerEnd({ text }: Model): Place {
  const index = text.split("\n").findIndex((line) => !line.startsWith("--"));
  return placeAt(text, index + 1);
}

function placeAt(text: string, line: number): Place {
  return { line, text: text.split("\n")[line - 1]?.trim() ?? "" };
}
