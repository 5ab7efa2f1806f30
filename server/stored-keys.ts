import { createHash, randomBytes } from "node:crypto";
import { DatabaseError } from "pg";
import { type Queryable, query, sql } from "../extract/query.ts";

/** What a key may be asked for: everybody reads, `pii` also shows clients' data in clear. */
export const keyScopes = ["read", "pii"] as const;
export type KeyScope = (typeof keyScopes)[number];

/** A key as the database knows it; what it was made of is nowhere. */
export type StoredKey = {
  readonly id: string;
  readonly name: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  readonly scopes: readonly string[];
  /** Accounts whose rows it shows; none named means all of them. */
  readonly contas: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
};

/** The channel on which the database announces every change of its keys. */
export const KEYS_CHANNEL = "elt_api_keys";

/** All keys, revoked and expired ones too, newest first. */
export async function readKeys(on: Queryable): Promise<readonly StoredKey[]> {
  return query<StoredKey>(
    on,
    sql`
      select
          key_id::text as id,
          name,
          sha256,
          scopes,
          contas,
          created_at as "createdAt",
          expires_at as "expiresAt",
          revoked_at as "revokedAt"
      from elt.api_keys
      order by key_id desc`,
  );
}

/** A key to make. */
export type NewKey = {
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  readonly contas: readonly string[];
  readonly expiresAt: Date | undefined;
};

/**
 * Makes a key of 256 random bits. Its text is returned here and nowhere else, ever.
 * @returns undefined when a key of that name is in force
 */
export async function createKey(on: Queryable, wanted: NewKey): Promise<string | undefined> {
  const key = `elt_${randomBytes(32).toString("base64url")}`;
  try {
    await query(
      on,
      sql`
        insert into elt.api_keys (name, sha256, scopes, contas, expires_at)
        values (
            ${wanted.name}, ${sha256Of(key)}, ${wanted.scopes}, ${wanted.contas},
            ${wanted.expiresAt ?? null}
        )`,
    );
    return key;
  } catch (error) {
    if (error instanceof DatabaseError && error.code === "23505") return undefined;
    throw error;
  }
}

/** Takes a key out of force, for good. False when none of that name is. */
export async function revokeKey(on: Queryable, name: string): Promise<boolean> {
  const revoked = await query(
    on,
    sql`
      update elt.api_keys
      set revoked_at = now()
      where name = ${name} and revoked_at is null
      returning key_id`,
  );
  return revoked.length > 0;
}

/** What is kept of a key, 64 hexadecimal digits. */
export function sha256Of(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}
