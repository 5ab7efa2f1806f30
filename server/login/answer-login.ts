import express, { type RequestHandler, type Response, Router } from "express";
import type { ServerContext } from "../context.ts";
import { badParameter, readParameters } from "../parameters.ts";
import { databaseAway } from "../problem.ts";
import { createLimiter } from "../rate-limit.ts";
import { networkOf } from "../wrong-keys.ts";
import { safeDestination } from "./destination.ts";
import { renderLogin } from "./login-page.ts";
import { requireOwnForm } from "./same-site.ts";
import { givenSession, giveSession, takeSession } from "./session-cookie.ts";
import type { Sessions } from "./sessions.ts";

/** Attempts of one address, right or wrong. */
const attempts = { requests: 10, windowMs: 60_000 };

/** `/entrar` asks for a key and gives a session for it; `/sair` ends the session. */
export function answerLogin(context: ServerContext, sessions: Sessions): RequestHandler {
  const router = Router();
  const limiter = createLimiter(attempts);
  const form = express.urlencoded({ extended: false, limit: "4kb" });

  router.get("/entrar", (request, response) => {
    const { destino } = readParameters(request, ["destino"]);
    if (!asksForKeys(context)) return response.redirect(303, "/");
    sendLogin(response, 200, { destino: safeDestination(destino) });
  });

  router.post("/entrar", form, async (request, response) => {
    requireOwnForm(request);
    if (!asksForKeys(context)) return response.redirect(303, "/");
    const chave = fieldOf(request.body, "chave")?.trim() ?? "";
    const destino = safeDestination(fieldOf(request.body, "destino"));
    const { allowed, waitMs } = await limiter.take(networkOf(request.ip ?? ""));
    if (!allowed) {
      const seconds = Math.max(1, Math.ceil(waitMs / 1000));
      response.setHeader("Retry-After", String(seconds));
      return sendLogin(response, 429, {
        destino,
        error: `Tentativas demais. Espere ${seconds} s e tente de novo.`,
      });
    }
    const reader = context.keys.find(chave);
    if (reader?.id === undefined) {
      if (!context.keys.isComplete()) throw databaseAway();
      return sendLogin(response, 403, {
        destino,
        error:
          "Esta chave não vale: foi digitada errada, venceu ou foi revogada. Copie-a de novo, inteira.",
      });
    }
    giveSession(request, response, sessions.issue(reader.id));
    response.redirect(303, destino);
  });

  router.post("/sair", (request, response) => {
    requireOwnForm(request);
    const given = givenSession(request);
    if (given !== undefined) sessions.end(given);
    takeSession(request, response);
    response.redirect(303, asksForKeys(context) ? "/entrar" : "/");
  });
  return router;
}

/** A key that is not known yet may stand in a database that cannot be asked. */
function asksForKeys({ keys }: ServerContext): boolean {
  return keys.asksForKeys() || !keys.isComplete();
}

function sendLogin(
  response: Response,
  status: number,
  login: Parameters<typeof renderLogin>[0],
): void {
  response.status(status);
  response.setHeader("Cache-Control", "no-store");
  // With no-referrer a form's own Origin is "null", and nobody could tell it from another site's.
  response.setHeader("Referrer-Policy", "same-origin");
  response.type("html").send(renderLogin(login));
}

function fieldOf(body: unknown, name: string): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const value: unknown = Object.entries(body).find(([field]) => field === name)?.[1];
  if (Array.isArray(value)) throw badParameter(name, `O campo "${name}" veio mais de uma vez.`);
  return typeof value === "string" ? value : undefined;
}
