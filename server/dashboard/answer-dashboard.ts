import type { RequestHandler } from "express";
import type { ServerContext } from "../context.ts";
import { answerNotModified, etagOf, matchesEtag } from "../etag.ts";
import { hojeAt } from "../hoje.ts";
import { hasSession } from "../login/read-session.ts";
import { unknownAccount } from "../problem.ts";
import { type Publication, publicationTag } from "../publication.ts";
import { readPublished } from "../read-published.ts";
import { accountsTag, contasOf, type Reader, readerTag, seesPersonalData } from "../reader.ts";
import { readerOf } from "../require-reader.ts";
import { sendWhole } from "../send-body.ts";
import { script, stylesheet } from "./answer-assets.ts";
import { type DashboardRequest, readDashboardRequest } from "./filters.ts";
import { headingState, renderHeading } from "./heading.ts";
import type { Html } from "./html.ts";
import { renderPage } from "./page.ts";
import { createPageCache } from "./page-cache.ts";
import { readDashboard } from "./read-dashboard.ts";
import { renderDashboard, titleOf } from "./render-dashboard.ts";
import { createRunStateSource } from "./run-state.ts";
import { createStaleSources } from "./stale-sources.ts";

/** A page without what changes by the minute. */
type Content = {
  readonly publication: Publication;
  readonly hoje: string;
  readonly contas: readonly string[];
  readonly title: string;
  readonly content: Html;
};

/**
 * Answers the dashboard, or 304 when the caller has this very page. What the database says is kept
 * by publication, day, filters and reader; the heading is made for each answer.
 *
 * @throws Problem 400 that names a wrong filter; 404 for an account that the reader may not see
 */
export function answerDashboard(context: ServerContext): RequestHandler {
  const runs = createRunStateSource(context.pool, context.now);
  const sources = createStaleSources(context.pool, context.now);
  const pages = createPageCache<Content>();
  return async (request, response) => {
    const wanted = readDashboardRequest(request);
    const reader = readerOf(response);
    const now = context.now();
    const state = {
      request: wanted,
      run: await runs.current(reader.contas),
      stale: (await sources.current(reader.contas)).filter(
        ({ conta }) => wanted.filters.conta === undefined || conta === wanted.filters.conta,
      ),
      now,
      person: hasSession(response) ? reader.key : undefined,
    };
    const keyOf = (publication: Publication, hoje: string) =>
      JSON.stringify([publicationTag(publication), hoje, wanted, readerTag(reader)]);
    const tag = (publication: Publication, hoje: string) =>
      etagOf([
        keyOf(publication, hoje),
        headingState({ ...state, publication }),
        stylesheet,
        script,
      ]);
    const known = (etag: string) => matchesEtag(request.headers["if-none-match"], etag);

    const current = context.watch.current();
    const hoje = hojeAt(now);
    if (current !== undefined) {
      const etag = tag(current, hoje);
      if (known(etag)) return answerNotModified(response, etag);
    }
    const make = () => readContent(context, reader, wanted);
    // Without knowing what is in force nothing in memory is certain.
    const found = await (current === undefined
      ? make()
      : pages.get(
          keyOf(current, hoje),
          make,
          (made) => keyOf(made.publication, made.hoje) === keyOf(current, hoje),
        ));
    const { conta } = wanted.filters;
    if (conta !== undefined && !found.contas.includes(conta)) throw unknownAccount(conta);
    const { publication, contas, title, content } = found;
    const etag = tag(publication, found.hoje);
    if (known(etag)) return answerNotModified(response, etag);
    const page = renderPage({
      title,
      stylesheet,
      script,
      heading: renderHeading({ ...state, contas, publication }),
      content,
    });
    response.setHeader("ETag", etag);
    // The form that logs out tells where it stands.
    if (state.person !== undefined) response.setHeader("Referrer-Policy", "same-origin");
    response.type("html");
    sendWhole(request, response, [Buffer.from(page)]);
  };
}

function readContent(
  { pool, dashboard: memory }: ServerContext,
  reader: Reader,
  wanted: DashboardRequest,
): Promise<Content> {
  contasOf(reader, wanted.filters.conta);
  return readPublished(pool, { contas: contasOf(reader, undefined) }, async (snapshot) => {
    const dashboard = await readDashboard(snapshot, wanted, {
      seesClients: seesPersonalData(reader),
      memory,
      scope: accountsTag(reader),
    });
    return {
      publication: snapshot.publication,
      hoje: snapshot.hoje,
      contas: dashboard.choices.contas,
      title: titleOf(dashboard),
      content: renderDashboard(dashboard),
    };
  });
}
