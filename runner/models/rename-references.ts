import { type Position, positionAt } from "./position.ts";
import type { Model } from "./project.ts";
import type { Reference } from "./select.ts";

/** A piece of a model's text that stands for another; `at` is a UTF-16 offset. */
export type Edit = { readonly at: number; readonly from: string; readonly to: string };

/** A model's SELECT with some pieces replaced. */
export type EditedText = { readonly text: string; readonly edits: readonly Edit[] };

/**
 * Writes other schemas where schemas stand in the text, at the parser's positions.
 * @param schemaOf the schema to read a relation from; undefined leaves it as written
 */
export function referenceEdits(
  model: Pick<Model, "select" | "references">,
  schemaOf: (reference: Reference) => string | undefined,
): readonly Edit[] {
  return model.references.flatMap((reference) => {
    const schema = reference.schema === undefined ? undefined : schemaOf(reference);
    const at = reference.position.offset;
    const from = /^(?:"[^"]+"|[\p{L}\p{N}_$]+)/u.exec(model.select.slice(at))?.[0];
    if (schema === undefined || schema === reference.schema || from === undefined) return [];
    return [{ at, from, to: `"${schema}"` }];
  });
}

/** Applies edits that do not overlap. */
export function applyEdits(select: string, edits: readonly Edit[]): EditedText {
  const sorted = [...edits].sort((a, b) => a.at - b.at);
  let text = "";
  let at = 0;
  for (const edit of sorted) {
    text += select.slice(at, edit.at) + edit.to;
    at = edit.at + edit.from.length;
  }
  return { text: text + select.slice(at), edits: sorted };
}

/** Place in the file of an offset in the edited text. */
export function originalPosition(
  model: Pick<Model, "text">,
  offset: number,
  { edits }: EditedText,
): Position {
  let grown = 0;
  for (const edit of edits) {
    const start = edit.at + grown;
    if (offset <= start) break;
    if (offset < start + edit.to.length) return positionAt(model.text, edit.at);
    grown += edit.to.length - edit.from.length;
  }
  return positionAt(model.text, offset - grown);
}
