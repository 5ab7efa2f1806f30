import type { Message, Table } from "./message.ts";

/** What Slack's incoming webhooks take; others read at least `text`. */
export type SlackMessage = {
  readonly text: string;
  readonly blocks: readonly Readonly<Record<string, unknown>>[];
};

/** Slack's own limits. */
const HEADER_LENGTH = 150;
const SECTION_LENGTH = 3_000;
const MOST_SECTIONS = 40;

const marks = { trouble: "🔴", recovered: "🟢", neutral: "🔵" } as const;

/** Writes a message for a chat. */
export function renderSlack({ subject, tone, sections, table, link }: Message): SlackMessage {
  const shown = sections.slice(0, MOST_SECTIONS);
  const left = sections.length - shown.length;
  const blocks = [
    {
      type: "header",
      text: { type: "plain_text", text: clip(`${marks[tone]} ${subject}`, HEADER_LENGTH) },
    },
    ...shown.map(({ title, paragraphs }) =>
      markdown([`*${escapeSlack(title)}*`, ...paragraphs.map(escapeSlack)].join("\n")),
    ),
    ...(left > 0 ? [markdown(`e mais ${left}: npm run elt -- alert`)] : []),
    ...(table === undefined ? [] : [markdown(tableText(table))]),
    ...(link === undefined ? [] : [markdown(`<${escapeSlack(link)}|Abrir o painel>`)]),
  ];
  return { text: clip(`${marks[tone]} ${escapeSlack(subject)}`, SECTION_LENGTH), blocks };
}

function markdown(text: string): Readonly<Record<string, unknown>> {
  return { type: "section", text: { type: "mrkdwn", text: clip(text, SECTION_LENGTH) } };
}

/** A list reads better on a phone than columns do. */
function tableText({ head, rows }: Table): string {
  return rows
    .map(([label = "", ...cells]) => {
      const values = cells.map((cell, i) => `${head[i + 1] ?? ""}: ${cell}`).join(" · ");
      return `*${escapeSlack(label)}*\n${escapeSlack(values)}`;
    })
    .join("\n");
}

/** These three characters alone mean something to Slack; so no text can call @channel. */
function escapeSlack(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
