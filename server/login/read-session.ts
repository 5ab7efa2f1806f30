import type { Request, RequestHandler, Response } from "express";
import type { KeyRing } from "../key-ring.ts";
import { databaseAway } from "../problem.ts";
import { givenKey } from "../reader.ts";
import { setReader } from "../require-reader.ts";
import { givenSession, takeSession } from "./session-cookie.ts";
import type { Sessions } from "./sessions.ts";

const loggedIn = new WeakSet<Response>();

/**
 * Lets a browser with a session go on as the reader whose key opened it, as long as that key is in
 * force; leads a person without one to the login. Programs are left to `requireReader`.
 */
export function readSession(keys: KeyRing, sessions: Sessions): RequestHandler {
  return (request, response, next) => {
    if (!keys.asksForKeys() && keys.isComplete()) return next();
    if (givenKey(request.headers) !== undefined) return next();
    const given = givenSession(request);
    const id = given === undefined ? undefined : sessions.read(given);
    const reader = id === undefined ? undefined : keys.findById(id);
    if (reader !== undefined) {
      setReader(response, reader);
      loggedIn.add(response);
      return next();
    }
    if (id !== undefined && !keys.isComplete()) throw databaseAway();
    if (given !== undefined) takeSession(request, response);
    if (!isOpenedByPerson(request) || !keys.asksForKeys()) return next();
    const destino = new URLSearchParams({ destino: request.originalUrl });
    response.redirect(303, request.originalUrl === "/" ? "/entrar" : `/entrar?${destino}`);
  };
}

/** Whether a person logged in, who can log out, too. */
export function hasSession(response: Response): boolean {
  return loggedIn.has(response);
}

/** A browser names HTML before anything else; addresses of the API always speak to programs. */
function isOpenedByPerson(request: Request): boolean {
  const isPage = !request.path.startsWith("/api/") || request.path === "/api/docs";
  return request.method === "GET" && isPage && request.accepts(["json", "html"]) === "html";
}
