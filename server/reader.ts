import type { IncomingHttpHeaders } from "node:http";
import { unknownAccount } from "./problem.ts";

/** Who asks, and what they may see. */
export type Reader = {
  /** Tells keys apart, stable as long as the key is in force. Absent when no key is asked for. */
  readonly id?: string;
  /** The key's name. Absent when the server asks for no key. */
  readonly key?: string;
  readonly scopes: readonly string[];
  /** Accounts whose rows it may see; none named means all of them. */
  readonly contas: readonly string[];
};

/** Who asks where no key is needed. */
export const anybody: Reader = { scopes: [], contas: [] };

/** Whether clients' personal data are shown to it in clear. */
export function seesPersonalData({ scopes }: Reader): boolean {
  return scopes.includes("pii");
}

/** What of a reader an answer depends on: a part of its entity tag. */
export function readerTag({ scopes, contas }: Reader): string {
  return JSON.stringify([[...scopes].sort(), [...contas].sort()]);
}

/** Tells apart who may see the rows of other accounts: all that figures without clients depend on. */
export function accountsTag({ contas }: Pick<Reader, "contas">): string {
  return JSON.stringify([...contas].sort());
}

/**
 * The accounts of an answer: the one that was asked for, else all that the reader may see;
 * undefined means every one there is.
 * @throws Problem 404 for one that it may not see, as for one that does not exist
 */
export function contasOf(
  { contas }: Reader,
  conta: string | undefined,
): readonly string[] | undefined {
  if (conta === undefined) return contas.length === 0 ? undefined : contas;
  if (contas.length > 0 && !contas.includes(conta)) throw unknownAccount(conta);
  return [conta];
}

/**
 * The key that came with a request: `Authorization: Bearer <key>`, `X-API-Key: <key>`, or Basic with
 * the key as password, which is what a browser and BI tools can ask a person for.
 */
export function givenKey(headers: IncomingHttpHeaders): string | undefined {
  const apiKey = headers["x-api-key"];
  if (typeof apiKey === "string") return apiKey;
  const [, scheme, credentials] = /^(\S+)\s+(\S+)\s*$/.exec(headers.authorization ?? "") ?? [];
  if (scheme === undefined || credentials === undefined) return undefined;
  switch (scheme.toLowerCase()) {
    case "bearer":
      return credentials;
    case "basic": {
      const text = Buffer.from(credentials, "base64").toString("utf8");
      const colon = text.indexOf(":");
      return colon === -1 ? undefined : text.slice(colon + 1);
    }
    default:
      return undefined;
  }
}
