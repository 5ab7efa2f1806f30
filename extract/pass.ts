/**
 * One pass over the rows of an object: which page to ask for next, and what the answers prove.
 *
 * The source counts pages over rows in ascending order of change. A row that is edited moves to the
 * end and those after it slide one place back; a row that is inserted before others pushes them one
 * place up. So a pass asks for page 1 to learn the total, then reads from the last row to the
 * first: a slide back then only repeats rows, and page 1 is read last of all. What was appended or
 * moved meanwhile stands at the end, so the tail is read until it shows nothing new.
 *
 * A pass is proven when no answer counted fewer records than the one before and the distinct keys
 * equal the last count: then no record that was read has gone, so as many as there are, all of
 * them, were read. (A record that goes and another that comes between the same two answers cancel
 * out in every count. A second full scan within a day of the first finds what that could hide.)
 */
export type Pass = {
  readonly step: "first" | "down" | "tail" | "over";
  /** Rows from the first on that are not read yet, in the source's order. */
  readonly unread: number;
  /** What the last answer counted. */
  readonly total: number;
  /** Some answer counted fewer records than the one before. */
  readonly shrank: boolean;
  /** In the tail: the row below which the next page ends; 0 asks for the end as it is now. */
  readonly tailEnd: number;
  /** How often the tail was read again from the end. */
  readonly tailRounds: number;
};

/** Rows from `(page - 1) * size` on, at most `size`. */
export type PageRange = { readonly page: number; readonly size: number };

/** What a pass learns from an answer. */
export type PageSeen = PageRange & {
  readonly total: number;
  /** In the tail: whether a key or a version came that was not read or landed before. */
  readonly broughtNew: boolean;
};

/** The tail moves on while it is read; after so many rounds the counts decide. */
const MAX_TAIL_ROUNDS = 10;

/** A pass that has asked for nothing yet. */
export const newPass: Pass = {
  step: "first",
  unread: 0,
  total: 0,
  shrank: false,
  tailEnd: 0,
  tailRounds: 0,
};

/** The page to ask for next at a page size; undefined when the pass is over. */
export function nextPage(pass: Pass, size: number): PageRange | undefined {
  switch (pass.step) {
    case "first":
      return { page: 1, size };
    case "down":
      return { page: Math.ceil(pass.unread / size), size };
    case "tail": {
      const end = pass.tailEnd === 0 ? pass.total : pass.tailEnd;
      return { page: Math.max(1, Math.ceil(end / size)), size };
    }
    case "over":
      return undefined;
  }
}

/** The pass after the answer to the page it asked for. */
export function afterPage(pass: Pass, seen: PageSeen): Pass {
  const shrank = pass.shrank || (pass.step !== "first" && seen.total < pass.total);
  const now = { ...pass, shrank, total: seen.total };
  switch (pass.step) {
    case "first":
      if (seen.total <= seen.size) return { ...now, step: "over" };
      return { ...now, step: "down", unread: seen.total };
    case "down": {
      const unread = (seen.page - 1) * seen.size;
      return unread === 0 ? { ...now, step: "tail", unread } : { ...now, unread };
    }
    case "tail":
      return afterTailPage(now, seen);
    case "over":
      return pass;
  }
}

/**
 * Whatever moved to the end stands there in one stretch, so a page without anything new ends it.
 * When more than one page was read meanwhile, the end is looked at once more.
 */
function afterTailPage(pass: Pass, { page, size, broughtNew }: PageSeen): Pass {
  const start = (page - 1) * size;
  if (broughtNew && start > 0) return { ...pass, tailEnd: start };
  const stillAtEnd = pass.tailEnd === 0 && !broughtNew;
  if (stillAtEnd || pass.tailRounds === MAX_TAIL_ROUNDS) return { ...pass, step: "over" };
  return { ...pass, tailEnd: 0, tailRounds: pass.tailRounds + 1 };
}

/** Whether a pass that is over read every record there is. */
export function isProven(pass: Pass, distinctKeys: number): boolean {
  return pass.step === "over" && !pass.shrank && distinctKeys === pass.total;
}

/**
 * The pass that its landed pages leave, in the order of their answers. Pages that were landed out
 * of order before a crash do not count: `pages` counts those that do. The tail begins anew, but what
 * its answers counted is not forgotten: it may tell of a record that came before another one went.
 */
export function resumedPass(
  pages: readonly {
    readonly ordinal: number;
    readonly page: number;
    readonly size: number;
    readonly total: number;
  }[],
): { readonly pass: Pass; readonly pages: number } {
  let pass = newPass;
  let count = 0;
  for (const { ordinal, page, size, total } of pages) {
    if (ordinal !== count || pass.step === "over") break;
    pass =
      pass.step === "tail"
        ? { ...pass, total, shrank: pass.shrank || total < pass.total }
        : afterPage(pass, { page, size, total, broughtNew: false });
    count++;
  }
  return { pass, pages: count };
}
