import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { ApiKey } from "../runner/config.ts";

/** Who asks, and what they may do. */
export type Reader = {
  /** Absent when the server asks for no key. */
  readonly key?: string;
  readonly scopes: readonly string[];
};

/**
 * Finds the key of a request among the configured ones. Without configured keys (only possible on
 * loopback) everybody is a reader; undefined means no key, or a wrong one.
 */
export function identifyReader(
  headers: IncomingHttpHeaders,
  apiKeys: readonly ApiKey[],
): Reader | undefined {
  if (apiKeys.length === 0) return { scopes: [] };
  const given = givenKey(headers);
  if (given === undefined) return undefined;
  const digest = createHash("sha256").update(given).digest();
  // Every key is compared, so that the time taken tells nothing about which one was close.
  const matching = apiKeys.filter(({ sha256 }) =>
    timingSafeEqual(digest, Buffer.from(sha256, "hex")),
  );
  const [found] = matching;
  return found === undefined ? undefined : { key: found.name, scopes: found.scopes };
}

/**
 * `Authorization: Bearer <key>`, `X-API-Key: <key>`, or Basic with the key as password: what a
 * browser and BI tools can ask a person for.
 */
function givenKey(headers: IncomingHttpHeaders): string | undefined {
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
