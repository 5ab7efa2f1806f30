import { type Html, html, trusted } from "../dashboard/html.ts";

const words =
  "all and any as asc between by case cast coalesce count cross desc distinct else end except exists extract false filter for from full group having in inner interval intersect is join lateral left like limit not null nullif on or order outer over partition recursive right select some sum then true union using values when where window with";
const keywords = new Set(words.split(" "));
const piece = /(--[^\n]*)|('(?:[^']|'')*')|([A-Za-z_][A-Za-z0-9_]*)|(\d+(?:\.\d+)?)/g;

/** SQL with its comments, texts and keywords in colour, line by line. */
export function sqlMarkup(text: string): Html {
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => html`<span class="linha">${colour(line)}</span>`);
  return html`<pre class="sql" tabindex="0"><code>${lines.flatMap((line) => [line, trusted("\n")])}</code></pre>`;
}

function colour(line: string): readonly Html[] {
  const parts: Html[] = [];
  let at = 0;
  for (const match of line.matchAll(piece)) {
    const [found, comment, quoted, word, number] = match;
    if (match.index > at) parts.push(html`${line.slice(at, match.index)}`);
    if (comment !== undefined) parts.push(html`<i class="c">${found}</i>`);
    else if (quoted !== undefined) parts.push(html`<i class="t">${found}</i>`);
    else if (number !== undefined) parts.push(html`<i class="n">${found}</i>`);
    else if (keywords.has(word?.toLowerCase() ?? "")) parts.push(html`<i class="p">${found}</i>`);
    else parts.push(html`${found}`);
    at = match.index + found.length;
  }
  if (at < line.length) parts.push(html`${line.slice(at)}`);
  return parts;
}
