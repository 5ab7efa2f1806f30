import type { Json } from "../../emulator/record.ts";
import { divideRounded, fitting, type Hundredths } from "./decimal.ts";

/** What a field says as text, trimmed and without HTML entities; null when absent or blank. */
export function toText(value: Json | undefined): string | null {
  if (value === undefined || value === null) return null;
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return unescapeHtml(text).trim() || null;
}

const named: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["#39", "'"],
  ["#039", "'"],
  ["nbsp", " "],
]);
const accents: ReadonlyMap<string, string> = new Map([
  ["acute", "\u0301"],
  ["grave", "\u0300"],
  ["circ", "\u0302"],
  ["tilde", "\u0303"],
  ["cedil", "\u0327"],
]);

function unescapeHtml(text: string): string {
  return text.replace(/&([a-zA-Z]{2,6}|#0?39);/g, (whole: string, name: string) => {
    const accent = accents.get(name.slice(1));
    return (
      named.get(name) ?? (accent === undefined ? whole : (name.charAt(0) + accent).normalize("NFC"))
    );
  });
}

/** Reais as centavos, rounded once; null when absent, unreadable, or beyond numeric(15,2). */
export function toMoney(value: Json | undefined): Hundredths | null {
  return toDecimal(value, 15);
}

/** A decimal in hundredths that fits so many digits. */
export function toDecimal(value: Json | undefined, digits: number): Hundredths | null {
  const exact = parseDecimal(value);
  if (exact === null) return null;
  const { unscaled, scale } = exact;
  const hundredths =
    scale <= 2
      ? unscaled * 10n ** BigInt(2 - scale)
      : divideRounded(unscaled, 10n ** BigInt(scale - 2));
  return fitting(hundredths, digits);
}

/** A whole number of 64 bits; null for anything else, lists of ids included. */
export function toInteger(value: Json | undefined): bigint | null {
  return toWhole(value, 64);
}

/** A whole number of 32 bits. */
export function toCount(value: Json | undefined): bigint | null {
  return toWhole(value, 32);
}

function toWhole(value: Json | undefined, bits: number): bigint | null {
  const exact = parseDecimal(value);
  if (exact === null) return null;
  const unit = 10n ** BigInt(Math.max(exact.scale, 0));
  if (exact.unscaled % unit !== 0n) return null;
  const number = (exact.unscaled / unit) * 10n ** BigInt(Math.max(-exact.scale, 0));
  return BigInt.asIntN(bits, number) === number ? number : null;
}

/** An id of another record: 0 names none. */
export function toId(value: Json | undefined): bigint | null {
  const id = toInteger(value);
  return id === 0n ? null : id;
}

type Exact = { readonly unscaled: bigint; readonly scale: number };

/** `1234.5` and, when there is a comma, `1.234,5`; an exponent only in a JSON number. */
function parseDecimal(value: Json | undefined): Exact | null {
  const text = toText(value);
  if (text === null) return null;
  const brazilian = /^[+-]?(\d+|\d{1,3}(\.\d{3})+),\d*$/.test(text);
  const plain = brazilian ? text.replaceAll(".", "").replace(",", ".") : text;
  const parts = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(plain);
  if (parts === null || (parts[4] !== undefined && typeof value !== "number")) return null;
  const [, sign = "", whole = "", decimals = "", exponent = "0"] = parts;
  if (whole === "" && decimals === "") return null;
  const magnitude = BigInt(whole + decimals);
  return {
    unscaled: sign === "-" ? -magnitude : magnitude,
    scale: decimals.length - Number(exponent),
  };
}

/** A moment of Brasília's wall clock, `YYYY-MM-DD HH:MM:SS`; a day alone is its midnight. */
export function toMoment(value: Json | undefined): string | null {
  const text = toText(value);
  if (text === null) return null;
  const iso = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d))?$/.exec(text);
  const brazilian = /^(\d\d)\/(\d\d)\/(\d{4})(?: (\d\d):(\d\d):(\d\d))?$/.exec(text);
  const [year, month, day, time] =
    iso !== null
      ? [iso[1], iso[2], iso[3], iso.slice(4)]
      : [brazilian?.[3], brazilian?.[2], brazilian?.[1], brazilian?.slice(4) ?? []];
  if (year === undefined || month === undefined || day === undefined) return null;
  if (!isDay(Number(year), Number(month), Number(day))) return null;
  const [hour = "00", minute = "00", second = "00"] = time;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  return `${year}-${month}-${day} ${hour}:${minute}:${second}`;
}

/** A day, `YYYY-MM-DD`; null when absent, blank, a zero date or no day of the calendar. */
export function toDay(value: Json | undefined): string | null {
  return toMoment(value)?.slice(0, 10) ?? null;
}

function isDay(year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false;
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const longest = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return day <= (longest[month - 1] ?? 0);
}
