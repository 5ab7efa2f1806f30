const entities: Readonly<Record<string, string>> = {
  amp: "&",
  quot: '"',
  apos: "'",
  lt: "<",
  gt: ">",
  nbsp: " ",
};

/** Text for comparing: lower case, no accents, single blanks, HTML entities read. */
export function fold(text: string): string {
  return text
    .replace(/&(\w+);/g, (whole, name: string) => {
      const letter = /^([a-z])(?:acute|grave|circ|tilde|cedil|uml)$/i.exec(name)?.[1];
      return letter ?? entities[name] ?? whole;
    })
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .replace(/\s+/g, " ")
    .trim();
}

/**
 * Digits of a number that people write in several ways; without leading zeros, which the source loses
 * where it writes a document as a number. Undefined for what is no such number.
 */
export function digitsOf(text: string): string | undefined {
  if (!/^[\d\s.\-/()+]+$/.test(text)) return undefined;
  const digits = text.replace(/\D/g, "").replace(/^0+/, "");
  return digits.length >= 5 && digits.length <= 20 ? digits : undefined;
}
