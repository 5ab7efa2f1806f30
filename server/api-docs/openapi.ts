import packageJson from "../../package.json" with { type: "json" };
import { kpiRoutes } from "../kpi-routes.ts";
import { jsonRowCap, rowFormats } from "../marts/answer-rows.ts";
import type { MartColumn, Relation } from "../marts/catalogue.ts";
import { isCategory } from "../marts/category-columns.ts";
import { operatorsOf } from "../marts/read-condition.ts";

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type Schema = { readonly [key: string]: Json };

/** Formats of a KPI's address. */
const kpiFormats = ["json", "arrow"];

/**
 * The OpenAPI 3.1 document of every address that answers data, made from the catalogue: names,
 * types and comments are those of the database.
 */
export function openApiOf(relations: readonly Relation[]): Schema {
  return {
    openapi: "3.1.0",
    info: {
      title: "API de dados dos marts",
      version: packageJson.version,
      description:
        "Tabelas e indicadores de vendas publicados a partir da CVDW. Cada resposta vem de uma única publicação; ETag muda quando ela muda, e If-None-Match economiza a resposta.",
      license: { name: packageJson.license, identifier: packageJson.license },
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }, { chave: [] }, { basica: [] }],
    tags: [
      { name: "indicadores", description: "Visões prontas, uma por endereço." },
      { name: "marts", description: "Qualquer tabela ou visão, com filtros, ordem e páginas." },
      { name: "servidor", description: "Estado do servidor." },
    ],
    paths: {
      ...Object.fromEntries(kpiRoutes.map(({ path, single }) => [path, kpiPath(path, single)])),
      "/api/marts": { get: listOperation() },
      ...Object.fromEntries(
        relations.map((relation) => [
          `/api/marts/${relation.name}`,
          { get: rowsOperation(relation) },
        ]),
      ),
      "/health": { get: plainOperation("servidor", "saude", "O processo está de pé.") },
      "/ready": {
        get: plainOperation("servidor", "prontidao", "O banco responde e há dados publicados."),
      },
      "/api/openapi.json": { get: plainOperation("servidor", "documento", "Este documento.") },
    },
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        chave: { type: "apiKey", in: "header", name: "X-API-Key" },
        basica: { type: "http", scheme: "basic", description: "A chave é a senha." },
      },
      schemas: {
        problema: problemSchema,
        publicacao: publicationSchema,
        ...Object.fromEntries(relations.map((relation) => [relation.name, rowSchema(relation)])),
      },
      responses: {
        problema: {
          description: "O que está errado e o que fazer (RFC 9457).",
          content: { "application/problem+json": { schema: reference("schemas", "problema") } },
        },
        igual: { description: "O que você já tem continua valendo." },
      },
    },
  };
}

function kpiPath(path: string, single: boolean): Schema {
  const rows: Schema = { type: "object" };
  return {
    get: {
      tags: ["indicadores"],
      operationId: path.replace("/api/", "").replaceAll("-", "_"),
      summary: path.replace("/api/", ""),
      parameters: [
        textParameter("conta", "Só os dados desta conta; sem ela, os de todas que a chave vê."),
        choiceParameter("format", "Formato; sem ele vale o cabeçalho Accept.", kpiFormats),
        etagParameter,
      ],
      responses: {
        ...sharedResponses,
        "200": {
          description: "Os dados.",
          content: {
            "application/json": {
              schema: envelope(single ? rows : { type: "array", items: rows }),
            },
            "application/vnd.apache.arrow.stream": {},
          },
        },
      },
    },
  };
}

function listOperation(): Schema {
  return {
    tags: ["marts"],
    operationId: "marts",
    summary: "Tabelas e visões, com colunas, tipos e descrições",
    parameters: [etagParameter],
    responses: {
      ...sharedResponses,
      "200": {
        description: "A lista.",
        content: {
          "application/json": { schema: envelope({ type: "array", items: { type: "object" } }) },
        },
      },
    },
  };
}

function rowsOperation(relation: Relation): Schema {
  const names = relation.columns.map(({ name }) => name);
  return {
    tags: ["marts"],
    operationId: `marts_${relation.name}`,
    summary: relation.name,
    description: relation.comment ?? "",
    parameters: [
      textParameter("select", `Colunas, separadas por vírgula; sem ele, todas: ${names.join(",")}`),
      textParameter(
        "order",
        "coluna, coluna.desc ou coluna.asc.nullsfirst, separadas por vírgula; sem ele, a chave.",
      ),
      countParameter("limit", `Quantas linhas; em JSON no máximo ${jsonRowCap} por resposta.`),
      countParameter("offset", "Quantas linhas pular. Para muitas páginas use cursor."),
      textParameter("cursor", "De onde seguir: vem pronto em proxima e no cabeçalho Link."),
      choiceParameter("format", "Formato; sem ele vale o cabeçalho Accept.", rowFormats),
      textParameter("or", "(coluna.operador.valor,and(…)): linhas em que uma das condições vale."),
      textParameter("and", "(coluna.operador.valor,or(…)): linhas em que todas valem."),
      ...relation.columns.map((column) => filterParameter(relation, column)),
      etagParameter,
    ],
    responses: {
      ...sharedResponses,
      "200": {
        description: "As linhas.",
        headers: {
          ETag: { schema: { type: "string" } },
          Link: {
            description: 'rel="next": o endereço da próxima página, quando há.',
            schema: { type: "string" },
          },
          "X-Truncado": {
            description: `true quando há mais linhas do que uma resposta em JSON traz (${jsonRowCap}).`,
            schema: { type: "string", enum: ["true"] },
          },
        },
        content: {
          "application/json": {
            schema: envelope({ type: "array", items: reference("schemas", relation.name) }),
          },
          "application/x-ndjson": { schema: reference("schemas", relation.name) },
          "text/csv": { schema: { type: "string" } },
          "application/vnd.apache.arrow.stream": {},
        },
      },
      "404": reference("responses", "problema"),
    },
  };
}

function plainOperation(tag: string, operationId: string, summary: string): Schema {
  return {
    tags: [tag],
    operationId,
    summary,
    ...(tag === "servidor" && operationId !== "documento" ? { security: [] } : {}),
    responses: {
      "200": { description: summary, content: { "application/json": {} } },
      "503": reference("responses", "problema"),
    },
  };
}

function filterParameter({ clear }: Relation, column: MartColumn): Schema {
  const operators = operatorsOf(column).join("|");
  const masked =
    clear?.columns.has(column.name) === true ? " Dado pessoal: mascarado sem o escopo pii." : "";
  return {
    name: column.name,
    in: "query",
    description: `${column.comment ?? column.name}.${masked} Filtro: operador.valor, com not. na frente para negar.`,
    schema: { type: "string", pattern: `^(not\\.)?(${operators})\\..*$` },
    examples: { exemplo: { value: exampleFilter(column) } },
  };
}

/** A filter that a column understands. */
export function exampleFilter({ name, type }: MartColumn): string {
  if (name === "conta") return "eq.exemplo";
  switch (type.kind) {
    case "int32":
    case "int64":
      return "eq.42";
    case "float64":
    case "decimal":
    case "numeric":
      return "gte.250000.00";
    case "boolean":
      return "is.true";
    case "date":
      return "gte.2026-01-01";
    case "timestamp":
      return "gte.2026-01-01T00:00:00";
    case "text":
      return "ilike.*centro*";
  }
}

function rowSchema({ comment, columns }: Relation): Schema {
  return {
    type: "object",
    description: comment ?? "",
    properties: Object.fromEntries(
      columns.map((column) => [
        column.name,
        { ...typeSchema(column), description: column.comment ?? "" },
      ]),
    ),
  };
}

function typeSchema(column: MartColumn): Schema {
  const type = (name: string): Json => (column.nullable ? [name, "null"] : name);
  switch (column.type.kind) {
    case "int32":
      return { type: type("integer"), format: "int32" };
    case "int64":
      return { type: type("integer"), format: "int64" };
    case "float64":
      return { type: type("number"), format: "double" };
    case "decimal":
    case "numeric":
      return { type: type("number"), "x-postgres": column.sqlType };
    case "boolean":
      return { type: type("boolean") };
    case "date":
      return { type: type("string"), format: "date" };
    case "timestamp":
      return { type: type("string"), format: "date-time" };
    case "text":
      return { type: type("string"), ...(isCategory(column) ? { "x-dicionario": true } : {}) };
  }
}

function envelope(dados: Schema): Schema {
  return {
    type: "object",
    required: ["publicacao", "dados"],
    properties: {
      publicacao: reference("schemas", "publicacao"),
      truncado: { type: "boolean" },
      proxima: { type: "string" },
      dados,
    },
  };
}

function reference(kind: "schemas" | "responses", name: string): Schema {
  return { $ref: `#/components/${kind}/${name}` };
}

function textParameter(name: string, description: string): Schema {
  return { name, in: "query", description, schema: { type: "string" } };
}

function choiceParameter(name: string, description: string, values: readonly string[]): Schema {
  return { name, in: "query", description, schema: { type: "string", enum: values } };
}

function countParameter(name: string, description: string): Schema {
  const schema = { type: "integer", minimum: 0, maximum: 999_999_999 };
  return { name, in: "query", description, schema };
}

const etagParameter: Schema = {
  name: "If-None-Match",
  in: "header",
  description: "ETag da resposta anterior.",
  schema: { type: "string" },
};

const sharedResponses: Schema = {
  "304": reference("responses", "igual"),
  "400": reference("responses", "problema"),
  "401": reference("responses", "problema"),
  "404": reference("responses", "problema"),
  "406": reference("responses", "problema"),
  "429": reference("responses", "problema"),
  "503": reference("responses", "problema"),
  "504": reference("responses", "problema"),
};

const problemSchema: Schema = {
  type: "object",
  required: ["type", "title", "status", "detail"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    parametro: { type: "string", description: "O parâmetro que está errado." },
  },
};

const publicationSchema: Schema = {
  type: "object",
  required: ["id", "em"],
  properties: { id: { type: "integer" }, em: { type: "string", format: "date-time" } },
};
