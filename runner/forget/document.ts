import { ConfigError } from "../errors.ts";

/**
 * Reads a CPF or CNPJ as a person writes it.
 * @returns its digits, 11 or 14 of them
 * @throws ConfigError when its length or its check digits are wrong; the message does not repeat it
 */
export function readDocument(text: string): string {
  const digits = text.replace(/[\s./-]/g, "");
  if (!/^\d+$/.test(digits) || (digits.length !== 11 && digits.length !== 14)) {
    throw new ConfigError([
      `--documento takes a CPF (11 digits) or a CNPJ (14 digits), with or without points and dashes; what was given has ${digits.length} characters without them. Leading zeros count.`,
    ]);
  }
  const kind = digits.length === 11 ? "CPF" : "CNPJ";
  if (/^(\d)\1*$/.test(digits) || !hasCheckDigits(digits)) {
    throw new ConfigError([
      `--documento is not a valid ${kind}: its last two digits do not follow from the others, so one of them is mistyped. If the CRM holds it like that, find the person by --email.`,
    ]);
  }
  return digits;
}

/** Whether a text holds a CPF or CNPJ, by its check digits, or an e-mail address. */
export function namesPerson(text: string): boolean {
  if (/[^\s@,;]+@[^\s@,;]+\.[^\s@,;]+/.test(text)) return true;
  return (text.match(/\d[\d./-]{9,16}\d/g) ?? []).some((number) => {
    const digits = number.replace(/\D/g, "");
    return (digits.length === 11 || digits.length === 14) && hasCheckDigits(digits);
  });
}

function hasCheckDigits(digits: string): boolean {
  const body = digits.slice(0, -2);
  const first = checkDigit(body);
  return digits.endsWith(`${first}${checkDigit(`${body}${first}`)}`);
}

/** Weights grow from the right from 2: without end in a CPF, up to 9 and again in a CNPJ. */
function checkDigit(body: string): number {
  const isCpf = body.length < 12;
  const sum = [...body].reverse().reduce((total, digit, index) => {
    const weight = isCpf ? index + 2 : (index % 8) + 2;
    return total + Number(digit) * weight;
  }, 0);
  const rest = sum % 11;
  return rest < 2 ? 0 : 11 - rest;
}

/** Reads an e-mail address in lower case. @throws ConfigError when it is none */
export function readEmail(text: string): string {
  const email = text.trim().toLowerCase();
  if (/^[^\s@,;]+@[^\s@,;]+\.[^\s@,;]+$/.test(email)) return email;
  throw new ConfigError(["--email takes one address, like maria@example.com."]);
}
