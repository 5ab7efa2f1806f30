import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  afterPage,
  isProven,
  newPass,
  nextPage,
  type Pass,
  resumedPass,
} from "../../extract/pass.ts";

/** A record of a simulated source; `at` is what the source orders by. */
type Row = { readonly id: number; readonly at: number; readonly version: number };

/** What happens to the source between two answers. */
type Change =
  | { readonly kind: "edit" | "edit-hidden" | "set-back" | "remove"; readonly pick: number }
  | { readonly kind: "append" }
  | { readonly kind: "insert"; readonly at: number };

const SCAN_START = 1_000;
const pick = fc.nat(10_000);
const growth: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constantFrom("edit", "edit-hidden", "set-back"), pick }),
  fc.record({ kind: fc.constant("append" as const) }),
  fc.record({ kind: fc.constant("insert" as const), at: fc.nat(SCAN_START) }),
);
const loss: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constantFrom("edit", "edit-hidden", "set-back", "remove"), pick }),
);
const quiet = fc.constant<Change[]>([]);
/** Between two answers records may come or go, but not both: see the limit that `Pass` names. */
const gap = fc.oneof(
  { weight: 6, arbitrary: quiet },
  { weight: 2, arbitrary: fc.array(growth, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.array(loss, { maxLength: 3 }) },
);

function changed(rows: readonly Row[], change: Change, clock: number): readonly Row[] {
  const nextId = rows.reduce((most, { id }) => Math.max(most, id), 0) + 1;
  if (change.kind === "append") return [...rows, { id: nextId, at: clock, version: 1 }];
  if (change.kind === "insert") return [...rows, { id: nextId, at: change.at, version: 1 }];
  const index = change.pick % Math.max(1, rows.length);
  const row = rows[index];
  if (row === undefined) return rows;
  if (change.kind === "remove") return rows.filter((other) => other !== row);
  const at =
    change.kind === "edit" ? clock : change.kind === "set-back" ? Math.floor(row.at / 2) : row.at;
  return rows.with(index, { ...row, at, version: row.version + 1 });
}

function ordered(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted((a, b) => a.at - b.at || ((a.id * 7919) % 31) - ((b.id * 7919) % 31));
}

/** Reads a changing source as a scan does; `restartAfter` pages are forgotten like a crash would. */
function simulate(options: {
  readonly rows: readonly Row[];
  readonly gaps: readonly (readonly Change[])[];
  readonly sizes: readonly number[];
  readonly crashAfter: number;
}) {
  let rows = options.rows;
  let pass: Pass = newPass;
  const landed = new Map<number, Row>();
  const pages: { ordinal: number; page: number; size: number; total: number }[] = [];
  for (let step = 0; step < 500; step++) {
    if (step === options.crashAfter) pass = resumedPass(pages).pass;
    const size = options.sizes[step % options.sizes.length] ?? 3;
    const wanted = nextPage(pass, size);
    if (wanted === undefined) break;
    for (const change of options.gaps[step] ?? []) {
      rows = changed(rows, change, SCAN_START + step);
    }
    const start = (wanted.page - 1) * size;
    const answer = ordered(rows).slice(start, start + size);
    const broughtNew = answer.some((row) => landed.get(row.id)?.version !== row.version);
    for (const row of answer) landed.set(row.id, row);
    const seen = { ...wanted, total: rows.length, broughtNew };
    pages.push({ ordinal: pages.length, ...wanted, total: rows.length });
    pass = afterPage(pass, seen);
  }
  return { pass, landed, rows };
}

const scans = fc.record({
  count: fc.integer({ min: 0, max: 24 }),
  gaps: fc.array(gap, { maxLength: 40 }),
  sizes: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 3 }),
  crashAfter: fc.integer({ min: 0, max: 20 }),
});

function source(count: number): readonly Row[] {
  return Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    at: Math.floor(i / 3),
    version: 1,
  }));
}

describe("a pass", () => {
  test("that is proven read every record the source has, whatever moved meanwhile", () => {
    let proven = 0;
    fc.assert(
      fc.property(scans, ({ count, gaps, sizes, crashAfter }) => {
        const { pass, landed, rows } = simulate({ rows: source(count), gaps, sizes, crashAfter });
        if (!isProven(pass, landed.size)) return;
        proven++;
        expect([...landed.keys()].sort()).toEqual(rows.map(({ id }) => id).sort());
      }),
      { numRuns: 20_000 },
    );
    expect(proven).toBeGreaterThan(2_000);
  });

  test("that is proven brought each record's newest version, or one the next scan asks for", () => {
    fc.assert(
      fc.property(scans, ({ count, gaps, sizes, crashAfter }) => {
        const shown = gaps.map((changes) =>
          changes.filter(({ kind }) => kind !== "set-back" && kind !== "edit-hidden"),
        );
        const { pass, landed, rows } = simulate({
          rows: source(count),
          gaps: shown,
          sizes,
          crashAfter,
        });
        if (!isProven(pass, landed.size)) return;
        for (const row of rows) {
          const late = row.at >= SCAN_START;
          if (landed.get(row.id)?.version !== row.version) expect(late).toBe(true);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test("over a source at rest is proven at every count and page size, also after a crash", () => {
    fc.assert(
      fc.property(scans, ({ count, sizes, crashAfter }) => {
        const { pass, landed } = simulate({ rows: source(count), gaps: [], sizes, crashAfter });
        expect(isProven(pass, landed.size)).toBe(true);
      }),
    );
  });

  test("asks one page of an object that a page holds", () => {
    const first = nextPage(newPass, 500);
    expect(first).toEqual({ page: 1, size: 500 });
    const over = afterPage(newPass, { page: 1, size: 500, total: 500, broughtNew: true });
    expect(nextPage(over, 500)).toBeUndefined();
    expect(isProven(over, 500)).toBe(true);
  });

  test("goes from the last page to the first, then looks at the end again", () => {
    const asked: number[] = [];
    let pass = newPass;
    for (let wanted = nextPage(pass, 10); wanted !== undefined; wanted = nextPage(pass, 10)) {
      asked.push(wanted.page);
      pass = afterPage(pass, { ...wanted, total: 35, broughtNew: false });
    }
    expect(asked).toEqual([1, 4, 3, 2, 1, 4]);
  });

  test("remembers what the answers of its tail counted", () => {
    const read = [
      { ordinal: 0, page: 1, size: 2, total: 3 },
      { ordinal: 1, page: 2, size: 2, total: 3 },
      { ordinal: 2, page: 1, size: 2, total: 3 },
    ];
    const cameInTheTail = { ordinal: 3, page: 2, size: 2, total: 4 };
    const { pass, pages } = resumedPass([...read, cameInTheTail]);
    expect([pass.step, pass.tailEnd, pages]).toEqual(["tail", 0, 4]);
    // Another one goes before the end is looked at again: three of three, but not the same three.
    const over = afterPage(pass, { page: 2, size: 2, total: 3, broughtNew: false });
    expect(isProven(over, 3)).toBe(false);
  });

  test("goes on at its row with another page size", () => {
    const { pass, pages } = resumedPass([
      { ordinal: 0, page: 1, size: 10, total: 35 },
      { ordinal: 1, page: 4, size: 10, total: 35 },
      { ordinal: 3, page: 2, size: 10, total: 35 },
    ]);
    expect(pages).toBe(2);
    expect(pass.unread).toBe(30);
    expect(nextPage(pass, 7)).toEqual({ page: 5, size: 7 });
  });
});
