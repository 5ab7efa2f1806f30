import { scan } from "libpg-query";

/** A word or sign of SQL; places count bytes of the text, comments are left out. */
export type Token = { readonly text: string; readonly start: number; readonly end: number };

/** Bytes `from` up to `to` of a text. */
export type Slice = { readonly from: number; readonly to: number };

/** The words of a text as PostgreSQL's scanner sees them; keywords in lower case. */
export async function tokensOf(text: string): Promise<readonly Token[]> {
  const { tokens } = await scan(text);
  return tokens
    .filter(({ tokenName }) => !tokenName.endsWith("_COMMENT"))
    .map(({ text: word, start, end, keywordKind }) => ({
      text: keywordKind > 0 ? word.toLowerCase() : word,
      start,
      end,
    }));
}

/** The clauses of one SELECT, as far as it has them. */
export type Clauses = {
  /** Where the word `select` stands. */
  readonly start: number;
  readonly from?: Slice;
  readonly where?: Slice;
  readonly group?: Slice;
  readonly having?: Slice;
};

const clauseWords = new Set([
  ...["from", "where", "group", "having", "window", "order", "limit", "offset", "fetch", "for"],
  ...["union", "intersect", "except"],
]);

/**
 * Finds where the clauses of a SELECT stand in the text.
 * @param inside byte offset of something in its list of columns
 */
export function clausesAround(tokens: readonly Token[], inside: number): Clauses | undefined {
  const select = selectBefore(tokens, inside);
  if (select === undefined) return undefined;
  const found: Record<string, Slice> = {};
  let open: { readonly name: string; readonly from: number } | undefined;
  let depth = 0;
  let last = tokens[select];
  const close = (to: number) => {
    if (open !== undefined) found[open.name] = { from: open.from, to };
    open = undefined;
  };
  for (let i = select + 1; i < tokens.length; i++) {
    const token = tokens[i];
    if (token === undefined) break;
    if (token.text === "(") depth++;
    if (token.text === ")") depth--;
    if (depth < 0 || (depth === 0 && token.text === ";")) break;
    if (depth === 0 && clauseWords.has(token.text) && !isPartOfOther(tokens, i)) {
      close(last?.end ?? token.start);
      open = { name: token.text, from: token.end };
    }
    last = token;
  }
  close(last?.end ?? 0);
  return { start: tokens[select]?.start ?? 0, ...found };
}

function selectBefore(tokens: readonly Token[], inside: number): number | undefined {
  let depth = 0;
  for (let i = tokens.findLastIndex(({ start }) => start <= inside); i >= 0; i--) {
    const word = tokens[i]?.text;
    if (word === ")") depth++;
    if (word === "(") depth--;
    if (depth <= 0 && word === "select") return i;
  }
  return undefined;
}

/** `is distinct from`, `within group`, `x.from`, `as order`. */
function isPartOfOther(tokens: readonly Token[], i: number): boolean {
  const before = tokens[i - 1]?.text;
  return before === "distinct" || before === "within" || before === "." || before === "as";
}

/** The operand that ends right before a token: `f(x)`, `(a + b)`, `r.valor`, `'x'`. */
export function operandBefore(tokens: readonly Token[], i: number): Slice {
  let at = i - 1;
  const to = tokens[at]?.end ?? 0;
  for (;;) {
    const word = tokens[at]?.text;
    if (word === ")" || word === "]") at = opening(tokens, at);
    const before = tokens[at - 1]?.text ?? "";
    if (before === ".") at -= 2;
    else if (/^[)\]]$/.test(tokens[at]?.text ?? "")) continue;
    else if (/^[([]$/.test(tokens[at]?.text ?? "") && isName(before)) at -= 1;
    else break;
  }
  return { from: tokens[at]?.start ?? 0, to };
}

/** The operand that begins right after a token, with its casts: `nullif(x, 0)::numeric`. */
export function operandAfter(tokens: readonly Token[], i: number): Slice {
  let at = i + 1;
  const from = tokens[at]?.start ?? 0;
  while (/^[-+]$/.test(tokens[at]?.text ?? "")) at++;
  if (tokens[at]?.text === "case") at = closingEnd(tokens, at);
  else if (tokens[at]?.text === "(") at = closing(tokens, at);
  for (;;) {
    const next = tokens[at + 1]?.text ?? "";
    if (next === "." || next === "::") at += 2;
    else if (next === "(" || next === "[") at = closing(tokens, at + 1);
    else if (next === "filter" || next === "over") at = closing(tokens, at + 2);
    else break;
  }
  return { from, to: tokens[at]?.end ?? 0 };
}

/** The place of the bracket that closes the one at `i`. */
export function closing(tokens: readonly Token[], i: number): number {
  let depth = 0;
  for (let at = i; at < tokens.length; at++) {
    const word = tokens[at]?.text ?? "";
    if (/^[([]$/.test(word)) depth++;
    if (/^[)\]]$/.test(word) && --depth === 0) return at;
  }
  return tokens.length - 1;
}

function opening(tokens: readonly Token[], i: number): number {
  let depth = 0;
  for (let at = i; at >= 0; at--) {
    const word = tokens[at]?.text ?? "";
    if (/^[)\]]$/.test(word)) depth++;
    if (/^[([]$/.test(word) && --depth === 0) return at;
  }
  return 0;
}

function closingEnd(tokens: readonly Token[], i: number): number {
  let depth = 0;
  for (let at = i; at < tokens.length; at++) {
    if (tokens[at]?.text === "case") depth++;
    if (tokens[at]?.text === "end" && --depth === 0) return at;
  }
  return tokens.length - 1;
}

function isName(word: string): boolean {
  return (
    /^["\p{L}_]/u.test(word) && !/^(and|or|not|then|else|when|in|as|select|on|where|by)$/.test(word)
  );
}
