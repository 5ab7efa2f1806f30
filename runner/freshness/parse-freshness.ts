import { didYouMean } from "../models/near-name.ts";

/** How old what was read of an object may be. */
export type Freshness = {
  readonly warnSeconds: number | null;
  readonly errorSeconds: number | null;
  /** At the error age what the object feeds stays as it was published. */
  readonly blocks: boolean;
  /** The line of the header, from 1. */
  readonly line: number;
};

/** Something in a `@fresh` that cannot be read; `offset` counts from the start of its value. */
export type FreshnessProblem = {
  readonly offset: number;
  readonly message: string;
  readonly hint?: string | undefined;
};

const words = ["warn", "error", "block"];
const secondsOf = { m: 60, h: 3_600, d: 86_400 } as const;

/**
 * Reads what follows `@fresh`: `warn 12h, error 3d, block`. Ages are whole minutes, hours or days.
 * @returns what is declared, or the first thing that cannot be read
 */
export function parseFreshness(value: string, line: number): Freshness | FreshnessProblem {
  const ages = new Map<string, { readonly seconds: number; readonly offset: number }>();
  let blockAt: number | undefined;
  for (const { text, offset } of partsOf(value)) {
    const [, word = "", gap = "", age = ""] = /^(\S*)(\s*)(.*)$/.exec(text) ?? [];
    if (!words.includes(word)) {
      return {
        offset,
        message: `@fresh knows warn <age>, error <age> and block, not "${text}"`,
        hint: didYouMean(word, words),
      };
    }
    if (ages.has(word) || (word === "block" && blockAt !== undefined)) {
      return { offset, message: `${word} stands here a second time` };
    }
    if (word === "block") {
      if (age !== "") return { offset, message: `block takes no age: at the error age it blocks` };
      blockAt = offset;
      continue;
    }
    const seconds = readAge(age);
    if (seconds === undefined) {
      return {
        offset: age === "" ? offset : offset + word.length + gap.length,
        message: `${word} needs an age, as in ${word} 12h, found "${age}"`,
        hint: "a whole number and m, h or d: minutes, hours or days",
      };
    }
    ages.set(word, { seconds, offset });
  }
  const [warn, error] = [ages.get("warn"), ages.get("error")];
  if (warn === undefined && error === undefined) {
    return { offset: 0, message: "@fresh names ages, as in @fresh warn 12h, error 3d" };
  }
  if (warn !== undefined && error !== undefined && warn.seconds >= error.seconds) {
    return { offset: error.offset, message: "the error age must be above the warn age" };
  }
  if (blockAt !== undefined && error === undefined) {
    return { offset: blockAt, message: "block needs an error age, as in error 3d, block" };
  }
  return {
    warnSeconds: warn?.seconds ?? null,
    errorSeconds: error?.seconds ?? null,
    blocks: blockAt !== undefined,
    line,
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

function readAge(age: string): number | undefined {
  const [, count = "", unit = ""] = /^([1-9]\d{0,5})\s*([mhd])$/.exec(age) ?? [];
  if (unit !== "m" && unit !== "h" && unit !== "d") return undefined;
  return Number(count) * secondsOf[unit];
}
