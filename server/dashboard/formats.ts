// What a Brazilian reader expects to see. The blanks inside are not breaking.

const blank = "\u00a0";
const integer = new Intl.NumberFormat("pt-BR", { maximumFractionDigits: 0 });
const decimal = new Intl.NumberFormat("pt-BR", { maximumFractionDigits: 2 });
const oneDigit = new Intl.NumberFormat("pt-BR", {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const compact = new Intl.NumberFormat("pt-BR", {
  style: "currency",
  currency: "BRL",
  notation: "compact",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const roundCompact = new Intl.NumberFormat("pt-BR", {
  style: "currency",
  currency: "BRL",
  notation: "compact",
  minimumFractionDigits: 0,
  maximumFractionDigits: 2,
});
const exact = new Intl.NumberFormat("pt-BR", { style: "currency", currency: "BRL" });
const amount = new Intl.NumberFormat("pt-BR", {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});
const longDay = new Intl.DateTimeFormat("pt-BR", {
  day: "numeric",
  month: "long",
  timeZone: "UTC",
});
const clock = new Intl.DateTimeFormat("pt-BR", {
  dateStyle: "short",
  timeStyle: "short",
  timeZone: "America/Sao_Paulo",
});
const relative = new Intl.RelativeTimeFormat("pt-BR");

/** 1.234 */
export function formatCount(count: number): string {
  return integer.format(count);
}

/** R$ 3,4 mi; below a thousand without decimals. */
export function formatMoney(reais: number): string {
  return Math.abs(reais) < 999.5
    ? formatRoundMoney(Math.round(reais))
    : compact.format(reais).replaceAll(" ", blank);
}

/** R$ 10 mi: for the steps of an axis. */
export function formatRoundMoney(reais: number): string {
  return roundCompact.format(reais).replaceAll(" ", blank);
}

/** R$ 3.425.000,00 */
export function formatExactMoney(reais: number): string {
  return exact.format(reais);
}

/** 3.425.000,00, where a heading says that it is reais. */
export function formatAmount(reais: number): string {
  return amount.format(reais);
}

/** 12,5 % */
export function formatPercent(percent: number): string {
  return `${oneDigit.format(percent)}${blank}%`;
}

/** 12 %: for the steps of an axis. */
export function formatRoundPercent(percent: number): string {
  return `${decimal.format(percent)}${blank}%`;
}

/** 23 de novembro, from YYYY-MM-DD */
export function formatDay(day: string): string {
  return longDay.format(new Date(day));
}

/** 23/11/2026, from YYYY-MM-DD */
export function formatShortDay(day: string): string {
  return day.split("-").reverse().join("/");
}

/** 23/11/2026, 18:25 in Brasília */
export function formatInstant(instant: Date): string {
  return clock.format(instant);
}

/** há 12 minutos: what passed since, in the largest unit that it fills. */
export function formatAge(instant: Date, now: Date): string {
  const minutes = Math.floor((now.getTime() - instant.getTime()) / 60_000);
  if (minutes < 1) return "agora há pouco";
  if (minutes < 60) return relative.format(-minutes, "minute");
  if (minutes < 48 * 60) return relative.format(-Math.floor(minutes / 60), "hour");
  return relative.format(-Math.floor(minutes / 60 / 24), "day");
}

const months = [
  "janeiro",
  "fevereiro",
  "março",
  "abril",
  "maio",
  "junho",
  "julho",
  "agosto",
  "setembro",
  "outubro",
  "novembro",
  "dezembro",
] as const;

/** janeiro, from 1 */
export function monthName(month: number): string {
  return months[month - 1] ?? "";
}

/** março de 2026, from YYYY-MM-DD */
export function monthOf(day: string): string {
  return `${monthName(Number(day.slice(5, 7)))} de ${day.slice(0, 4)}`;
}

/** mar/2026, from YYYY-MM-DD */
export function shortMonthOf(day: string): string {
  return `${shortMonth(Number(day.slice(5, 7)))}/${day.slice(0, 4)}`;
}

/** 1 venda, 2 vendas */
export function formatPlural(count: number, one: string, many: string): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** jan, from 1 */
export function shortMonth(month: number): string {
  return monthName(month).slice(0, 3);
}
