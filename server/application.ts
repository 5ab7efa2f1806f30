import express, { type Express, type RequestHandler } from "express";
import { answerKpi } from "./answer-kpi.ts";
import { answerProblem } from "./answer-problem.ts";
import type { ServerContext } from "./context.ts";
import { answerAssets, answerDashboard } from "./dashboard/answer-dashboard.ts";
import { answerHealth, answerReady } from "./health-routes.ts";
import { kpiRoutes } from "./kpi-routes.ts";
import { answerMarts } from "./marts/answer-marts.ts";
import { answerRows } from "./marts/answer-rows.ts";
import { Problem } from "./problem.ts";
import { protect } from "./protect.ts";
import { limitRate } from "./rate-limit.ts";
import { readerOf, requireReader } from "./require-reader.ts";

/** Puts the server together, in the order that a request passes. */
export function createApplication(context: ServerContext): Express {
  const application = express();
  application.disable("x-powered-by");
  application.set("etag", false);
  application.set("query parser", false);
  application.set("trust proxy", context.config.proxies ?? 0);

  application.use(logAnswers(context));
  application.use(protect(context.keys));
  application.get("/health", answerHealth);
  application.get("/ready", answerReady(context));
  application.use("/assets", answerAssets());
  application.use(requireReader(context.keys));
  application.use(limitRate(context.config.rateLimit));
  application.get("/", answerDashboard(context));
  for (const route of kpiRoutes) application.get(route.path, answerKpi(context, route));
  application.get("/api/marts", answerMarts(context));
  application.get("/api/marts/:relation", answerRows(context));
  application.use(unknownRoute);
  application.use(answerProblem(context));
  return application;
}

/** Asked every few seconds by machines; not worth a line. */
const quietPath = /^\/(health|ready|assets\/.*)$/;

function logAnswers({ log }: ServerContext): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    // Read now: below a mount, express shortens it.
    const { method, path } = request;
    response.once("finish", () => {
      if (quietPath.test(path)) return;
      const { key } = readerOf(response);
      log({
        type: "answered",
        method,
        path,
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
