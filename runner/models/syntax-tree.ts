/**
 * A node of libpg-query's tree: an object of fields, or a wrapper whose only field names the kind
 * of what it holds, `{ ColumnRef: { … } }`.
 */
export type Node = { readonly [name: string]: unknown };

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The nodes of a list; none when the field is not there. */
export function nodesOf(value: unknown): readonly Node[] {
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** What a wrapper of that kind holds; undefined for any other node. */
export function only(value: unknown, kind: string): Node | undefined {
  const held = isNode(value) ? value[kind] : undefined;
  return isNode(held) ? held : undefined;
}

/** Kind and content of a wrapped node. */
export function unwrap(value: unknown): { readonly kind: string; readonly node: Node } | undefined {
  if (!isNode(value)) return undefined;
  const [entry] = Object.entries(value);
  if (entry === undefined || !isNode(entry[1])) return undefined;
  return { kind: entry[0], node: entry[1] };
}

/** The texts of a list of String nodes: the parts of a name. */
export function namesOf(value: unknown): readonly string[] {
  return nodesOf(value).flatMap((item) => {
    const text = only(item, "String")?.sval;
    return typeof text === "string" ? [text] : [];
  });
}

/** A string constant's value. */
export function stringOf(value: unknown): string | undefined {
  const constant = only(value, "A_Const") ?? only(only(value, "TypeCast")?.arg, "A_Const");
  const text = isNode(constant?.sval) ? constant.sval.sval : undefined;
  return typeof text === "string" ? text : undefined;
}

/** A text field of a node. */
export function textOf(node: Node | undefined, field: string): string | undefined {
  const text = node?.[field];
  return typeof text === "string" ? text : undefined;
}

/** Calls `visit` with every wrapped node below a value, outer ones first. */
export function walk(value: unknown, visit: (kind: string, node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit);
    return;
  }
  if (!isNode(value)) return;
  for (const [name, child] of Object.entries(value)) {
    if (isNode(child) && /^[A-Z]/.test(name)) visit(name, child);
    walk(child, visit);
  }
}

/** Byte offset at which the leftmost part of a node stands; undefined when it has no place. */
export function leftmost(value: unknown): number | undefined {
  let first: number | undefined;
  const look = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const item of node) look(item);
      return;
    }
    if (!isNode(node)) return;
    // A list of arguments begins after the function's own name, which is what counts.
    const { location } = node;
    if (typeof location === "number" && location >= 0 && (first === undefined || location < first))
      first = location;
    for (const child of Object.values(node)) look(child);
  };
  look(value);
  return first;
}
