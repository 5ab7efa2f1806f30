import type { RequestHandler } from "express";
import type { Metrics } from "./metrics.ts";

/** Answers Prometheus. */
export function answerMetrics(metrics: Metrics): RequestHandler {
  return async (_request, response) => {
    const { contentType, text } = await metrics.page();
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("Content-Type", contentType);
    response.end(text);
  };
}
