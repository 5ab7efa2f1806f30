const NEGATIVE = 0x4000;
const POSITIVE = 0x0000;
/** Digits of PostgreSQL's numeric stand in groups of four. */
const GROUP = 10_000;

/**
 * Writes a numeric in PostgreSQL's binary format as a decimal of 128 bits, two's complement, lowest
 * word first, at `place` of `words`. The value has at most `scale` decimals and fits.
 * @returns false for NaN and infinity, which Arrow lacks
 */
export function readDecimal(
  bytes: Buffer,
  at: number,
  scale: number,
  words: Uint32Array,
  place: number,
): boolean {
  const groups = bytes.readUInt16BE(at);
  const weight = bytes.readInt16BE(at + 2);
  const sign = bytes.readUInt16BE(at + 4);
  if (sign !== POSITIVE && sign !== NEGATIVE) return false;
  // Decimal places that the last group lies above (or, negative, below) the last kept digit.
  const shift = scale + 4 * (weight - groups + 1);
  const digits = at + 8;
  if (groups <= 3 || (groups === 4 && shift <= 0)) {
    let value = 0;
    for (let group = 0; group < groups - 1; group++) {
      value = value * GROUP + bytes.readUInt16BE(digits + 2 * group);
    }
    const last = groups === 0 ? 0 : bytes.readUInt16BE(digits + 2 * (groups - 1));
    // What lies below the last kept digit is zero, so dividing the last group leaves no rest.
    const power = 10 ** Math.abs(Math.min(shift, 0));
    value = value * (GROUP / power) + last / power;
    if (shift > 0) value *= 10 ** shift;
    if (Number.isSafeInteger(value)) {
      writeSafe(value, sign === NEGATIVE, words, place);
      return true;
    }
  }
  let value = 0n;
  for (let group = 0; group < groups; group++) {
    value = value * BigInt(GROUP) + BigInt(bytes.readUInt16BE(digits + 2 * group));
  }
  value = shift >= 0 ? value * 10n ** BigInt(shift) : value / 10n ** BigInt(-shift);
  writeBig(sign === NEGATIVE ? -value : value, words, place);
  return true;
}

function writeSafe(value: number, isNegative: boolean, words: Uint32Array, place: number): void {
  const low = value >>> 0;
  const high = Math.floor(value / 0x1_0000_0000);
  if (!isNegative || value === 0) {
    words[place] = low;
    words[place + 1] = high;
    words[place + 2] = 0;
    words[place + 3] = 0;
    return;
  }
  words[place] = -low >>> 0;
  words[place + 1] = low === 0 ? -high >>> 0 : ~high >>> 0;
  words[place + 2] = 0xffffffff;
  words[place + 3] = 0xffffffff;
}

function writeBig(value: bigint, words: Uint32Array, place: number): void {
  for (let word = 0; word < 4; word++) {
    words[place + word] = Number((value >> BigInt(32 * word)) & 0xffffffffn);
  }
}
