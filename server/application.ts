import express, { type Express, type Request, type RequestHandler, type Response } from "express";
import { answerKpi } from "./answer-kpi.ts";
import { answerMetrics } from "./answer-metrics.ts";
import { answerProblem } from "./answer-problem.ts";
import { answerApiDocs, answerOpenApi } from "./api-docs/answer-openapi.ts";
import { answerApiDocsAssets } from "./api-docs/render-api-docs.ts";
import type { ServerContext } from "./context.ts";
import { answerAssets } from "./dashboard/answer-assets.ts";
import { answerDashboard } from "./dashboard/answer-dashboard.ts";
import { answerExport } from "./dashboard/answer-export.ts";
import { answerHealth, answerReady } from "./health-routes.ts";
import { kpiRoutes } from "./kpi-routes.ts";
import { answerLogin } from "./login/answer-login.ts";
import { readSession } from "./login/read-session.ts";
import { createSessions } from "./login/sessions.ts";
import { answerMarts } from "./marts/answer-marts.ts";
import { answerRows } from "./marts/answer-rows.ts";
import { Problem } from "./problem.ts";
import { protect } from "./protect.ts";
import { limitRate } from "./rate-limit.ts";
import { readerOf, requireReader } from "./require-reader.ts";

/** Puts the server together, in the order that a request passes. */
export function createApplication(context: ServerContext): Express {
  const application = express();
  const sessions = createSessions(context.config.sessionSecret, context.now);
  application.disable("x-powered-by");
  application.set("etag", false);
  application.set("query parser", false);
  application.set("trust proxy", context.config.proxies ?? 0);

  application.use(logAnswers(context, application));
  application.use(protect(context.keys));
  application.get("/health", answerHealth);
  application.get("/ready", answerReady(context));
  application.use("/assets/api", answerApiDocsAssets());
  application.use("/assets", answerAssets());
  application.use(answerLogin(context, sessions));
  application.use(readSession(context.keys, sessions));
  application.use(requireReader(context.keys));
  application.use(limitRate(context.config.rateLimit));
  application.get("/", answerDashboard(context));
  application.get("/vendas.csv", answerExport(context));
  for (const route of kpiRoutes) application.get(route.path, answerKpi(context, route));
  application.get("/metrics", answerMetrics(context.metrics));
  application.get("/api/openapi.json", answerOpenApi(context));
  application.get("/api/docs", answerApiDocs(context));
  application.get("/api/marts", answerMarts(context));
  application.get("/api/marts/:relation", answerRows(context));
  application.use(unknownRoute);
  application.use(answerProblem(context));
  return application;
}

/** Asked every few seconds by machines; not worth a line. */
const quietPath = /^\/(health|ready|assets\/.*)$/;

function logAnswers({ log }: ServerContext, application: Express): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    // Read now: below a mount, express shortens it.
    const { method, path } = request;
    let isLogged = false;
    const logOnce = () => {
      if (isLogged || quietPath.test(path)) return;
      isLogged = true;
      const { key } = readerOf(response);
      log({
        type: "answered",
        method,
        path: knownPath(request, response, application, path),
        status: response.statusCode,
        ms: performance.now() - started,
        ...(key === undefined ? {} : { key }),
      });
    };
    response.once("finish", logOnce);
    // Of an answer that was broken off there is no end.
    response.once("close", logOnce);
    next();
  };
}

/**
 * The path of an answer, for the log: an address of this server, never the caller's own text, which
 * can be a client's name as well.
 */
function knownPath(
  request: Request,
  response: Response,
  { router }: Express,
  path: string,
): string {
  const { relation } = response.locals;
  if (typeof relation === "string") return `/api/marts/${relation}`;
  const route: unknown = request.route?.path;
  if (typeof route === "string") return route;
  return router.stack.some((layer) => layer.route?.path === path) ? path : "(unknown)";
}

const unknownRoute: RequestHandler = (request) => {
  throw new Problem({
    status: 404,
    type: "endereco-desconhecido",
    title: "Endereço desconhecido",
    detail: `Não há nada em ${request.path}.`,
  });
};
