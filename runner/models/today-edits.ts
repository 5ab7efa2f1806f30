import { offsetOf } from "./position.ts";
import type { Edit } from "./rename-references.ts";
import { namesOf, walk } from "./syntax-tree.ts";

/** A SELECT and its tree: a model's, or that of a test that is a file. */
type Parsed = { readonly text: string; readonly select: string; readonly tree: unknown };

/**
 * Writes a day where a SELECT calls `elt.hoje()`.
 * @param day `YYYY-MM-DD`; undefined leaves the text as it is
 */
export function todayEdits({ text, select, tree }: Parsed, day: string | undefined): Edit[] {
  if (day === undefined) return [];
  const edits: Edit[] = [];
  walk(tree, (kind, node) => {
    const isToday = kind === "FuncCall" && namesOf(node.funcname).join(".") === "elt.hoje";
    if (!isToday || typeof node.location !== "number") return;
    const offset = offsetOf(text, "byte", node.location);
    const from = /^"?elt"?\s*\.\s*"?hoje"?\s*\(\s*\)/i.exec(select.slice(offset))?.[0];
    if (from !== undefined) edits.push({ at: offset, from, to: `(date '${day}')` });
  });
  return edits;
}
