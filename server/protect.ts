import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { RequestHandler } from "express";
import helmet from "helmet";
import { isLoopback } from "../runner/config.ts";
import type { KeyRing } from "./key-ring.ts";
import { Problem } from "./problem.ts";

/** Everything a page needs comes from this host, and nothing of it is inline. */
const secure = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      "default-src": ["'none'"],
      "style-src": ["'self'"],
      "script-src": ["'self'"],
      "connect-src": ["'self'"],
      "img-src": ["'self'"],
      "base-uri": ["'none'"],
      "form-action": ["'self'"],
      "frame-ancestors": ["'none'"],
    },
  },
  referrerPolicy: { policy: "no-referrer" },
  xFrameOptions: { action: "deny" },
  // Heard only over TLS. Other servers of the domain are not ours to decide about.
  strictTransportSecurity: { maxAge: 15_552_000, includeSubDomains: false },
});

const ownHeaders: Readonly<Record<string, string>> = {
  "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
  // Always ask again; the answer depends on who asks, and in which format and encoding.
  "Cache-Control": "private, no-cache",
  Vary: "Accept, Accept-Encoding, Authorization, Cookie, X-API-Key",
  // Rows have no bytes that one could go on from: a cut export is asked for again, or by pages.
  "Accept-Ranges": "none",
};

/** Helmet makes the same headers of every request; made once, an answer costs less garbage. */
const headers = new Map<string, string>();
for (const [name, value] of Object.entries({ ...helmetHeaders(), ...ownHeaders })) {
  headers.set(name, String(value));
}

function helmetHeaders(): OutgoingHttpHeaders {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  secure(request, response, () => undefined);
  return response.getHeaders();
}

const readMethods = "GET, HEAD";
/** Methods of addresses that take forms; everything else is only read. */
const formMethods: ReadonlyMap<string, string> = new Map([
  ["/entrar", `${readMethods}, POST`],
  ["/sair", "POST"],
]);

/**
 * Sets the headers of every answer, and refuses what no reader sends: another method than GET and
 * HEAD and, where no key is asked for, a Host that is not this machine. A web page elsewhere could
 * otherwise point its own name at 127.0.0.1 and read the marts through its visitor's browser.
 */
export function protect(keys: KeyRing): RequestHandler {
  return (request, response, next) => {
    // First, and at once: refusals carry them, too.
    response.setHeaders(headers);
    const isForm = request.method === "POST" && formMethods.has(request.path);
    if (request.method !== "GET" && request.method !== "HEAD" && !isForm) {
      const allowed = formMethods.get(request.path) ?? readMethods;
      throw new Problem({
        status: 405,
        type: "metodo-invalido",
        title: "Método inválido",
        detail: `Este endereço só responde a ${allowed}.`,
        headers: { Allow: allowed },
      });
    }
    if (!keys.asksForKeys() && !isLoopback(hostName(request.headers.host))) {
      throw new Problem({
        status: 421,
        type: "host-desconhecido",
        title: "Endereço desconhecido",
        detail: "Sem chaves, este servidor só responde como localhost.",
      });
    }
    next();
  };
}

function hostName(host: string | undefined): string {
  return (host ?? "").replace(/:\d+$/, "");
}
