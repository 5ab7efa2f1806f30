import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import express, { type RequestHandler } from "express";
import type { ServerContext } from "../context.ts";
import { answerNotModified, etagOf, matchesEtag } from "../etag.ts";
import { hojeAt } from "../hoje.ts";
import { readParameters } from "../parameters.ts";
import { unknownAccount } from "../problem.ts";
import type { Publication } from "../publication.ts";
import { readPublished } from "../read-published.ts";
import { contasOf, readerTag } from "../reader.ts";
import { readerOf } from "../require-reader.ts";
import { formatAge } from "./formats.ts";
import { readDashboard } from "./read-dashboard.ts";
import { renderDashboard } from "./render-dashboard.ts";

const assetsDirectory = path.join(import.meta.dirname, "assets");
const stylesheetFile = path.join(assetsDirectory, "painel.css");
const version = createHash("sha256")
  .update(readFileSync(stylesheetFile))
  .digest("hex")
  .slice(0, 12);

/** Address of the style sheet; another sheet has another address. */
export const stylesheet = `/assets/painel.css?v=${version}`;

/** Serves the style sheet and the icon, which hold no data, to everybody. */
export function answerAssets(): RequestHandler {
  return express.static(assetsDirectory, {
    index: false,
    cacheControl: false,
    setHeaders: (response, file) => {
      response.removeHeader("Vary");
      // The sheet's address changes with its text; the icon's does not.
      const lifetime = file === stylesheetFile ? "max-age=31536000, immutable" : "max-age=86400";
      response.setHeader("Cache-Control", `public, ${lifetime}`);
    },
  });
}

/** Answers the dashboard, or 304 when the caller has this very page. */
export function answerDashboard(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const { conta } = readParameters(request, ["conta"]);
    const reader = readerOf(response);
    const now = context.now();
    // The page says how old its data are, so it is another page when that text is another.
    const tag = ({ id, em }: Publication, hoje: string) =>
      etagOf([
        "/",
        id,
        hoje,
        conta ?? "",
        formatAge(new Date(em), now),
        version,
        readerTag(reader),
      ]);
    const known = (etag: string) => matchesEtag(request.headers["if-none-match"], etag);

    const current = context.watch.current();
    if (current !== undefined) {
      const etag = tag(current, hojeAt(now));
      if (known(etag)) return answerNotModified(response, etag);
    }
    const found = await readPublished(
      context.pool,
      { contas: contasOf(reader, conta) },
      async (snapshot) => {
        const etag = tag(snapshot.publication, snapshot.hoje);
        if (known(etag)) return { etag };
        return { etag, dashboard: await readDashboard(snapshot, conta) };
      },
    );
    const { etag, dashboard } = found;
    if (dashboard === undefined) return answerNotModified(response, etag);
    if (conta !== undefined && !dashboard.contas.includes(conta)) throw unknownAccount(conta);
    response.setHeader("ETag", etag);
    response.type("html").send(renderDashboard({ dashboard, stylesheet, now }));
  };
}
