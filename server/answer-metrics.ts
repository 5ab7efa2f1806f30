import type { RequestHandler } from "express";
import type { Metrics } from "./metrics.ts";
import { Problem } from "./problem.ts";
import { readerOf } from "./require-reader.ts";

/**
 * Answers Prometheus.
 * @throws Problem 403 for a key of some accounts: metrics name all of them
 */
export function answerMetrics(metrics: Metrics): RequestHandler {
  return async (_request, response) => {
    if (readerOf(response).contas.length > 0) {
      throw new Problem({
        status: 403,
        type: "sem-permissao",
        title: "Sem permissão",
        detail: "As métricas são de todas as contas; esta chave só vê algumas.",
      });
    }
    const { contentType, text } = await metrics.page();
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("Content-Type", contentType);
    response.end(text);
  };
}
