const brasilia = new Intl.DateTimeFormat("sv-SE", { timeZone: "America/Sao_Paulo" });

/** The day in Brasília at an instant, YYYY-MM-DD. */
export function hojeAt(instant: Date): string {
  return brasilia.format(instant);
}
