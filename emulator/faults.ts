import type { Account } from "./account.ts";
import {
  type Answer,
  accessDisabled,
  bodyText,
  htmlAnswer,
  jsonAnswer,
  tooManyRequests,
  unexpectedError,
  unknownRoute,
  wrongCredentials,
} from "./answer.ts";

/** What goes wrong. A function edits the account before the page is read, which then answers as usual. */
export type FaultKind =
  | "429"
  | "500"
  | "503-html"
  | "520"
  | "text"
  | "200-too-many"
  | "cut"
  | "reset"
  | "slow"
  | "empty"
  | "401"
  | "403"
  | "405"
  | "422"
  | "invalid-json"
  | "204"
  | "empty-envelope"
  | "no-rows"
  | "short"
  | "other-page"
  | "no-totals"
  | {
      readonly status: number;
      readonly headers?: { readonly [name: string]: string };
      readonly body: string;
    }
  | ((account: Account) => void);

/** A scripted fault: which calls it meets, how often, and what then happens. */
export type FaultScript = {
  /** Account; absent: every one. */
  readonly conta?: string;
  /** Object by name; absent: every one. */
  readonly object?: string;
  readonly page?: number;
  /** The page that shows this row, counted from 1, whatever the size of pages. */
  readonly row?: number;
  /** Pages that were asked for with more records than this. */
  readonly pageSizeAbove?: number;
  /** The first matching call it strikes, counted from 1 since it was scripted. Default 1. */
  readonly call?: number;
  /** How many calls from there on. Default 1. */
  readonly times?: number;
  readonly kind: FaultKind;
  /** Seconds for a Retry-After header. */
  readonly retryAfter?: number;
  /** Delay before the answer, for "slow" (default 1000) or beside any other kind. */
  readonly ms?: number;
};

export type FaultCall = {
  readonly account: Account;
  readonly object: string;
  readonly page: number;
  readonly pageSize: number;
};

/** What a fault does to one call. */
export type Strike = {
  readonly name: string;
  readonly delayMs: number;
  /** How the bytes travel. */
  readonly wire: "whole" | "cut" | "reset";
  /** Takes the place of the regular answer, or changes it. */
  readonly change: (regular: RegularAnswer) => Answer;
};

/** The answer to the page that was asked for, or to another one of the same size. */
export type RegularAnswer = (page?: number) => Answer;

export type Faults = {
  /** Gives the function that ends it. */
  readonly add: (script: FaultScript) => () => void;
  /** The first script that strikes a call; every script counts the calls that match it. */
  readonly meet: (call: FaultCall) => Strike | undefined;
};

/** An empty script of faults. */
export function createFaults(): Faults {
  const scripts = new Set<{ readonly script: FaultScript; matched: number }>();
  return {
    add: (script) => {
      const entry = { script, matched: 0 };
      scripts.add(entry);
      return () => void scripts.delete(entry);
    },
    meet: (call) => {
      let strike: Strike | undefined;
      for (const entry of scripts) {
        const { script } = entry;
        if (!matches(script, call)) continue;
        entry.matched += 1;
        const first = script.call ?? 1;
        const struck = entry.matched >= first && entry.matched < first + (script.times ?? 1);
        if (struck && strike === undefined) strike = strikeOf(script, call);
      }
      return strike;
    },
  };
}

function matches(script: FaultScript, call: FaultCall): boolean {
  return (
    (script.conta === undefined || script.conta === call.account.conta) &&
    (script.object === undefined || script.object === call.object) &&
    (script.page === undefined || script.page === call.page) &&
    (script.row === undefined || Math.ceil(script.row / call.pageSize) === call.page) &&
    (script.pageSizeAbove === undefined || call.pageSize > script.pageSizeAbove)
  );
}

function strikeOf(script: FaultScript, { account, page }: FaultCall): Strike {
  const { kind } = script;
  const retryAfter = script.retryAfter;
  const withRetryAfter = (answer: Answer): Answer =>
    retryAfter === undefined
      ? answer
      : { ...answer, headers: { ...answer.headers, "retry-after": `${retryAfter}` } };
  return {
    name: typeof kind === "string" ? kind : typeof kind === "function" ? "hook" : `${kind.status}`,
    delayMs: script.ms ?? (kind === "slow" ? 1_000 : 0),
    wire: kind === "cut" || kind === "reset" ? kind : "whole",
    change: (regular) => {
      if (typeof kind === "function") {
        kind(account);
        return withRetryAfter(regular());
      }
      return withRetryAfter(faultyAnswer(kind, page, regular));
    },
  };
}

function faultyAnswer(
  kind: Exclude<FaultKind, (account: Account) => void>,
  page: number,
  regular: RegularAnswer,
): Answer {
  if (typeof kind === "object") {
    return { status: kind.status, headers: kind.headers ?? {}, body: kind.body, rows: 0 };
  }
  switch (kind) {
    case "429":
      return tooManyRequests;
    case "200-too-many":
      return { ...tooManyRequests, status: 200 };
    case "500":
      return jsonAnswer(500, { error: "Ocorreu um erro interno. Tente novamente.", code: 500 });
    case "503-html":
      return htmlAnswer(503, "Service Temporarily Unavailable");
    case "520":
      return htmlAnswer(520, "Web server is returning an unknown error");
    case "text":
      // A page of plain text with an HTML page after it: the source's own way to fail.
      return {
        ...htmlAnswer(200, "SQLSTATE[HY000]: General error: 2006 server has gone away"),
        body: `Ocorreu um erro ao processar a sua requisição.\n${bodyText(htmlAnswer(200, "SQLSTATE[HY000]"))}`,
      };
    case "empty":
      return { ...regular(), body: "", rows: 0 };
    case "401":
      return wrongCredentials;
    case "403":
      return accessDisabled;
    case "405":
      return unknownRoute;
    case "422":
      return unexpectedError;
    case "invalid-json": {
      const answer = regular();
      return { ...answer, body: `${bodyText(answer).slice(0, -2)}}`, rows: 0 };
    }
    case "204":
      return { ...regular(), status: 204, body: "", rows: 0 };
    case "empty-envelope":
      return changed(regular(), { total_de_registros: 0, total_de_paginas: 0, dados: [] });
    case "no-rows":
      return changed(regular(), { dados: [] });
    case "short": {
      const answer = regular();
      return changed(answer, { dados: recordsOf(answer).slice(0, -1) });
    }
    case "other-page":
      return regular(page > 1 ? page - 1 : 2);
    case "no-totals":
      return changed(regular(), { total_de_registros: 0, total_de_paginas: 0 });
    case "cut":
    case "reset":
    case "slow":
      return regular();
  }
}

/** A page with other members in its envelope. */
function changed(
  answer: Answer,
  members: { readonly dados?: readonly unknown[]; readonly [name: string]: unknown },
): Answer {
  const envelope = { ...JSON.parse(bodyText(answer)), ...members };
  return { ...answer, body: JSON.stringify(envelope), rows: members.dados?.length ?? answer.rows };
}

function recordsOf(answer: Answer): readonly unknown[] {
  const { dados } = JSON.parse(bodyText(answer)) as { dados: readonly unknown[] };
  return dados;
}
