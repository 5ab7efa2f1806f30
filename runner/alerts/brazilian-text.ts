// Numbers, money and times as a Brazilian reader expects them.

const integer = new Intl.NumberFormat("pt-BR", { maximumFractionDigits: 0 });
const money = new Intl.NumberFormat("pt-BR", { style: "currency", currency: "BRL" });
const oneDigit = new Intl.NumberFormat("pt-BR", {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
  signDisplay: "exceptZero",
});
const clock = new Intl.DateTimeFormat("pt-BR", {
  dateStyle: "short",
  timeStyle: "short",
  timeZone: "America/Sao_Paulo",
});

/** 1.234 */
export function formatCount(count: number): string {
  return integer.format(count);
}

/** 1 linha, 1.234 linhas */
export function plural(count: number, one: string, many: string): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** R$ 3.425.000,00 */
export function formatMoney(reais: number): string {
  return money.format(reais);
}

/** 3.425.000,00, every digit of an exact number kept; what is no number stays as it is. */
export function formatDecimal(number: string | null): string {
  if (number === null) return "vazio";
  const [, sign, whole = "", decimals] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(number) ?? [];
  if (sign === undefined) return number;
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ".");
  return `${sign === "" ? "" : "−"}${groups}${decimals === undefined ? "" : `,${decimals}`}`;
}

/** +12,5 %, −3,0 %; undefined when there was nothing to compare with. */
export function formatChange(now: number, before: number): string | undefined {
  if (before === 0) return undefined;
  return `${oneDigit.format((100 * (now - before)) / before).replace("-", "−")}\u00a0%`;
}

/** 23/11/2026, 18:25 in Brasília */
export function formatInstant(instant: Date): string {
  return clock.format(instant);
}

/** 3 h 20 min; days from two on. */
export function formatDuration(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} dias`;
  if (hours > 0) return `${hours} h${minutes % 60 === 0 ? "" : ` ${minutes % 60} min`}`;
  return `${minutes} min`;
}
