/** What the emulator answers: always with a content-length. */
export type Answer = {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
  /** One text, or the pieces of a page: encoding those one by one takes half as long. */
  readonly body: string | readonly string[];
  /** Records in the body. */
  readonly rows: number;
};

/** A JSON answer without records. */
export function jsonAnswer(status: number, body: unknown): Answer {
  return {
    status,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    rows: 0,
  };
}

/** The router answers an unmatched call from its catch-all OPTIONS route: 405, not 404. */
export const unknownRoute = jsonAnswer(405, {
  error: "Method not allowed. Must be one of: OPTIONS",
  code: 405,
});

export const tooManyRequests = jsonAnswer(429, { Response: "Too many requests" });

export const wrongCredentials = jsonAnswer(401, {
  message: "E-mail e/ou token incorretos.",
  code: 401,
});

export const accessDisabled = jsonAnswer(403, {
  message: "Permissão de acesso desativada.",
  code: 403,
});

export const unexpectedError = jsonAnswer(422, {
  message: "Erro inesperado na API de dados.",
  code: 422,
});

/** The answer to a date that the source does not read. */
export function invalidField(field: string): Answer {
  return jsonAnswer(400, { error: `O campo ${field} não é válido`, code: 400 });
}

/** An HTML page, as proxies and broken pages send it. */
export function htmlAnswer(status: number, title: string): Answer {
  return {
    status,
    headers: { "content-type": "text/html; charset=UTF-8" },
    body: `<!DOCTYPE html>\n<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`,
    rows: 0,
  };
}

/** The body as one text. */
export function bodyText({ body }: Answer): string {
  return typeof body === "string" ? body : body.join("");
}

/** The body's bytes, in UTF-8. */
export function bodyBytes({ body }: Answer): Buffer {
  if (typeof body === "string") return Buffer.from(body, "utf8");
  // No character of a JavaScript text takes more than three bytes.
  const bytes = Buffer.allocUnsafe(body.reduce((sum, piece) => sum + piece.length * 3, 0));
  let end = 0;
  for (const piece of body) end += bytes.write(piece, end, "utf8");
  return bytes.subarray(0, end);
}
