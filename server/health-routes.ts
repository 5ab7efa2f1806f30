import type { RequestHandler } from "express";
import type { ServerContext } from "./context.ts";
import { readPublished } from "./read-published.ts";

/** The process lives. Never asks the database. */
export const answerHealth: RequestHandler = (_request, response) => {
  response.setHeader("Cache-Control", "no-store");
  response.json({ status: "ok" });
};

/**
 * The database answers and something is published: `{status, publicacao:{id,em}, idade_segundos}`.
 * @throws what `readPublished` throws, which becomes a 503
 */
export function answerReady(context: ServerContext): RequestHandler {
  return async (_request, response) => {
    response.setHeader("Cache-Control", "no-store");
    const { id, em } = await readPublished(
      context.pool,
      { contas: undefined },
      async ({ publication }) => publication,
    );
    const age = context.now().getTime() - Date.parse(em);
    response.json({
      status: "ok",
      publicacao: { id: Number(id), em },
      idade_segundos: Math.max(0, Math.floor(age / 1000)),
    });
  };
}
