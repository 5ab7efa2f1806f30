import type { Request, Response } from "express";
import { sessionMs } from "./sessions.ts";

const cookieName = "sessao";

/** The session's text that a browser sent along; undefined when there is none. */
export function givenSession({ headers }: Request): string | undefined {
  for (const pair of (headers.cookie ?? "").split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === cookieName && value !== undefined && value !== "") return value;
  }
  return undefined;
}

/** Gives a browser a session: no script sees it, other sites' forms do not send it. */
export function giveSession(request: Request, response: Response, text: string): void {
  response.cookie(cookieName, text, { ...attributesFor(request), maxAge: sessionMs });
}

/** Takes the session from a browser. */
export function takeSession(request: Request, response: Response): void {
  response.clearCookie(cookieName, attributesFor(request));
}

function attributesFor(request: Request) {
  // Over TLS, also when a trusted proxy speaks it, the cookie never travels in the clear.
  return { httpOnly: true, sameSite: "lax", secure: request.secure, path: "/" } as const;
}
