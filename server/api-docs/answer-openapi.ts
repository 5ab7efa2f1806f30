import type { RequestHandler } from "express";
import type { ServerContext } from "../context.ts";
import { answerNotModified, etagOf, matchesEtag } from "../etag.ts";
import { type Catalogue, visibleRelations } from "../marts/catalogue.ts";
import { readParameters } from "../parameters.ts";
import { publicationTag } from "../publication.ts";
import { type Reader, readerTag } from "../reader.ts";
import { readerOf } from "../require-reader.ts";
import { sendWhole } from "../send-body.ts";
import { openApiOf } from "./openapi.ts";
import { renderApiDocs } from "./render-api-docs.ts";

/** Answers the OpenAPI document. */
export function answerOpenApi(context: ServerContext): RequestHandler {
  return answerDocument(context, "application/json", (catalogue, reader) =>
    JSON.stringify(openApiOf(visibleRelations(catalogue, reader))),
  );
}

/** Answers the same for people: a page that needs neither scripts nor another host. */
export function answerApiDocs(context: ServerContext): RequestHandler {
  return answerDocument(context, "text/html; charset=utf-8", (catalogue, reader) =>
    renderApiDocs(visibleRelations(catalogue, reader), reader),
  );
}

function answerDocument(
  context: ServerContext,
  contentType: string,
  write: (catalogue: Catalogue, reader: Reader) => string,
): RequestHandler {
  return async (request, response) => {
    readParameters(request, []);
    const reader = readerOf(response);
    const catalogue = await context.catalogue.current();
    const etag = etagOf([request.path, publicationTag(catalogue.publication), readerTag(reader)]);
    if (matchesEtag(request.headers["if-none-match"], etag)) {
      return answerNotModified(response, etag);
    }
    response.setHeader("ETag", etag);
    response.setHeader("Content-Type", contentType);
    sendWhole(request, response, [Buffer.from(write(catalogue, reader))]);
  };
}
