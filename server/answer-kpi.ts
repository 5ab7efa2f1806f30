import type { RequestHandler } from "express";
import { type SQLQuery, sql } from "../extract/query.ts";
import { arrowAnswer } from "./arrow.ts";
import type { ServerContext } from "./context.ts";
import { answerNotModified, etagOf, matchesEtag } from "./etag.ts";
import { chooseFormat, mediaTypes } from "./format.ts";
import { hojeAt } from "./hoje.ts";
import { jsonAnswer } from "./json.ts";
import type { KpiRoute } from "./kpi-routes.ts";
import { readParameters } from "./parameters.ts";
import { unknownAccount } from "./problem.ts";
import type { Publication } from "./publication.ts";
import { readPublished, type Snapshot } from "./read-published.ts";
import { readerOf } from "./require-reader.ts";
import type { ResultSet } from "./result-set.ts";

/** More rows than this are left out, and the answer says so. */
const defaultRowCap = 100_000;

/** Answers one KPI address as JSON or Arrow, or with 304 when the caller has these very rows. */
export function answerKpi(
  context: ServerContext,
  route: KpiRoute,
  rowCap: number = defaultRowCap,
): RequestHandler {
  return async (request, response) => {
    const { conta, format: wanted } = readParameters(request, ["conta", "format"]);
    const format = chooseFormat(request, wanted);
    const { scopes } = readerOf(response);
    const tag = (publication: Publication, hoje: string) =>
      etagOf([route.path, publication.id, hoje, conta ?? "", format, [...scopes].sort().join("+")]);

    const current = context.watch.current();
    if (current !== undefined) {
      const etag = tag(current, hojeAt(context.now()));
      if (matchesEtag(request.headers["if-none-match"], etag))
        return answerNotModified(response, etag);
    }
    const found = await readPublished(context.pool, conta, async (snapshot) => {
      const etag = tag(snapshot.publication, snapshot.hoje);
      if (matchesEtag(request.headers["if-none-match"], etag)) return { etag };
      const result = await selectCapped(snapshot, route.select(conta), rowCap + 1);
      if (conta !== undefined && isEmpty(result, route)) await requireAccount(snapshot, conta);
      return { etag, result, publication: snapshot.publication };
    });
    if (found.result === undefined) return answerNotModified(response, found.etag);
    const { etag, publication, result } = found;
    const truncated = result.rows.length > rowCap;
    const kept = truncated ? { ...result, rows: result.rows.slice(0, rowCap) } : result;
    const body =
      format === "arrow"
        ? arrowAnswer({ publication, result: kept, truncated })
        : jsonAnswer({ publication, result: kept, single: route.single, truncated });
    response.setHeader("ETag", etag);
    response.setHeader("Content-Type", mediaTypes[format]);
    response.setHeader("Content-Length", body.length);
    response.end(body);
  };
}

function selectCapped(snapshot: Snapshot, statement: SQLQuery, limit: number): Promise<ResultSet> {
  return snapshot.select(sql`${statement} limit ${limit}`);
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
