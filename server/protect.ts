import type { RequestHandler } from "express";
import { isLoopback, type ServerConfig } from "../runner/config.ts";
import { Problem } from "./problem.ts";

/** Everything a page needs comes from this host, and nothing of it is inline. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "style-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const headers: Readonly<Record<string, string>> = {
  "Content-Security-Policy": contentSecurityPolicy,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  // Always ask again; the answer depends on who asks and in which format.
  "Cache-Control": "private, no-cache",
  Vary: "Accept, Authorization, X-API-Key",
};

/**
 * Sets the headers of every answer, and refuses what no reader sends: another method than GET and
 * HEAD and, where no key is asked for, a Host that is not this machine. A web page elsewhere could
 * otherwise point its own name at 127.0.0.1 and read the marts through its visitor's browser.
 */
export function protect(config: ServerConfig): RequestHandler {
  return (request, response, next) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (request.method !== "GET" && request.method !== "HEAD") {
      throw new Problem({
        status: 405,
        type: "metodo-invalido",
        title: "Método inválido",
        detail: "Este servidor só responde a GET e HEAD.",
        headers: { Allow: "GET, HEAD" },
      });
    }
    if (config.apiKeys.length === 0 && !isLoopback(hostName(request.headers.host))) {
      throw new Problem({
        status: 421,
        type: "host-desconhecido",
        title: "Endereço desconhecido",
        detail: "Sem SERVER_API_KEYS, este servidor só responde como localhost.",
      });
    }
    next();
  };
}

function hostName(host: string | undefined): string {
  return (host ?? "").replace(/:\d+$/, "");
}
