// What the cast functions of schema elt mean, written a second time and on other means: BigInt and
// the Gregorian rules of Date instead of SQL.

export const trimBlanks = (text: string): string => text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");

/** A decimal number as PostgreSQL prints it at a scale, or null when it has more than `digits`. */
export function fixedPoint(text: string, digits: number, scale: number): string | null {
  const parts = decimalParts(text);
  if (parts === null) return null;
  const { negative, whole, fraction } = parts;
  const kept = BigInt(whole + fraction.slice(0, scale).padEnd(scale, "0"));
  const rounded = kept + ((fraction[scale] ?? "0") >= "5" ? 1n : 0n);
  if (rounded >= 10n ** BigInt(digits)) return null;
  const shown = rounded.toString().padStart(scale + 1, "0");
  const sign = negative && rounded !== 0n ? "-" : "";
  return `${sign}${shown.slice(0, -scale)}.${shown.slice(-scale)}`;
}

/** A whole number of so many bits, or null. */
export function wholeNumber(text: string, bits: number): string | null {
  const parts = decimalParts(text);
  if (parts === null || /[1-9]/.test(parts.fraction)) return null;
  const value = parts.negative ? -BigInt(parts.whole) : BigInt(parts.whole);
  return BigInt.asIntN(bits, value) === value ? value.toString() : null;
}

function decimalParts(text: string): {
  readonly negative: boolean;
  readonly whole: string;
  readonly fraction: string;
} | null {
  const [sign = "", unsigned = ""] = /^[-+]/.test(trimBlanks(text))
    ? [trimBlanks(text).slice(0, 1), trimBlanks(text).slice(1)]
    : ["", trimBlanks(text)];
  if (!/^[0-9.,]+$/.test(unsigned)) return null;
  const brazilian = unsigned.includes(",");
  const pieces = unsigned.split(brazilian ? "," : ".");
  if (pieces.length > 2) return null;
  const [head = "", fraction = ""] = pieces;
  if (brazilian && head === "") return null;
  if (head === "" && fraction === "") return null;
  if (fraction.includes(".") || fraction.length > 60) return null;
  const groups = head.split(".");
  const [first = "", ...rest] = groups;
  if (rest.length > 0) {
    if (first.length < 1 || first.length > 3 || rest.length > 19) return null;
    if (rest.some((group) => group.length !== 3)) return null;
  }
  const whole = groups.join("");
  if (whole.length > 60) return null;
  return { negative: sign === "-", whole: whole === "" ? "0" : whole, fraction };
}

/** The wall clock `YYYY-MM-DD HH:MM:SS.ffffff`, or null. */
export function wallClock(text: string): string | null {
  const trimmed = trimBlanks(text);
  const day = trimmed.slice(0, 10);
  const iso = /^\d{4}-\d{2}-\d{2}$/.test(day) ? day : day.split("/").reverse().join("-");
  const [ano = 0, mes = 0, dia = 0] = iso.split("-").map(Number);
  const calendar = new Date(0);
  calendar.setUTCFullYear(ano, mes - 1, dia);
  if (ano < 1 || Number.isNaN(calendar.getTime())) return null;
  if (calendar.toISOString().slice(0, 10) !== iso) return null;
  if (!/^(\d{4}-\d{2}-\d{2}|\d{2}\/\d{2}\/\d{4})$/.test(day)) return null;
  const time = trimmed.slice(10);
  if (time === "") return `${iso} 00:00:00.000000`;
  const [, hora = "", minuto = "", segundo = "00", fracao = ""] =
    /^[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?$/.exec(time) ?? [];
  if (hora === "" || hora > "23" || minuto > "59" || segundo > "59") return null;
  return `${iso} ${hora}:${minuto}:${segundo}.${fracao.padEnd(6, "0").slice(0, 6)}`;
}

const entities: ReadonlyMap<string, string> = new Map([
  ...["a", "e", "i", "o", "u"].flatMap((vowel) => accented(vowel, "acute", "\u0301")),
  ...accented("a", "grave", "\u0300"),
  ...["a", "e", "o"].flatMap((vowel) => accented(vowel, "circ", "\u0302")),
  ...["a", "o"].flatMap((vowel) => accented(vowel, "tilde", "\u0303")),
  ...accented("c", "cedil", "\u0327"),
  ["ordm", "º"],
  ["ordf", "ª"],
  ["nbsp", " "],
  ["quot", '"'],
  ["#34", '"'],
  ["#39", "'"],
  ["#039", "'"],
  ["apos", "'"],
  ["lt", "<"],
  ["gt", ">"],
]);

function accented(letter: string, name: string, mark: string): (readonly [string, string])[] {
  return [letter, letter.toUpperCase()].map((base) => [
    `${base}${name}`,
    `${base}${mark}`.normalize("NFC"),
  ]);
}

/** Text as staging shows it. `&amp;` comes last, so that `&amp;lt;` is `&lt;`. */
export function plainText(text: string): string | null {
  const decoded = text
    .replace(/&([A-Za-z]+|#[0-9]+);/g, (entity, name) => entities.get(name) ?? entity)
    .replaceAll("&amp;", "&");
  return trimBlanks(decoded) || null;
}

/** Text for comparing. */
export function folded(text: string): string {
  const bare = text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "");
  const lower = bare.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return lower.replace(/[ \t\r\n]+/g, " ").replace(/^ +| +$/g, "");
}

/** `S`, `Sim`, `true` and `N`, `Não`, `false`, in any case. */
export function flag(text: string): boolean | null {
  if (["s", "sim", "true"].includes(folded(text))) return true;
  return ["n", "nao", "false"].includes(folded(text)) ? false : null;
}
