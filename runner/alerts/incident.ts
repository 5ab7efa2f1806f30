import type { CvdwFault } from "../../extract/errors.ts";
import type { FieldDrift } from "../../extract/record-fields.ts";

/** What each kind of incident keeps of itself. Never a value of a record, a name or a secret. */
export type IncidentDetails = {
  /** A run ended without publishing, for another reason than a test. */
  readonly "run-failed": {
    readonly exitCode: number;
    readonly runId: string | null;
    /** Places in the files of models, when those are wrong: `models/marts/vendas.sql:12`. */
    readonly places: readonly string[];
  };
  /** A test of severity error found rows: nothing was published. */
  readonly "tests-failing": {
    readonly model: string;
    readonly test: string;
    readonly failures: number;
    readonly place: string | null;
  };
  /** Nothing new was published, or nothing was read to its end, for too long. */
  readonly "stale-data": {
    /** Since when, ISO 8601. */
    readonly since: string;
    readonly lacks: "publication" | "extraction";
  };
  /** The subject, an object, was not read whole. */
  readonly "object-failed": { readonly fault: CvdwFault | "unproven" };
  /** So many records of the subject vanished at once that none was removed. */
  readonly "mass-removal": Readonly<Record<string, never>>;
  /** Records of the subject that did not land. */
  readonly quarantine: { readonly records: number };
  /** Fields of the subject that changed. */
  readonly drift: {
    readonly lastDriftId: string;
    readonly fields: readonly (Pick<FieldDrift, "change"> & { readonly field: string })[];
  };
  /** A KPI moved further than its guardrail allows; numbers as texts, `12.50`. */
  readonly "kpi-moved": {
    readonly kpi: string;
    readonly before: string | null;
    readonly after: string | null;
    readonly thresholdPercent: string;
    readonly published: boolean;
  };
  readonly "database-lost": Readonly<Record<string, never>>;
  /** The daily summary, told like an incident: once to everybody. The subject is its day. */
  readonly digest: Readonly<Record<string, never>>;
};

export type IncidentKind = keyof IncidentDetails;

/** Something that is wrong. The same conta, kind and subject are one incident until it ends. */
export type Trouble = {
  [Kind in IncidentKind]: {
    readonly kind: Kind;
    /** Null: of the whole database. */
    readonly conta: string | null;
    /** Which object, test or view; empty where there is one only. */
    readonly subject: string;
    readonly details: IncidentDetails[Kind];
  };
}[IncidentKind];

/** A trouble from its beginning on. */
export type Incident = Trouble & {
  readonly id: string;
  readonly openedAt: Date;
  /** Null while it lasts. */
  readonly closedAt: Date | null;
};

/** Told once, without an end. */
const notices: ReadonlySet<IncidentKind> = new Set(["drift", "digest"]);

/** Whether a kind is told once and does not last. */
export function isNotice(kind: IncidentKind): boolean {
  return notices.has(kind);
}

/** Faults of a source that do not heal by themselves; the others come and go. */
const forSomebody: ReadonlySet<IncidentDetails["object-failed"]["fault"]> = new Set([
  "unauthorized",
  "forbidden",
  "unknown-path",
]);

/** Lines move while a file is edited; files say what is wrong. */
function causeOf({ exitCode, places }: IncidentDetails["run-failed"]): string {
  const files = places.map((place) => place.replace(/:\d+$/, ""));
  return [exitCode, ...new Set(files)].join(" ");
}

const MUCH_WORSE = 2;
const MORE_RECORDS = 10;

/**
 * Whether a trouble is another one than that which was told, or has grown so far since, that it must be
 * told again: a run that fails for another reason, in other files, needs something else to be done.
 */
export function isToldAgain(now: Trouble, before: Trouble): boolean {
  if (now.kind === "run-failed" && before.kind === "run-failed") {
    return causeOf(now.details) !== causeOf(before.details);
  }
  if (now.kind === "object-failed" && before.kind === "object-failed") {
    const isNews = now.details.fault !== before.details.fault;
    return isNews && forSomebody.has(now.details.fault);
  }
  if (now.kind !== "quarantine" || before.kind !== "quarantine") return false;
  const [more, less] = [now.details.records, before.details.records];
  return more >= MUCH_WORSE * less && more - less >= MORE_RECORDS;
}
