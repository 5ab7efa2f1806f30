/** Markup that is safe to send: every value in it was escaped. */
export type Html = { readonly markup: string };

export type HtmlValue = string | number | Html | readonly Html[] | undefined;

/** Tagged template for markup. Text is escaped, also in attributes; undefined is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const markup = parts.reduce((before, part, index) => before + write(values[index - 1]) + part);
  return { markup };
}

/** Takes text as markup. Only for what this program wrote itself. */
export function trusted(markup: string): Html {
  return { markup };
}

function write(value: HtmlValue): string {
  if (value === undefined) return "";
  if (typeof value === "string") return escapeHtml(value);
  if (typeof value === "number") return String(value);
  if ("markup" in value) return value.markup;
  return value.map(({ markup }) => markup).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
