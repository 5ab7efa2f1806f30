import type { RequestHandler, Response } from "express";
import type { ApiKey } from "../runner/config.ts";
import { Problem } from "./problem.ts";
import { identifyReader, type Reader } from "./reader.ts";

const readers = new WeakMap<Response, Reader>();

/** Lets only readers with a valid key go on; `readerOf` tells who it is. */
export function requireReader(apiKeys: readonly ApiKey[]): RequestHandler {
  return (request, response, next) => {
    const reader = identifyReader(request.headers, apiKeys);
    if (reader === undefined) {
      throw new Problem({
        status: 401,
        type: "chave-ausente",
        title: "Falta uma chave válida",
        detail: "Envie a chave como Authorization: Bearer, X-API-Key ou senha do navegador.",
        // A browser answers Basic with its own form; the key is the password, any name will do.
        headers: {
          "WWW-Authenticate": 'Bearer realm="marts", Basic realm="marts", charset="UTF-8"',
        },
      });
    }
    readers.set(response, reader);
    next();
  };
}

/** Who asks for this response. Nobody without a scope, before the key was looked at. */
export function readerOf(response: Response): Reader {
  return readers.get(response) ?? { scopes: [] };
}
