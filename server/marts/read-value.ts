import { type SQLQuery, sql } from "../../extract/query.ts";
import type { ColumnType } from "../result-set.ts";

/** What a value of a type looks like in an address, for the person who wrote another one. */
export function expectedText({ kind }: ColumnType): string {
  switch (kind) {
    case "int32":
    case "int64":
      return "um número inteiro, como 42";
    case "float64":
    case "decimal":
    case "numeric":
      return "um número com ponto decimal, como 1250.50";
    case "boolean":
      return "true ou false";
    case "date":
      return "um dia, como 2026-01-31";
    case "timestamp":
      return "um instante, como 2026-01-31T12:00:00 (hora de Brasília) ou 2026-01-31T15:00:00Z";
    case "text":
      return "um texto de até 1000 caracteres";
  }
}

/**
 * A value of an address as SQL, cast to the column's type. It travels as a text parameter, so it
 * also serves COPY, whose parameters are texts.
 * @returns undefined when the type has no such value
 */
export function castValue({ kind }: ColumnType, text: string): SQLQuery | undefined {
  switch (kind) {
    case "int32":
    case "int64":
      return isInteger64(text) ? sql`${text}::bigint` : undefined;
    case "float64":
      return decimalShape.test(text) ? sql`${text}::double precision` : undefined;
    case "decimal":
    case "numeric":
      return decimalShape.test(text) ? sql`${text}::numeric` : undefined;
    case "boolean":
      return text === "true" || text === "false" ? sql`${text}::boolean` : undefined;
    case "date":
      return isDay(text) ? sql`${text}::date` : undefined;
    case "timestamp":
      return instantOf(text);
    case "text":
      return text.length <= 1000 && !text.includes("\0") ? sql`${text}::text` : undefined;
  }
}

const decimalShape = /^[+-]?(\d{1,60}(\.\d{0,40})?|\.\d{1,40})$/;

function isInteger64(text: string): boolean {
  if (!/^[+-]?\d{1,19}$/.test(text)) return false;
  const value = BigInt(text.replace("+", ""));
  return BigInt.asIntN(64, value) === value;
}

/** A day of the calendar between the years 1 and 9999. */
function isDay(text: string): boolean {
  const [, year = "", month = "", day = ""] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  if (year === "" || year === "0000") return false;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  return date.toISOString().startsWith(`${year}-${month}-${day}`);
}

/** Without an offset it is Brasília's wall clock, which is what the source writes. */
function instantOf(text: string): SQLQuery | undefined {
  const [, day = "", hours = "0", minutes = "0", seconds = "0", offset] =
    /^(\S{10})(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,6})?)?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?)?$/.exec(
      text,
    ) ?? [];
  if (!isDay(day) || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) {
    return undefined;
  }
  if (offset === undefined) {
    return sql`(${text}::timestamp at time zone 'America/Sao_Paulo')`;
  }
  return sql`${text}::timestamptz`;
}
