import type { RequestHandler } from "express";
import type { ServerContext } from "../context.ts";
import { answerNotModified, etagOf, matchesEtag } from "../etag.ts";
import { readParameters } from "../parameters.ts";
import { publicationTag } from "../publication.ts";
import { type Reader, readerTag, seesPersonalData } from "../reader.ts";
import { readerOf } from "../require-reader.ts";
import { sendWhole } from "../send-body.ts";
import { type Relation, visibleRelations } from "./catalogue.ts";

/** Lists the tables and views that can be asked for, with their columns. */
export function answerMarts(context: ServerContext): RequestHandler {
  return async (request, response) => {
    readParameters(request, []);
    const reader = readerOf(response);
    const catalogue = await context.catalogue.current();
    const { publication } = catalogue;
    const etag = etagOf(["/api/marts", publicationTag(publication), readerTag(reader)]);
    if (matchesEtag(request.headers["if-none-match"], etag)) {
      return answerNotModified(response, etag);
    }
    const relations = visibleRelations(catalogue, reader);
    const body = {
      publicacao: { id: Number(publication.id), em: publication.em },
      dados: relations.map((relation) => describe(relation, reader)),
    };
    response.setHeader("ETag", etag);
    response.setHeader("Content-Type", "application/json");
    sendWhole(request, response, [Buffer.from(`${JSON.stringify(body)}\n`)]);
  };
}

function describe(relation: Relation, reader: Reader): object {
  const seesClear = seesPersonalData(reader);
  return {
    nome: relation.name,
    endereco: `/api/marts/${relation.name}`,
    tipo: relation.kind === "table" ? "tabela" : "visao",
    descricao: relation.comment,
    chave: relation.key,
    // Rows of all accounts: whoever sees some of them is not told.
    linhas_estimadas: reader.contas.length === 0 ? relation.rowEstimate : null,
    colunas: relation.columns.map(({ name, sqlType, comment, nullable }) => ({
      nome: name,
      tipo: sqlType,
      descricao: comment,
      aceita_nulo: nullable,
      ...(relation.clear?.columns.has(name) === true
        ? { dado_pessoal: seesClear ? "claro" : "mascarado" }
        : {}),
    })),
  };
}
