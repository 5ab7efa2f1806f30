import { createHash, timingSafeEqual } from "node:crypto";
import type { ApiKey } from "../runner/config.ts";
import type { Topic } from "./listener.ts";
import { accountsTag, type Reader } from "./reader.ts";
import { KEYS_CHANNEL, readKeys, type StoredKey } from "./stored-keys.ts";

/** The keys in force, in memory. */
export type KeyRing = {
  /** Whose key it is; undefined for an unknown, revoked or expired one. Constant in time. */
  find(key: string): Reader | undefined;
  /** The reader of an id that `find` gave, as long as its key is in force. */
  findById(id: string): Reader | undefined;
  /**
   * Whether readers must show a key. A server of this machine alone needs none until the first is
   * made; that the last one was revoked opens nothing.
   */
  asksForKeys(): boolean;
  /** The accounts that keys in force are narrowed to, each set once; an empty one means all. */
  accountSets(): readonly (readonly string[])[];
  /** Whether the database's keys were read: before, an unknown key may be a good one. */
  isComplete(): boolean;
};

type Entry = {
  readonly digest: Buffer;
  readonly reader: Reader;
  /** Milliseconds since 1970. */
  readonly expires: number;
};

/**
 * Configured keys and those of the database, as long as somebody listens to its topic. When the
 * connection that hears of changes is lost, what was known stays in force until it is back.
 */
export function createKeyRing(
  configured: readonly ApiKey[],
  now: () => Date,
): KeyRing & { readonly topic: Topic } {
  const fixed = configured.map(configuredEntry);
  let entries: readonly Entry[] = fixed;
  let isComplete = false;
  let asksForKeys = configured.length > 0;
  const inForce = (entry: Entry | undefined) =>
    entry !== undefined && now().getTime() < entry.expires ? entry.reader : undefined;
  return {
    find: (key) => {
      const digest = createHash("sha256").update(key).digest();
      // Every key is compared, so that the time taken tells nothing about which one was close.
      const [found] = entries.filter((entry) => timingSafeEqual(digest, entry.digest));
      return inForce(found);
    },
    findById: (id) => inForce(entries.find(({ reader }) => reader.id === id)),
    asksForKeys: () => asksForKeys,
    accountSets: () => {
      const readers = entries.flatMap((entry) => inForce(entry) ?? []);
      const sets = asksForKeys ? readers.map(({ contas }) => contas) : [[]];
      return [...new Map(sets.map((contas) => [accountsTag({ contas }), contas])).values()];
    },
    isComplete: () => isComplete,
    topic: {
      channel: KEYS_CHANNEL,
      forget: () => {},
      refresh: async (on, isCurrent) => {
        const stored = await readKeys(on);
        if (!isCurrent()) return;
        entries = [...fixed, ...stored.filter(({ revokedAt }) => revokedAt === null).map(entryOf)];
        asksForKeys ||= stored.length > 0;
        isComplete = true;
      },
    },
  };
}

function configuredEntry({ name, scopes, sha256 }: ApiKey): Entry {
  return {
    digest: Buffer.from(sha256, "hex"),
    reader: { id: idOf(`env:${name}`, sha256), key: name, scopes, contas: [] },
    expires: Number.POSITIVE_INFINITY,
  };
}

function entryOf({ id, name, sha256, scopes, contas, expiresAt }: StoredKey): Entry {
  return {
    digest: Buffer.from(sha256, "hex"),
    reader: { id: idOf(id, sha256), key: name, scopes, contas },
    expires: expiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
  };
}

/**
 * A session names its key by it, and outlives a database: another one counts its keys from 1 again,
 * and the same number would open what another key may see.
 */
function idOf(place: string, sha256: string): string {
  return `${place}:${sha256.slice(0, 16)}`;
}
