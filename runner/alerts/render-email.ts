import type { Message, Table } from "./message.ts";

/** A message as the two bodies of an e-mail. */
export type EmailBody = { readonly text: string; readonly html: string };

const FOOTER = "Enviado pelo cvdw-elt.";
const FOOTER_OF_TROUBLE = `${FOOTER} Você recebe uma mensagem quando começa e outra quando termina.`;

/** Heading of a column that holds what stood before the column at its left. */
const BEFORE = "antes";

const colours = { trouble: "#b42318", recovered: "#067647", neutral: "#344054" } as const;

/** Writes a message as plain text and as HTML that needs no image, script or outside file. */
export function renderEmail({ subject, tone, sections, table, link }: Message): EmailBody {
  const footer = tone === "trouble" ? FOOTER_OF_TROUBLE : FOOTER;
  const text = [
    ...sections.flatMap(({ title, paragraphs }) => [title, "", ...paragraphs, ""]),
    ...(table === undefined ? [] : [textTable(table), ""]),
    ...(link === undefined ? [] : [`Painel: ${link}`, ""]),
    `-- `,
    footer,
  ].join("\n");
  const blocks = sections.map(
    ({ title, paragraphs }) =>
      `<h2 style="margin:24px 0 8px;font-size:18px;color:${colours[tone]}">${escapeHtml(title)}</h2>${paragraphs
        .map((paragraph) => `<p style="margin:0 0 8px">${escapeHtml(paragraph)}</p>`)
        .join("")}`,
  );
  const html = [
    `<!doctype html><html lang="pt-BR"><head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>`,
    '<body style="margin:0;padding:8px;background:#f5f6f8;font:15px/1.5 Arial,Helvetica,sans-serif;color:#1d2939">',
    '<div style="max-width:640px;margin:0 auto;padding:8px 16px 24px;background:#ffffff">',
    ...blocks,
    table === undefined ? "" : htmlTable(table),
    link === undefined
      ? ""
      : `<p style="margin:24px 0 0"><a href="${escapeHtml(link)}">Abrir o painel</a></p>`,
    `<p style="margin:24px 0 0;font-size:12px;color:#667085">${footer}</p>`,
    "</div></body></html>",
  ].join("\n");
  return { text, html };
}

function textTable({ head, rows }: Table): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** A table that fits a phone: what was before stands below what is now, in a column of both. */
function htmlTable({ head, rows }: Table): string {
  const columns = head.flatMap((name, index) =>
    name === BEFORE ? [] : [{ name, index, hasBefore: head[index + 1] === BEFORE }],
  );
  const align = (index: number) => (index === 0 ? "left" : "right");
  const style = (index: number) =>
    `padding:6px 4px;border-bottom:1px solid #e4e7ec;text-align:${align(index)};vertical-align:top`;
  const headings = columns.map(
    ({ name, index }) => `<th scope="col" style="${style(index)}">${escapeHtml(name)}</th>`,
  );
  const line = (cells: readonly string[]): string => {
    const texts = columns.map(({ index, hasBefore }) => {
      const now = escapeHtml(cells[index] ?? "");
      if (!hasBefore) return `<td style="${style(index)}">${now}</td>`;
      const before = `${BEFORE}: ${escapeHtml(cells[index + 1] ?? "")}`;
      return `<td style="${style(index)}">${now}<br><span style="font-size:12px;color:#667085">${before}</span></td>`;
    });
    return `<tr>${texts.join("")}</tr>`;
  };
  return `<table style="border-collapse:collapse;width:100%;margin-top:16px;font-size:14px"><tr>${headings.join("")}</tr>${rows.map(line).join("")}</table>`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
