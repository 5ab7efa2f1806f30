import { didYouMean } from "../models/near-name.ts";

/** How far a number over the rows of a mart may move in one publication. */
export type Guard = {
  /** What people call the number, `valor_total`. */
  readonly kpi: string;
  /** Of its value before, in percent; decimals as they were written. */
  readonly sharePercent: string;
  /** Of the account's rows before: so many may change at once, also when the source explains it. */
  readonly rowsPercent: string;
  /** Accounts with fewer rows are not guarded: there each sale is a large share. */
  readonly fromRows: number;
  /** An SQL aggregate over the model's columns. */
  readonly expression: string;
  /** The line of the header, from 1. */
  readonly line: number;
};

/** Something in a `@guard` that cannot be read; `offset` counts from the start of its value. */
export type GuardProblem = {
  readonly offset: number;
  readonly message: string;
  readonly hint?: string | undefined;
};

const ROWS_PERCENT = "25";
const FROM_ROWS = 20;
const USAGE = "@guard valor_total 10%, rows 25%, from 20 rows = sum(valor)";
const words = ["rows", "from"];

/**
 * Reads what follows `@guard`: `valor_total 10%, rows 25%, from 20 rows = sum(valor)`. Rows and from
 * may be left out.
 * @returns what is declared, or the first thing that cannot be read
 */
export function parseGuard(value: string, line: number): Guard | GuardProblem {
  const equals = value.indexOf("=");
  const [limits = "", expression = ""] =
    equals < 0 ? [value] : [value.slice(0, equals), value.slice(equals + 1).trim()];
  const [first = { text: "", offset: 0 }, ...rest] = partsOf(limits);
  const [, kpi = "", gap = "", share = ""] = /^(\S*)(\s*)(.*)$/.exec(first.text) ?? [];
  if (!/^[a-z_]\w*$/i.test(kpi)) {
    return {
      offset: 0,
      message: `@guard begins with the name of a number, found "${kpi}"`,
      hint: `write ${USAGE}`,
    };
  }
  const sharePercent = percentOf(share);
  if (sharePercent === undefined) {
    const offset = share === "" ? first.offset : first.offset + kpi.length + gap.length;
    return { offset, ...noPercent(kpi, share) };
  }
  let rowsPercent: string | undefined;
  let fromRows: number | undefined;
  for (const { text, offset } of rest) {
    const [, word = "", wordGap = "", limit = ""] = /^(\S*)(\s*)(.*)$/.exec(text) ?? [];
    const limitAt = offset + (limit === "" ? 0 : word.length + wordGap.length);
    const twice = { offset, message: `${word} stands here a second time` };
    if (word === "rows") {
      if (rowsPercent !== undefined) return twice;
      rowsPercent = percentOf(limit);
      if (rowsPercent === undefined) return { offset: limitAt, ...noPercent(word, limit) };
    } else if (word === "from") {
      if (fromRows !== undefined) return twice;
      const count = /^(\d{1,9})\s+rows?$/.exec(limit)?.[1];
      if (count === undefined) {
        return {
          offset: limitAt,
          message: `from needs a number, as in from 20 rows, found "${limit}"`,
        };
      }
      fromRows = Number(count);
    } else {
      return {
        offset,
        message: `@guard knows rows <share>% and from <n> rows, not "${text}"`,
        hint: didYouMean(word, words),
      };
    }
  }
  if (expression === "") {
    return {
      offset: equals < 0 ? 0 : equals,
      message: `@guard ${kpi} ends with what it counts, after =`,
      hint: `write ${USAGE}`,
    };
  }
  return {
    kpi,
    sharePercent,
    rowsPercent: rowsPercent ?? ROWS_PERCENT,
    fromRows: fromRows ?? FROM_ROWS,
    expression,
    line,
  };
}

function percentOf(text: string): string | undefined {
  const [, percent] = /^(\d{1,6}(?:\.\d{1,4})?)\s*%$/.exec(text) ?? [];
  return percent !== undefined && Number(percent) > 0 ? percent : undefined;
}

function noPercent(word: string, found: string): Pick<GuardProblem, "message" | "hint"> {
  return {
    message: `${word} needs a share above zero, as in ${word} 10%, found "${found}"`,
    hint: found.includes(",") ? "decimals are written with a point: 12.5%" : undefined,
  };
}

function partsOf(value: string): readonly { readonly text: string; readonly offset: number }[] {
  let at = 0;
  return value.split(",").map((part) => {
    const offset = at + (part.length - part.trimStart().length);
    at += part.length + 1;
    return { text: part.trim(), offset };
  });
}
