/** A place in a text: UTF-16 offset from 0, line and column from 1. */
export type Position = { readonly offset: number; readonly line: number; readonly column: number };

/**
 * What counts the position: the parser's tree counts UTF-8 bytes from 0, the parser's errors count
 * characters from 0, the server's errors count characters from 1.
 */
export type PositionUnit = "byte" | "character" | "server-character";

/** Converts a position given by the parser or the server into a place in the text. */
export function locate(text: string, unit: PositionUnit, at: number): Position {
  return positionAt(text, offsetOf(text, unit, at));
}

/** UTF-16 offset of a position that counts in another unit. */
export function offsetOf(text: string, unit: PositionUnit, at: number): number {
  if (unit === "byte") return Buffer.from(text).subarray(0, at).toString("utf8").length;
  const characters = unit === "character" ? at : at - 1;
  let offset = 0;
  let seen = 0;
  for (const character of text) {
    if (seen === characters) break;
    offset += character.length;
    seen++;
  }
  return offset;
}

/** Line and column of a UTF-16 offset. */
export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  const line = before.split("\n").length;
  return { offset, line, column: [...before.slice(lineStart)].length + 1 };
}

/** Three lines of context with a caret under the place. */
export function excerpt(text: string, { line, column }: Position): string {
  const lines = text.split("\n");
  const from = Math.max(1, line - 2);
  const width = String(line).length;
  const shown = lines.slice(from - 1, line).map((content, index) => {
    return `${String(from + index).padStart(width)} | ${content}`;
  });
  return [...shown, `${" ".repeat(width)} | ${" ".repeat(column - 1)}^`].join("\n");
}

/** The first line that is not a comment. */
export function startOfSelect(text: string): Position {
  const lines = text.split("\n");
  const index = lines.findIndex((line) => line.trim() !== "" && !line.startsWith("--"));
  const offset = lines.slice(0, Math.max(0, index)).join("\n").length;
  return positionAt(text, index <= 0 ? 0 : offset + 1);
}

/** Where a header line names something, for problems that the database finds. */
export function headerLine(text: string, keyword: string, name: string): Position {
  const lines = text.split("\n");
  const word = new RegExp(`(?<![\\w.])${name.replace(/\W/g, "\\$&")}(?![\\w.])`);
  for (const [index, line] of lines.entries()) {
    const head = /^--+\s*@(\w+)\s*/.exec(line);
    if (head?.[1] !== keyword) continue;
    const at = line.slice(head[0].length).search(word);
    if (at < 0) continue;
    const column = [...line.slice(0, head[0].length + at)].length + 1;
    return { offset: 0, line: index + 1, column };
  }
  return { offset: 0, line: 1, column: 1 };
}

/** Where the value of a header line begins: the test after `@test`. */
export function headerValue(text: string, line: number): Position {
  const content = text.split("\n")[line - 1] ?? "";
  const before = /^--+\s*@\w+\s*/.exec(content)?.[0] ?? "";
  return { offset: 0, line, column: [...before].length + 1 };
}
