import type { ErrorRequestHandler, Request } from "express";
import type { ServerContext } from "./context.ts";
import { stylesheet } from "./dashboard/answer-assets.ts";
import { html } from "./dashboard/html.ts";
import { renderNotice, renderUnpublished } from "./dashboard/page.ts";
import { Problem, problemOf, problemText } from "./problem.ts";

/** Answers every failure: problem+json to programs, a page to people. Bugs also go to the log. */
export function answerProblem({ log }: ServerContext): ErrorRequestHandler {
  // Express knows by the four of them that it handles errors.
  return (error, request, response, _next) => {
    const problem = problemOf(error) ?? internalError;
    if (problem === internalError) log({ type: "unexpected-error", error });
    // What is left to say would stand in the middle of data, or in Express's own log with its values.
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    for (const name of headersOfData) response.removeHeader(name);
    response.setHeader("Cache-Control", "no-store");
    for (const [name, value] of Object.entries(problem.headers)) response.setHeader(name, value);
    response.status(problem.status);
    if (isForPeople(request)) response.type("html").send(noticeOf(problem));
    else response.type("application/problem+json").send(problemText(problem));
  };
}

/** What a handler said of the rows that it did not come to send. */
const headersOfData = ["ETag", "Content-Length", "Content-Disposition", "Link", "X-Truncado"];

const internalError = new Problem({
  status: 500,
  type: "erro-interno",
  title: "Erro interno",
  detail: "O servidor falhou; o motivo está no registro dele.",
});

/** A browser names HTML before anything else; addresses of the API always speak JSON. */
function isForPeople(request: Request): boolean {
  return !request.path.startsWith("/api/") && request.accepts(["json", "html"]) === "html";
}

function noticeOf(problem: Problem): string {
  if (problem.type === "sem-publicacao") return renderUnpublished(stylesheet);
  return renderNotice({
    stylesheet,
    title: problem.title,
    content: html`<p>${problem.detail}</p><p><a href="/">Voltar ao painel</a></p>`,
  });
}
