import type { Page } from "playwright-core";

// Pages are read inside the browser by text, because this project's types know no DOM.

/** What a person reads in each cell of some rows, hidden ones too, with plain blanks. */
export function cellsOf(page: Page, rows: string): Promise<readonly (readonly string[])[]> {
  return page.evaluate<string[][]>(
    `[...document.querySelectorAll(${JSON.stringify(rows)})].map((row) =>
      [...row.cells].map((cell) => cell.textContent.replace(/[\\s\\u00a0]+/g, " ").trim()))`,
  );
}

/** What a person reads in an element, with plain blanks. */
export async function textOf(page: Page, selector: string): Promise<string> {
  const text = await page.locator(selector).first().innerText();
  return text.replace(/[\s\u00a0]+/g, " ").trim();
}

/** The value of a tile, by its label. */
export async function tileOf(page: Page, label: string): Promise<string> {
  const tile = page.locator(".indicadores > div", { has: page.getByText(label, { exact: true }) });
  return (await tile.first().locator("dd.valor").innerText()).replace(/[\s\u00a0]+/g, " ");
}

/** Waits until what was asked for stands on the page. */
export async function settled(page: Page): Promise<void> {
  await page.locator("body:not([aria-busy])").waitFor({ state: "attached" });
}

const integer = new Intl.NumberFormat("pt-BR");
const money = new Intl.NumberFormat("pt-BR", { style: "currency", currency: "BRL" });

/** 1.234 */
export function count(value: unknown): string {
  return integer.format(Number(value));
}

/** R$ 1.234,50, with plain blanks. */
export function reais(value: unknown): string {
  return money.format(Number(value)).replaceAll("\u00a0", " ");
}

/** The number in "12,5 %". */
export function percentIn(text: string | undefined): number {
  return Number((text ?? "").replace(" %", "").replace(",", "."));
}
