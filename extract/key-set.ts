/**
 * Counts distinct keys of a scan in little memory: 64 bits of hash a key, 16 MB for a million.
 * Two keys that share a hash are counted once, which can only make a scan look incomplete, never
 * complete (one chance in 40 million at a million keys).
 */
export type KeySet = {
  readonly size: () => number;
  /** True when the key was not there yet. */
  readonly add: (key: string) => boolean;
};

export function createKeySet(): KeySet {
  let capacity = 1 << 12;
  let slots = new Uint32Array(capacity * 2);
  let size = 0;

  function insert(low: number, high: number): boolean {
    const mask = capacity - 1;
    let slot = low & mask;
    for (;;) {
      const at = slot * 2;
      const storedLow = slots[at];
      const storedHigh = slots[at + 1];
      if (storedLow === 0 && storedHigh === 0) {
        slots[at] = low;
        slots[at + 1] = high;
        return true;
      }
      if (storedLow === low && storedHigh === high) return false;
      slot = (slot + 1) & mask;
    }
  }

  function grow(): void {
    const old = slots;
    capacity *= 2;
    slots = new Uint32Array(capacity * 2);
    for (let at = 0; at < old.length; at += 2) {
      const low = old[at] ?? 0;
      const high = old[at + 1] ?? 0;
      if (low !== 0 || high !== 0) insert(low, high);
    }
  }

  return {
    size: () => size,
    add(key) {
      if (size * 2 >= capacity) grow();
      const low = hash32(key, 0x9747b28c);
      const high = hash32(key, 0x5bd1e995) || 1;
      const isNew = insert(low, high);
      if (isNew) size++;
      return isNew;
    },
  };
}

/** MurmurHash3's mixing over UTF-16 units, seeded: two seeds give 64 independent bits. */
function hash32(text: string, seed: number): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) {
    let k = Math.imul(text.charCodeAt(i), 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = Math.imul(h, 5) + 0xe6546b64;
  }
  h ^= text.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
