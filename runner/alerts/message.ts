import { formatDuration, formatInstant, plural } from "./brazilian-text.ts";
import type { Incident } from "./incident.ts";
import { incidentText } from "./incident-text.ts";
import type { Phase } from "./message-record.ts";

/** What somebody is told, before it is an e-mail or a message in a chat. */
export type Message = {
  /** One line without control characters. */
  readonly subject: string;
  readonly tone: "trouble" | "recovered" | "neutral";
  readonly sections: readonly Section[];
  /** Label and value pairs of the daily summary. */
  readonly table?: Table | undefined;
  /** Where to look on. */
  readonly link: string | undefined;
  /** The same whenever the same message is sent again. */
  readonly id: string;
};

export type Section = {
  readonly title: string;
  readonly paragraphs: readonly string[];
};

export type Table = {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
};

export type MessageContext = {
  /** The account in whose name it is sent. */
  readonly conta: string;
  readonly now: Date;
  readonly dashboardUrl: string | undefined;
};

/** One message for incidents that began, or ended, since the last one. */
export function composeMessage(
  phase: Phase,
  incidents: readonly Incident[],
  { conta, now, dashboardUrl }: MessageContext,
): Message {
  const sections = incidents.map((incident) =>
    phase === "opened" ? beginning(incident, now) : end(incident),
  );
  const [first = { title: "" }] = sections;
  const others = sections.length - 1;
  const title = others === 0 ? first.title : `${first.title} e mais ${others}`;
  const onlyNotices = incidents.every(({ kind }) => kind === "drift");
  const subject = phase === "closed" ? `Resolvido: ${title}` : title;
  return {
    subject: subjectLine(conta, subject),
    tone: phase === "closed" ? "recovered" : onlyNotices ? "neutral" : "trouble",
    sections,
    link: dashboardUrl,
    id: [phase, ...incidents.map(({ id, openedAt }) => `${id}-${openedAt.getTime()}`)].join("."),
  };
}

const SUBJECT_LENGTH = 150;

/** `[CVDW exemplo] …`: nothing in it can end a header or hide what follows. */
export function subjectLine(conta: string, text: string): string {
  const line = `[CVDW ${conta}] ${text}`.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
  return line.length <= SUBJECT_LENGTH ? line : `${line.slice(0, SUBJECT_LENGTH - 1)}…`;
}

function beginning(incident: Incident, now: Date): Section {
  const { title, happened, whatToDo } = incidentText(incident);
  const age = now.getTime() - incident.openedAt.getTime();
  const since = age < 60_000 ? "" : ` (há ${formatDuration(age)})`;
  return {
    title,
    paragraphs: [
      happened,
      `Desde: ${formatInstant(incident.openedAt)}, horário de Brasília${since}.`,
      `O que fazer: ${whatToDo}`,
    ],
  };
}

function end(incident: Incident): Section {
  const { recovered, title } = incidentText(incident);
  const { openedAt, closedAt } = incident;
  const closed = closedAt ?? openedAt;
  const lasted = formatDuration(closed.getTime() - openedAt.getTime());
  return {
    title: recovered,
    paragraphs: [
      `Era: ${title}.`,
      `De ${formatInstant(openedAt)} a ${formatInstant(closed)}, horário de Brasília (${lasted}). Não é preciso fazer nada.`,
    ],
  };
}

/** What `elt alert test` sends. */
export function testMessage({ conta, now, dashboardUrl }: MessageContext): Message {
  return {
    subject: subjectLine(conta, "Mensagem de teste"),
    tone: "neutral",
    sections: [
      {
        title: "Os alertas chegam até aqui",
        paragraphs: [
          `Esta mensagem foi enviada por elt alert test em ${formatInstant(now)}, horário de Brasília.`,
          "Você recebe uma mensagem quando algo falha e outra quando volta a funcionar. Não é preciso fazer nada.",
        ],
      },
    ],
    link: dashboardUrl,
    id: `test.${now.getTime()}`,
  };
}

/** How many things a person should look at, for a line of the daily summary. */
export function openText(incidents: readonly Incident[]): string {
  if (incidents.length === 0) return "Nenhum problema em aberto.";
  const titles = incidents.map((incident) => incidentText(incident).title);
  const count = plural(incidents.length, "problema em aberto", "problemas em aberto");
  return `${count}: ${titles.join("; ")}.`;
}
