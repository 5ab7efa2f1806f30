import { isCertain } from "./close-receipt.ts";
import type { FoundPerson } from "./forget.ts";
import type { ForgottenAgain } from "./forget-again.ts";
import { formatBackups, formatTraces, type Receipt } from "./receipt.ts";
import { REGISTER } from "./register.ts";

/** What is said where nothing is found. */
export const NOWHERE = "Nothing that is landed is about this person, so nothing was changed.";

/** Whether nothing that is landed is about the person. */
export function isNowhere({ traces }: FoundPerson): boolean {
  return traces.every(({ objects, quarantine }) => objects.length === 0 && quarantine === 0);
}

/** What would be erased, without anything being changed. */
export function formatDryRun(found: FoundPerson, notes: readonly string[]): string {
  if (isNowhere(found)) return [NOWHERE, ...notes].join("\n");
  return [
    "What is landed about this person:",
    formatTraces(found.traces),
    ...notes,
    "",
    "Nothing was changed. To erase it, the same with --apply.",
  ].join("\n");
}

/** Landing holds nothing of these people, staging and marts may. */
export function formatUnfinished(receipts: readonly Receipt[]): readonly string[] {
  if (receipts.length === 0) return [];
  const ids = receipts.map(({ id }) => id).join(", ");
  return [
    "",
    `Receipt ${ids} is not finished: staging, marts or an environment may hold that person still. Correct what it said then; elt forget --apply for the same person finishes it.`,
  ];
}

/** What was erased, and what is left. */
export function formatReceipt(receipt: Receipt): string {
  const { id, accounts, backups, tombstones, publication } = receipt;
  return [
    `Forgotten. Receipt ${id}; published as ${publication}; ${tombstones} marks keep it so.`,
    formatTraces(accounts),
    ...formatLeft(receipt),
    ...formatBackups(backups),
  ].join("\n");
}

/** Where the person still stands for certain, and where perhaps a namesake does. */
export function formatLeft({ left }: Receipt): readonly string[] {
  const identified = left.filter(isCertain);
  const named = left.filter((trace) => !isCertain(trace));
  return [
    ...(identified.length > 0
      ? [
          "",
          "The person still stands in tables that this build did not fill. Clean or drop them (environments: elt build --env, or elt env drop):",
          ...identified.map(
            ({ table, identified: certain, named }) => `  ${table}: ${certain + named} rows`,
          ),
        ]
      : []),
    ...(named.length > 0
      ? [
          "",
          "The same name or telephone stands in records of others, perhaps namesakes. They were left as they are:",
          ...named.map((trace) => `  ${trace.table}: ${trace.named} rows`),
        ]
      : []),
  ];
}

/** Backups that hold the list of who was forgotten by now. */
export function formatReached(folders: readonly string[]): readonly string[] {
  if (folders.length === 0) return [];
  return [
    [
      `The list of who was forgotten (${REGISTER}) is now in these backups: elt restore forgets them again by itself. For copies elsewhere: npm run elt -- forget --export <file>`,
      ...folders.map((folder) => `  ${folder}`),
    ].join("\n"),
  ];
}

/** People of a list whom this database did not know as forgotten. */
export function formatAgain(
  { receipts, accounts }: ForgottenAgain,
  how: "count" | "erase",
): string {
  if (receipts.length === 0) return "Everybody of this list is forgotten here already.";
  const ids = receipts
    .map(({ id, formerId }) => (formerId === undefined ? id : `${formerId} (here ${id})`))
    .join(", ");
  return [
    how === "erase"
      ? `Forgotten again: receipt ${ids}.`
      : `Not known as forgotten here: receipt ${ids}. What is landed about them:`,
    formatTraces(accounts),
    ...(how === "erase" ? [] : ["", "Nothing was changed. To erase it, the same with --apply."]),
  ].join("\n");
}
