import type { RequestHandler, Response } from "express";
import type { KeyRing } from "./key-ring.ts";
import { databaseAway, Problem } from "./problem.ts";
import { anybody, givenKey, type Reader } from "./reader.ts";
import { createWrongKeys } from "./wrong-keys.ts";

const readers = new WeakMap<Response, Reader>();

/**
 * Lets only readers with a valid key go on; `readerOf` tells who it is. Who was made out before,
 * by a login, is let through.
 */
export function requireReader(keys: KeyRing): RequestHandler {
  const wrongKeys = createWrongKeys();
  return async (request, response, next) => {
    if (readers.has(response)) return next();
    if (!keys.asksForKeys() && keys.isComplete()) {
      readers.set(response, anybody);
      return next();
    }
    const given = givenKey(request.headers);
    const reader = given === undefined ? undefined : keys.find(given);
    if (given !== undefined && (reader !== undefined || keys.isComplete())) {
      await wrongKeys.check(request.ip ?? "", given, reader?.id);
    }
    if (reader === undefined) {
      // Whether it is a good one stands in a database that cannot be asked.
      if (!keys.isComplete() && (given !== undefined || !keys.asksForKeys())) throw databaseAway();
      throw unknownReader();
    }
    readers.set(response, reader);
    next();
  };
}

/** Says who asks for this response. For a login, before `requireReader`. */
export function setReader(response: Response, reader: Reader): void {
  readers.set(response, reader);
}

/** Who asks for this response. Nobody without a scope, before the key was looked at. */
export function readerOf(response: Response): Reader {
  return readers.get(response) ?? anybody;
}

function unknownReader(): Problem {
  return new Problem({
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
