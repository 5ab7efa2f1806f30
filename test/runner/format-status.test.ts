import { describe, expect, test } from "vitest";
import { catalogue } from "../../extract/catalogue.ts";
import { formatStatus, type Status } from "../../runner/format-status.ts";
import type { ObjectStatus } from "../../runner/object-status.ts";

function objectStatus(object: string, details: Partial<ObjectStatus> = {}): ObjectStatus {
  return {
    ...{ conta: "acme", object, live: 1_000, removed: 0, watched: 0 },
    ...{ quarantined: 0, repaired: 0, verdict: "proven", mode: "incremental", read: 3, new: 1 },
    ...{ error: null, last_read: "2026-03-01 12:00", last_proven: "2026-03-01 12:00" },
    ...{ next_from: "2026-03-01 10:59", page_size: null, open_scans: [] },
    ...details,
  };
}

function text(objects: readonly ObjectStatus[], details: Partial<Status> = {}): string {
  return formatStatus({
    publication: null,
    incidents: 0,
    runs: [],
    objects,
    freshness: [],
    drift: [],
    held: [],
    ...details,
  });
}

describe("elt status", () => {
  test("shows a quiet account as a table and nothing else", () => {
    const objects = [
      objectStatus("reservas", { live: 12_345, removed: 12, watched: 3 }),
      objectStatus("unidades", { next_from: null }),
    ];
    expect(text(objects, { publication: { id: "7", at: "2026-03-01 12:01" } })).toBe(
      `Published: 2026-03-01 12:01 Brasília (publication 7)

Last runs
  none

Objects of acme
  object      live  gone  watch  last read         verdict  next from
  reservas  12,345    12      3  2026-03-01 12:00  proven   2026-03-01 10:59
  unidades   1,000               2026-03-01 12:00  proven`,
    );
  });

  test("says below the publication how much is wrong", () => {
    const lines = (incidents: number) => text([], { incidents }).split("\n").slice(1, 2);
    expect([0, 1, 3].map(lines)).toEqual([
      [""],
      ["Wrong now: 1 incident (elt alert)"],
      ["Wrong now: 3 incidents (elt alert)"],
    ]);
  });

  test("counts the fields that changed in the last run below their account", () => {
    const objects = [objectStatus("a"), objectStatus("b", { conta: "outra" })];
    const lines = text(objects, {
      drift: [
        { conta: "outra", change: "new", fields: 2 },
        { conta: "outra", change: "vanished", fields: 1 },
      ],
    }).split("\n");
    expect(lines.filter((line) => line.includes("Fields"))).toEqual([lines.at(-1)]);
    expect(lines.at(-1)).toBe(
      "  Fields that changed in the last run: 2 new, 1 vanished (elt drift)",
    );
  });

  test("tells what is held back, and how it is let through", () => {
    const lines = text([], {
      held: [
        {
          ...{ run: "12", since: "2026-03-01 12:00", model: "marts.vendas", kpi: "valor_total" },
          ...{ conta: "acme", before: "3425000.00", after: "1712500.00", delta: "-1712500.00" },
          ...{ percent: "-50.0", explained: "3500000.00", unexplained: "-1787500.00" },
          ...{ rowsBefore: 40, rowsTouched: 20, isBeyond: true, reason: "unexplained" },
          ...{ sharePercent: "10", rowsPercent: "25" },
        },
      ],
    }).split("\n");
    expect(lines.slice(1, 5)).toEqual([
      "",
      "Held back since run 12 (2026-03-01 12:00): nothing is published",
      "  valor_total of acme: 3,425,000.00 → 1,712,500.00 (−50.0 %), guard 10 %: what changed in the source makes 3,500,000.00, nothing explains the other −1,787,500.00",
      '  If it is right: npm run elt -- publish --accept 12 --why "…"',
    ]);
  });

  test("tells below an object what is unusual about it", () => {
    const scan = { since: null, until: null, pass: 1, total: 10_000, unread: 4_500 };
    const lines = text([
      objectStatus("a", {
        ...{ verdict: "stopped", error: "a: stopped by a limit.", last_proven: null },
        ...{ open_scans: [{ ...scan, mode: "full" }], page_size: 125 },
      }),
      objectStatus("b", {
        ...{
          verdict: "failed",
          error: "b, page 3: CVDW answered 401. No permission for b: give it.",
          last_read: null,
        },
        ...{ quarantined: 5, repaired: 2, last_proven: "2026-02-27 08:00" },
        open_scans: [
          { ...scan, mode: "incremental", pass: 2, unread: 0 },
          { ...scan, mode: "backfill", since: "2024-01-01", until: "2024-12-31", total: null },
        ],
      }),
      objectStatus("c", { mode: "backfill", verdict: "proven" }),
      objectStatus("d", { error: "d: nothing was removed, though 9 were missing." }),
    ]);
    expect(lines.split("\n").filter((line) => line.startsWith("      "))).toEqual([
      "      full reading under way: 4,500 of 10,000 records are left",
      "      125 records a page, since the source was too slow for more",
      "      b, page 3: CVDW answered 401. No permission for b: give it.",
      "      read whole last 2026-02-27 08:00",
      "      incremental reading under way: all 10,000 records are read, their end once more is left, pass 2",
      "      backfill reading since 2024-01-01 until 2024-12-31 under way: nothing is read yet",
      "      5 in quarantine, 2 of them landed repaired (elt quarantine)",
      "      read by backfills only",
      "      nothing was removed, though 9 were missing.",
    ]);
  });

  test("keeps accounts apart", () => {
    const lines = text([objectStatus("a"), objectStatus("a", { conta: "outra" })]);
    expect(lines.match(/Objects of (\w+)/g)).toEqual(["Objects of acme", "Objects of outra"]);
  });

  test("fits into 110 columns with every object, large counts, and long sentences", () => {
    const objects = catalogue.map(({ name }) =>
      objectStatus(name, {
        ...{ live: 1_234_567, removed: 12_345, watched: 12_345, verdict: "unproven" },
        ...{ error: "x".repeat(400), quarantined: 1_000_000, repaired: 1, last_proven: null },
      }),
    );
    const run = { run: 123_456, command: "extract", conta: "uma-conta-de-nome-bem-comprido" };
    const runs = [
      { ...run, started: "2026-03-01 12:00", seconds: 12_345.6, exit: 3, error: "y".repeat(400) },
      { ...run, started: "2026-03-01 12:00", seconds: null, exit: null, error: "killed" },
    ];
    const lines = text(objects, { runs }).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBe(110);
    expect(lines.filter((line) => line.startsWith("  assistencias_visitas_workflow"))).toEqual([
      "  assistencias_visitas_workflow_tempo  1,234,567  12,345  12,345  2026-03-01 12:00  unproven  2026-03-01 10:59",
    ]);
  });
});
