import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { ConfigError } from "../errors.ts";

/** The last file of a backup; a folder without it is none. */
export const MANIFEST = "manifest.json";
/** What stands in its place until then. */
export const UNFINISHED = "manifest.incomplete.json";
/** Of everything else in the manifest; backups of before have none. */
const CHECKSUM = "sha256";
/** Raised when a program of before could not read what this one writes. */
export const FORMAT = 1;

/** A table in a backup: rows in PostgreSQL's text COPY format, gzipped. */
export type BackedUpTable = {
  readonly schema: "landing" | "seeds" | "elt";
  readonly relation: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Its name in the folder. */
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
  /** Of the file, 64 hexadecimal digits. */
  readonly sha256: string;
};

export type Manifest = {
  readonly format: number;
  readonly backupId: string;
  /** ISO instant of the snapshot that all tables show. */
  readonly createdAt: string;
  readonly postgres: string;
  /** Names of the migrations that made the tables. */
  readonly migrations: readonly string[];
  readonly accounts: readonly string[];
  readonly tables: readonly BackedUpTable[];
  /** Sequences of schema `elt`: the last value given, as text. */
  readonly sequences: Readonly<Record<string, string>>;
};

/**
 * Reads what a folder says of the backup in it.
 * @throws ConfigError when it holds none, an unfinished one, or one that this program cannot read
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await readFile(path.join(folder, MANIFEST), "utf8").catch(() => undefined);
  if (text === undefined) throw new ConfigError([await whyNone(folder)]);
  const manifest = parsed(text);
  if (manifest === undefined) {
    throw new ConfigError([
      `${path.join(folder, MANIFEST)} is damaged: it is no list of a backup's tables, or not as it was written. Take another copy of this backup.`,
    ]);
  }
  if (manifest.format !== FORMAT) {
    throw new ConfigError([
      `The backup in ${folder} has format ${manifest.format}, and this program reads ${FORMAT}: update the program.`,
    ]);
  }
  return manifest;
}

/** A manifest as it is written, with a checksum of itself. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify({ ...manifest, [CHECKSUM]: checksumOf(manifest) }, null, 2)}\n`;
}

function checksumOf(value: object): string {
  return createHash("sha256")
    .update(JSON.stringify(value, null, 2))
    .digest("hex");
}

async function whyNone(folder: string): Promise<string> {
  const unfinished = await readFile(path.join(folder, UNFINISHED)).then(
    () => true,
    () => false,
  );
  return unfinished
    ? `The backup in ${folder} was not finished: the disk was full, or its process was killed. It cannot be restored; delete it.`
    : `There is no backup in ${folder}: a folder that elt backup wrote holds a file ${MANIFEST}.`;
}

const NAME = /^[a-z][a-z0-9_]{0,59}$/;
const FILE = /^[a-z0-9_.]+$/;
const TYPE = /^[a-z][a-z0-9 ,()[\]]*$/;

/** What is not exactly a manifest is none: its names go into SQL and paths. */
function parsed(text: string): Manifest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || typeof value.format !== "number") return undefined;
  const { [CHECKSUM]: checksum, ...rest } = value;
  const isOwn = value.format !== FORMAT || checksum === undefined || checksum === checksumOf(rest);
  if (!isOwn) return undefined;
  const { format, backupId, createdAt, postgres, migrations, accounts, tables, sequences } = value;
  const isOther = format !== FORMAT;
  if (typeof backupId !== "string" || typeof createdAt !== "string") return undefined;
  if (!isTexts(migrations) || !isTexts(accounts) || !Array.isArray(tables)) return undefined;
  if (!isRecord(sequences) || (!isOther && !tables.every(isTable))) return undefined;
  const last = Object.entries(sequences).flatMap(([name, at]) =>
    NAME.test(name) && typeof at === "string" && /^\d+$/.test(at) ? [[name, at] as const] : [],
  );
  return {
    format,
    backupId,
    createdAt,
    postgres: String(postgres),
    migrations,
    accounts,
    tables: tables.filter(isTable),
    sequences: Object.fromEntries(last),
  };
}

function isTable(value: unknown): value is BackedUpTable {
  if (!isRecord(value)) return false;
  const { schema, relation, columns, file, rows, bytes, sha256 } = value;
  return (
    (schema === "landing" || schema === "seeds" || schema === "elt") &&
    matches(relation, NAME) &&
    matches(file, FILE) &&
    matches(sha256, /^[0-9a-f]{64}$/) &&
    Number.isSafeInteger(rows) &&
    Number.isSafeInteger(bytes) &&
    Array.isArray(columns) &&
    columns.length > 0 &&
    columns.every((one) => isRecord(one) && matches(one.name, NAME) && matches(one.type, TYPE))
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}
