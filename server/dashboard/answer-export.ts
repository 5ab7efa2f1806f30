import type { RequestHandler } from "express";
import { type SQLQuery, sql } from "../../extract/query.ts";
import type { ServerContext } from "../context.ts";
import { unknownAccount } from "../problem.ts";
import { readPublished, type Snapshot } from "../read-published.ts";
import { contasOf, seesPersonalData } from "../reader.ts";
import { readerOf } from "../require-reader.ts";
import { BodyCut, sendStream } from "../send-body.ts";
import { type Filters, readDashboardRequest } from "./filters.ts";
import { selectListedSales } from "./sales-query.ts";
import { accountCondition } from "./sales-scope.ts";
import { readStretches } from "./stretches.ts";

type Kind = "text" | "number" | "day" | "code";

/** Columns of the file, what they are called, and how they are written. */
const columns: readonly (readonly [name: string, title: string, kind: Kind])[] = [
  ["conta", "Conta", "text"],
  ["reserva", "Reserva", "code"],
  ["data", "Data da venda", "day"],
  ["empreendimento", "Empreendimento", "text"],
  ["unidade", "Unidade", "text"],
  ["corretor", "Corretor", "text"],
  ["time", "Time", "text"],
  ["cliente", "Cliente", "text"],
  ["valor", "Valor", "number"],
  ["financiamento", "Financiamento", "number"],
  ["entrada", "Entrada", "number"],
  ["parcelas", "Parcelas", "number"],
  ["comissao", "Comissão", "number"],
  ["prosoluto", "Pró-soluto", "number"],
  ["percentual_prosoluto", "Pró-soluto (%)", "number"],
  ["situacao", "Situação", "text"],
];

const defaultExportMs = 600_000;
const defaultStallMs = 30_000;
const utf8Mark = Buffer.from("\ufeff");

/**
 * Answers the sales of the table, all pages of them, as the CSV that Excel opens in Brazil:
 * semicolons, decimal commas, days as dd/mm/yyyy. The API has the other CSV.
 */
export function answerExport(context: ServerContext): RequestHandler {
  return async (request, response) => {
    const { filters, table } = readDashboardRequest(request);
    const reader = readerOf(response);
    contasOf(reader, filters.conta);
    const giveBack = await context.exportSlots.take();
    const totalMs = context.config.exportMs ?? defaultExportMs;
    let cut: BodyCut | undefined;
    try {
      const { noticesLoss } = await context.catalogue.current();
      const options = { contas: contasOf(reader, undefined), timeoutMs: totalMs, noticesLoss };
      await readPublished(context.pool, options, async (snapshot) => {
        await requireAccount(snapshot, filters);
        const stretch = (await readStretches(snapshot, filters)).listed;
        const seesClients = seesPersonalData(reader);
        const rows = selectListedSales({ filters, table, stretch, seesClients });
        response.setHeader("Content-Type", "text/csv; charset=utf-8");
        response.setHeader(
          "Content-Disposition",
          `attachment; filename="vendas-${snapshot.hoje}.csv"`,
        );
        if (request.method === "HEAD") {
          response.end();
          return;
        }
        const limits = { stallMs: context.stallMs ?? defaultStallMs, totalMs };
        await sendStream(request, response, limits, async function* (signal) {
          yield utf8Mark;
          yield* snapshot.copy(writeRows(rows), "format csv, header, delimiter ';'", signal);
        });
      });
    } catch (error) {
      if (!(error instanceof BodyCut)) throw error;
      cut = error;
    } finally {
      giveBack();
    }
    if (cut !== undefined) {
      context.log({ type: "export-cut", relation: "vendas.csv", reason: cut.reason });
    }
  };
}

/** @throws Problem 404 for an account that has no data */
async function requireAccount(snapshot: Snapshot, filters: Filters): Promise<void> {
  if (filters.conta === undefined) return;
  const { rows } = await snapshot.select(
    sql`select from marts.contas where ${accountCondition(filters)}`,
  );
  if (rows.length === 0) throw unknownAccount(filters.conta);
}

function writeRows(rows: SQLQuery): SQLQuery {
  const written = columns.map(
    ([name, title, kind]) => sql`${write(sql.ident("linhas", name), kind)} as ${sql.ident(title)}`,
  );
  return sql`select ${sql.join(written, ", ")} from (${rows}) as linhas`;
}

function write(value: SQLQuery, kind: Kind): SQLQuery {
  switch (kind) {
    case "number":
      return sql`replace(${value}::text, '.', ',')`;
    case "day":
      return sql`to_char(${value}, 'DD/MM/YYYY')`;
    case "code":
      return sql`${value}::text`;
    // A spreadsheet would run what begins like a formula.
    case "text":
      return sql`regexp_replace(${value}, '^([=+@\t\r\n-])', '''\\1')`;
  }
}
