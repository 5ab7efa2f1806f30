import type { RequestHandler } from "express";
import { type SQLQuery, sql } from "../extract/query.ts";
import type { ServerContext } from "./context.ts";
import { createEncoder } from "./encoder.ts";
import { answerNotModified, etagOf, matchesEtag } from "./etag.ts";
import { chooseFormat, mediaTypes } from "./format.ts";
import { hojeAt } from "./hoje.ts";
import type { KpiRoute } from "./kpi-routes.ts";
import { selectRows } from "./marts/compose-rows.ts";
import { allRows } from "./marts/rows-query.ts";
import { readParameters } from "./parameters.ts";
import { unknownAccount } from "./problem.ts";
import { type Publication, publicationTag } from "./publication.ts";
import { readPublished, type Snapshot } from "./read-published.ts";
import { contasOf, type Reader, readerTag, seesPersonalData } from "./reader.ts";
import { readerOf } from "./require-reader.ts";
import type { ResultSet } from "./result-set.ts";
import { sendWhole } from "./send-body.ts";

/**
 * More rows than this are left out, and the answer says so. An answer is whole before its first
 * byte leaves: a failure is never half an answer, and a slow caller holds no connection.
 */
const rowCap = 100_000;

/** Answers one KPI address as JSON or Arrow, or with 304 when the caller has these very rows. */
export function answerKpi(context: ServerContext, route: KpiRoute): RequestHandler {
  return async (request, response) => {
    const { conta, format: wanted } = readParameters(request, ["conta", "format"]);
    const format = chooseFormat(request, wanted, ["json", "arrow"]);
    const reader = readerOf(response);
    const contas = contasOf(reader, conta);
    const tag = (publication: Publication, hoje: string) =>
      etagOf([
        route.path,
        publicationTag(publication),
        hoje,
        conta ?? "",
        format,
        readerTag(reader),
      ]);

    const current = context.watch.current();
    if (current !== undefined) {
      const etag = tag(current, hojeAt(context.now()));
      if (matchesEtag(request.headers["if-none-match"], etag))
        return answerNotModified(response, etag);
    }
    const make = () =>
      readPublished(context.pool, { contas }, async (snapshot) => {
        const { publication } = snapshot;
        const encoder = createEncoder(format, { publication, single: route.single });
        const rows = await selectRoute(context, route, reader, conta);
        let count = 0;
        for await (const batch of snapshot.batches(sql`${rows} limit ${rowCap + 1}`)) {
          if (conta !== undefined && count === 0 && isEmpty(batch, route)) {
            await requireAccount(snapshot, conta);
          }
          const room = Math.max(0, rowCap - count);
          encoder.add({ columns: batch.columns, rows: batch.rows.slice(0, room) });
          count += batch.rows.length;
        }
        const body = encoder.finish({ truncated: count > rowCap });
        return { etag: tag(publication, snapshot.hoje), headers: {}, body };
      });
    // Without knowing what is in force nothing in memory is certain.
    const { etag, body } = await (current === undefined
      ? make()
      : context.answers.get(tag(current, hojeAt(context.now())), make));
    if (matchesEtag(request.headers["if-none-match"], etag)) {
      return answerNotModified(response, etag);
    }
    response.setHeader("ETag", etag);
    response.setHeader("Content-Type", mediaTypes[format]);
    sendWhole(request, response, body);
  };
}

/** The rows of a route, with clear values for a reader who may see them. */
async function selectRoute(
  context: ServerContext,
  route: KpiRoute,
  reader: Reader,
  conta: string | undefined,
): Promise<SQLQuery> {
  const { view } = route;
  if (view === undefined || !seesPersonalData(reader)) return route.select(conta);
  const relation = (await context.catalogue.current()).relations.get(view.name);
  if (relation?.clear === undefined) return route.select(conta);
  const source = { relation, clear: relation.clear, contas: contasOf(reader, conta) };
  const rows = selectRows(source, allRows(relation), { isOrdered: false, limit: undefined });
  return sql`${rows} order by ${view.order}`;
}

/** No rows, or KPIs that count nothing: maybe the account's name is mistyped. */
function isEmpty({ rows }: ResultSet, route: KpiRoute): boolean {
  return route.single ? rows[0]?.[0] === "0" : rows.length === 0;
}

async function requireAccount(snapshot: Snapshot, conta: string): Promise<void> {
  const { rows } = await snapshot.select(
    sql`select 1 from marts.reservas where conta = ${conta} limit 1`,
  );
  if (rows.length === 0) throw unknownAccount(conta);
}
