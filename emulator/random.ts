/** Random numbers that depend on their seed and nothing else. */
export type Random = {
  state: number;
  /** A number in [0, 1). */
  unit(): number;
  /** An integer in [0, below). */
  int(below: number): number;
  /** An integer in [from, to], both included. */
  between(from: number, to: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  pick<Item>(items: readonly [Item, ...Item[]]): Item;
  /** A new array in random order. */
  shuffle<Item>(items: readonly Item[]): Item[];
};

/** Mixes two 32-bit numbers into one (murmur3's finaliser). */
export function mix(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A 32-bit hash of a text (FNV-1a). */
export function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** A stream of random numbers (mulberry32). Generators open one per record, so it holds no closures. */
export function createRandom(seed: number): Random {
  return { state: seed | 0, unit, int, between, chance, pick, shuffle };
}

function unit(this: Random): number {
  this.state = (this.state + 0x6d2b79f5) | 0;
  let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
}

function int(this: Random, below: number): number {
  return Math.floor(this.unit() * below);
}

function between(this: Random, from: number, to: number): number {
  return from + this.int(to - from + 1);
}

function chance(this: Random, probability: number): boolean {
  return this.unit() < probability;
}

function pick<Item>(this: Random, items: readonly [Item, ...Item[]]): Item {
  return items[this.int(items.length)] ?? items[0];
}

function shuffle<Item>(this: Random, items: readonly Item[]): Item[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = this.int(i + 1);
    const held = shuffled[i];
    const other = shuffled[j];
    if (held !== undefined && other !== undefined) {
      shuffled[i] = other;
      shuffled[j] = held;
    }
  }
  return shuffled;
}
