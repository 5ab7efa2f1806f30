import type { Request, RequestHandler, Response } from "express";
import { DatabaseError } from "pg";
import type { CachedAnswer } from "../answer-cache.ts";
import type { ServerContext } from "../context.ts";
import { createEncoder } from "../encoder.ts";
import { answerNotModified, etagOf, matchesEtag } from "../etag.ts";
import { chooseFormat, type Format, mediaTypes } from "../format.ts";
import { hojeAt } from "../hoje.ts";
import { Problem } from "../problem.ts";
import { type Publication, publicationTag } from "../publication.ts";
import { readPublished, type Snapshot } from "../read-published.ts";
import { contasOf, type Reader, readerTag } from "../reader.ts";
import { readerOf } from "../require-reader.ts";
import { BodyCut, sendStream, sendWhole } from "../send-body.ts";
import { type Catalogue, clearSourceFor, visibleRelation } from "./catalogue.ts";
import { type RowsSource, selectPageEnd, selectRows } from "./compose-rows.ts";
import { writeCursor } from "./cursor.ts";
import { exportRows, type StreamFormat } from "./export-rows.ts";
import { type RowsQuery, readRowsQuery, valueParameter } from "./rows-query.ts";

/** One JSON answer has at most as many rows; the other formats have no end of their own. */
export const jsonRowCap = 10_000;

/** The formats of rows, in the order of preference. */
export const rowFormats = ["json", "ndjson", "csv", "arrow"] as const;
const defaultExportMs = 600_000;
const stallMs = 30_000;
const requestMs = 10_000;

/**
 * Answers the rows of a table or view of schema marts. JSON is whole before its first byte leaves;
 * NDJSON, CSV and Arrow stream from the database as fast as the caller takes them, and give up on
 * one that takes nothing for half a minute, or is not done in time.
 */
export function answerRows(context: ServerContext): RequestHandler {
  return async (request, response) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await answerBy(await context.catalogue.current(), context, request, response);
      } catch (error) {
        if (!(error instanceof CatalogueMoved) || attempt === mostAttempts)
          throw explain(error, searchOf(request));
        context.catalogue.forget();
      }
    }
  };
}

const mostAttempts = 3;

/** Something was published between reading the catalogue and reading the rows. */
class CatalogueMoved extends Error {
  override readonly name = "CatalogueMoved";
}

async function answerBy(
  catalogue: Catalogue,
  context: ServerContext,
  request: Request,
  response: Response,
): Promise<void> {
  const reader = readerOf(response);
  const name = String(request.params.relation ?? "");
  const relation = visibleRelation(catalogue, reader, name);
  if (relation === undefined) throw unknownRelation(name);
  response.locals.relation = relation.name;
  const search = searchOf(request);
  const query = readRowsQuery(relation, search);
  const format = chooseFormat(request, query.format, rowFormats);
  const contas = contasOf(reader, undefined);
  const tag = (publication: Publication, hoje: string) =>
    etagOf([
      "/api/marts",
      name,
      publicationTag(publication),
      hoje,
      format,
      search,
      readerTag(reader),
    ]);

  const current = context.watch.current();
  if (current !== undefined) {
    const etag = tag(current, hojeAt(context.now()));
    if (matchesEtag(request.headers["if-none-match"], etag)) {
      return answerNotModified(response, etag);
    }
  }
  const source = { relation, contas, clear: clearSourceFor(relation, reader) };
  const answer: Answer = { request, response, context, catalogue, reader, source, query, tag };
  if (format === "json") await answerJson(answer, current);
  else await answerStream(answer, format);
}

type Answer = {
  readonly request: Request;
  readonly response: Response;
  readonly context: ServerContext;
  readonly catalogue: Catalogue;
  readonly reader: Reader;
  readonly source: RowsSource;
  readonly query: RowsQuery;
  readonly tag: (publication: Publication, hoje: string) => string;
};

/**
 * The tag of the rows that a snapshot shows.
 * @throws CatalogueMoved for another publication: it may have other columns, and its tag would stand
 *   for these
 */
function tagOf({ catalogue, tag }: Answer, { publication, hoje }: Snapshot): string {
  const isSame = publicationTag(publication) === publicationTag(catalogue.publication);
  if (!isSame) throw new CatalogueMoved();
  return tag(publication, hoje);
}

/** Sets the headers of an answer, unless the caller has it: then it is told so, and that is all. */
function begin({ request, response, source }: Answer, format: Format, etag: string): boolean {
  if (matchesEtag(request.headers["if-none-match"], etag)) {
    answerNotModified(response, etag);
    return false;
  }
  response.setHeader("ETag", etag);
  response.setHeader("Content-Type", mediaTypes[format]);
  if (format === "csv" || format === "arrow") {
    const file = `${source.relation.name}.${format === "csv" ? "csv" : "arrows"}`;
    response.setHeader("Content-Disposition", `attachment; filename="${file}"`);
  }
  return true;
}

async function answerJson(answer: Answer, current: Publication | undefined): Promise<void> {
  const { request, response, context, source, query } = answer;
  const limit = Math.min(query.limit ?? jsonRowCap, jsonRowCap);
  const make = () =>
    readPublished(context.pool, readOptions(answer, requestMs), async (snapshot) => {
      const etag = tagOf(answer, snapshot);
      const rows = await snapshot.select(selectRows(source, query, { isOrdered: true, limit }));
      const isFull = rows.rows.length === limit;
      const next = isFull ? await nextPage(answer, snapshot, limit) : undefined;
      const truncated = next !== undefined && limit < (query.limit ?? Number.POSITIVE_INFINITY);
      const { publication } = snapshot;
      const encoder = createEncoder("json", { publication, single: false });
      encoder.add(rows);
      const body = encoder.finish({ truncated, next });
      return { etag, headers: pageHeaders(next, truncated), body };
    });
  // Without knowing what is in force nothing in memory is certain.
  const { etag, headers, body } = await (current === undefined
    ? make()
    : context.answers.get(answer.tag(current, hojeAt(context.now())), make));
  if (!begin(answer, "json", etag)) return;
  response.setHeaders(new Map(Object.entries(headers)));
  sendWhole(request, response, body);
}

async function answerStream(answer: Answer, format: StreamFormat): Promise<void> {
  const { request, response, context, source, query } = answer;
  const { limit } = query;
  // Only who asks for a part of the rows needs them in an order; all of them come as they lie.
  const isOrdered =
    query.isOrdered || limit !== undefined || query.offset > 0 || query.after !== undefined;
  const totalMs = context.config.exportMs ?? defaultExportMs;
  const giveBack = await context.exportSlots.take();
  let cut: BodyCut | undefined;
  try {
    await readPublished(context.pool, readOptions(answer, totalMs), async (snapshot) => {
      if (!begin(answer, format, tagOf(answer, snapshot))) return;
      const next = limit === undefined ? undefined : await nextPage(answer, snapshot, limit);
      response.setHeaders(new Map(Object.entries(pageHeaders(next, false))));
      if (request.method === "HEAD") {
        response.end();
        return;
      }
      const { publication } = snapshot;
      const metadata = new Map([
        ["publicacao_id", publication.id],
        ["publicacao_em", publication.em],
      ]);
      const limits = { stallMs: context.stallMs ?? stallMs, totalMs };
      await sendStream(request, response, limits, (signal) =>
        exportRows({ snapshot, format, source, query, isOrdered, limit, metadata, signal }),
      );
    });
  } catch (error) {
    if (!(error instanceof BodyCut)) throw error;
    cut = error;
  } finally {
    giveBack();
  }
  if (cut !== undefined) {
    context.log({ type: "export-cut", relation: source.relation.name, reason: cut.reason });
  }
}

function readOptions({ catalogue, source }: Answer, timeoutMs: number) {
  const { masked, clear } = catalogue.roles;
  return {
    contas: source.contas,
    // It can read no more than what this reader may see, whatever a statement says.
    role: source.clear === undefined ? masked : clear,
    noticesLoss: catalogue.noticesLoss,
    timeoutMs,
  };
}

/** The address of the rows behind a page of `limit` rows; undefined when there are none. */
async function nextPage(
  { request, source, query }: Answer,
  snapshot: Snapshot,
  limit: number,
): Promise<string | undefined> {
  if (limit === 0) return undefined;
  const { rows } = await snapshot.select(selectPageEnd(source, query, limit));
  const [last, following] = rows;
  if (last === undefined || following === undefined) return undefined;
  const parameters = new URLSearchParams(searchOf(request));
  if (source.relation.key.length === 0) {
    parameters.set("offset", String(query.offset + limit));
    parameters.set("limit", String(limit));
  } else {
    parameters.delete("offset");
    parameters.set("cursor", writeCursor(query.order, last));
  }
  return `/api/marts/${source.relation.name}?${parameters}`;
}

function pageHeaders(next: string | undefined, truncated: boolean): CachedAnswer["headers"] {
  return {
    ...(next === undefined ? {} : { Link: `<${next}>; rel="next"` }),
    ...(truncated ? { "X-Truncado": "true" } : {}),
  };
}

function searchOf(request: Request): string {
  const start = request.originalUrl.indexOf("?");
  return start === -1 ? "" : request.originalUrl.slice(start + 1);
}

function unknownRelation(name: string): Problem {
  return new Problem({
    status: 404,
    type: "relacao-desconhecida",
    title: "Tabela desconhecida",
    detail: `Não há "${name.slice(0, 60)}" entre as tabelas e visões publicadas: /api/marts lista todas.`,
    members: { parametro: "relation" },
  });
}

/**
 * What only the database could find in values that looked right, e.g. in a cursor made by hand. Where no
 * value was sent, a view has failed on its own.
 */
function explain(error: unknown, search: string): unknown {
  if (!(error instanceof DatabaseError) || error.code?.startsWith("22") !== true) return error;
  const parametro = valueParameter(search);
  if (parametro === undefined) return error;
  return new Problem({
    status: 400,
    type: "parametro-invalido",
    title: "Parâmetro inválido",
    detail: "Um dos valores da consulta não cabe no tipo da coluna.",
    members: { parametro },
    cause: error,
  });
}
