import { createHash } from "node:crypto";
import type { RateLimit } from "../runner/limits.ts";
import { createLimiter, tooMany } from "./rate-limit.ts";

/** Slows down who guesses keys. */
export type WrongKeys = {
  /**
   * Looks at a key that came from an address, and whose it is, when it is anybody's.
   * @throws Problem 429 when the address has guessed too often
   */
  check(address: string, key: string, readerId: string | undefined): Promise<void>;
};

const defaultLimit: RateLimit = { requests: 20, windowMs: 60_000 };
/** Keys that were right before, by address; more than that are forgotten, the oldest first. */
const mostKnown = 10_000;

/**
 * Lets an address try so many different wrong keys and no more; then even a right one is refused,
 * or guessing would go on. The same wrong key again is no guess, but a job whose key was revoked.
 * A key that was right from there before goes on being let in: behind one address stand all
 * programs of an office, or, where TRUST_PROXY is not set, everybody.
 */
export function createWrongKeys(limit: RateLimit = defaultLimit): WrongKeys {
  const guesses = createLimiter(limit);
  const keys = createLimiter({ requests: 1, windowMs: limit.windowMs });
  const known = new Set<string>();
  return {
    check: async (address, key, readerId) => {
      const network = networkOf(address);
      const place = `${network} ${readerId ?? ""}`;
      if (readerId !== undefined && known.has(place)) return;
      const before = await guesses.left(network);
      if (before.allowed && readerId !== undefined) {
        known.add(place);
        for (const oldest of known) {
          if (known.size <= mostKnown) break;
          known.delete(oldest);
        }
        return;
      }
      // Nothing more is remembered of an address that is refused anyway.
      if (before.allowed) {
        const hash = createHash("sha256").update(key).digest("base64url");
        const isNew = (await keys.take(`${network} ${hash}`)).allowed;
        if (!isNew || (await guesses.take(network)).allowed) return;
      }
      const { waitMs } = await guesses.left(network);
      const seconds = Math.max(1, Math.ceil(waitMs / 1000));
      throw tooMany(seconds, `${limit.requests} chaves erradas por ${limit.windowMs / 1000} s`);
    },
  };
}

/** Whose address it is: who has one of IPv6 has all that begin alike, 64 bits of them. */
export function networkOf(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(Math.max(0, 8 - first.length - last.length)).fill("0");
  const groups = [...first, ...zeros, ...last].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}
