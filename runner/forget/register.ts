import { createHash, randomUUID } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Queryable, query, sql } from "../../extract/query.ts";
import { tombstoneSecret } from "../../extract/tombstones.ts";
import { readManifest } from "../backup/manifest.ts";
import { ConfigError } from "../errors.ts";
import { type Receipt, readBackups } from "./receipt.ts";

/**
 * Who was forgotten, as it outlives the database: receipts, and the marks by which each person is
 * recognised. Without the secret, which stands in the database and its backups alone, nothing can be
 * told from a mark.
 */
export type Register = {
  readonly format: 1;
  readonly writtenAt: string;
  /** Tells whether the marks are of a database, without its secret. */
  readonly secretHash: string;
  readonly receipts: readonly RegisteredReceipt[];
};

export type RegisteredReceipt = {
  readonly receipt: Receipt;
  /** Account → marks. */
  readonly marks: Readonly<Record<string, readonly string[]>>;
};

/** The register in the folder of a backup that was made before. */
export const REGISTER = "forgotten.json";

/** Everybody whom this database forgot. */
export async function registerOf(database: Queryable): Promise<Register> {
  const receipts = await query<RegisteredReceipt>(
    database,
    sql`
      select
        forgotten.receipt,
        coalesce(json_object_agg(by_conta.conta, by_conta.marks) filter (
          where by_conta.conta is not null
        ), '{}') as marks
      from elt.forgotten
      left join (
        select receipt_id, conta, json_agg(mark order by mark) as marks
        from elt.tombstones
        group by receipt_id, conta
      ) as by_conta using (receipt_id)
      group by forgotten.receipt_id
      order by forgotten.receipt_id`,
  );
  return {
    format: 1,
    writtenAt: new Date().toISOString(),
    secretHash: hashOfSecret(await tombstoneSecret(database)),
    receipts,
  };
}

export function hashOfSecret(secret: string): string {
  return createHash("sha256").update(`register of ${secret}`).digest("hex");
}

/** Writes a register whole or not at all, for its owner alone. */
export async function writeRegister(file: string, register: Register): Promise<void> {
  const unfinished = `${file}.${randomUUID()}`;
  const options = { mode: 0o600, flag: "wx", flush: true } as const;
  try {
    await writeFile(unfinished, `${JSON.stringify(register)}\n`, options);
    await rename(unfinished, file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([
      `${file} cannot be written (${reason}): name another file, or give this user the right.`,
    ]);
  }
}

/**
 * Reads a register.
 * @throws ConfigError when the file is not there, or is none
 */
export async function readRegister(file: string): Promise<Register> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "no JSON";
    throw new ConfigError([
      `${file} cannot be read (${code}): name a file that elt forget --export wrote.`,
    ]);
  }
  if (isRegister(value)) return value;
  throw new ConfigError([
    `${file} is damaged, or no list of who was forgotten: name a file that elt forget --export wrote.`,
  ]);
}

/** The register that lies beside a backup, when somebody was forgotten since. */
export async function registerBeside(folder: string): Promise<Register | undefined> {
  const file = path.join(folder, REGISTER);
  const isThere = await readFile(file).then(
    () => true,
    (error: unknown) => !(error instanceof Error && "code" in error && error.code === "ENOENT"),
  );
  return isThere ? readRegister(file) : undefined;
}

/**
 * Puts the register beside every known backup that this process can reach, so that a restore forgets
 * these people again by itself. @returns the folders; copies elsewhere cannot be reached
 */
export async function leaveInBackups(database: Queryable): Promise<readonly string[]> {
  const register = await registerOf(database);
  const reached: string[] = [];
  for (const { id, folder } of await readBackups(database)) {
    try {
      // Its number tells it, not the host's name: each container has another, and the same volume.
      if ((await readManifest(folder)).backupId !== id) continue;
      await writeRegister(path.join(folder, REGISTER), register);
      reached.push(folder);
    } catch (error) {
      // Deleted, moved, or somebody else's: the receipt names it among those that were not reached.
      if (!(error instanceof ConfigError)) throw error;
    }
  }
  return reached;
}

function isRegister(value: unknown): value is Register {
  if (!isRecord(value) || value.format !== 1 || !Array.isArray(value.receipts)) return false;
  return (
    typeof value.writtenAt === "string" &&
    typeof value.secretHash === "string" &&
    value.receipts.every(
      (one) =>
        isRecord(one) &&
        isRecord(one.receipt) &&
        typeof one.receipt.id === "string" &&
        /^\d{1,18}$/.test(one.receipt.id) &&
        typeof one.receipt.forgottenAt === "string" &&
        !Number.isNaN(Date.parse(one.receipt.forgottenAt)) &&
        isRecord(one.marks) &&
        Object.values(one.marks).every(
          (marks) =>
            Array.isArray(marks) &&
            marks.every((mark) => typeof mark === "string" && /^[0-9a-f]{64}$/.test(mark)),
        ),
    )
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
