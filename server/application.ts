import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import { answerKpi } from "./answer-kpi.ts";
import type { ServerContext } from "./context.ts";
import { answerHealth, answerReady } from "./health-routes.ts";
import { kpiRoutes } from "./kpi-routes.ts";
import { Problem, problemOf, problemText } from "./problem.ts";
import { protect } from "./protect.ts";
import { readerOf, requireReader } from "./require-reader.ts";

/** Puts the server together, in the order that a request passes. */
export function createApplication(context: ServerContext): Express {
  const application = express();
  application.disable("x-powered-by");
  application.set("etag", false);
  application.set("query parser", false);

  application.use(logAnswers(context));
  application.use(protect(context.config));
  application.get("/health", answerHealth);
  application.get("/ready", answerReady(context));
  application.use(requireReader(context.config.apiKeys));
  for (const route of kpiRoutes) application.get(route.path, answerKpi(context, route));
  application.use(unknownRoute);
  application.use(answerProblem(context));
  return application;
}

/** Asked every few seconds by machines; not worth a line. */
const quietPath = /^\/(health|ready|assets\/.*)$/;

function logAnswers({ log }: ServerContext): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    response.once("finish", () => {
      if (quietPath.test(request.path)) return;
      const { key } = readerOf(response);
      log({
        type: "answered",
        method: request.method,
        path: request.path,
        status: response.statusCode,
        ms: Math.round(performance.now() - started),
        ...(key === undefined ? {} : { key }),
      });
    });
    next();
  };
}

const unknownRoute: RequestHandler = (request) => {
  throw new Problem({
    status: 404,
    type: "endereco-desconhecido",
    title: "Endereço desconhecido",
    detail: `Não há nada em ${request.path}.`,
  });
};

function answerProblem({ log }: ServerContext): ErrorRequestHandler {
  return (error, _request, response, next) => {
    let problem = problemOf(error);
    if (problem === undefined) {
      log({ type: "unexpected-error", error });
      problem = new Problem({
        status: 500,
        type: "erro-interno",
        title: "Erro interno",
        detail: "O servidor falhou; o motivo está no registro dele.",
      });
    }
    if (response.headersSent) {
      next(error);
      return;
    }
    response.removeHeader("ETag");
    response.setHeader("Cache-Control", "no-store");
    for (const [name, value] of Object.entries(problem.headers)) response.setHeader(name, value);
    response.status(problem.status).type("application/problem+json").send(problemText(problem));
  };
}
