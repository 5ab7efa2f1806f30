import { STATUS_CODES } from "node:http";
import { DatabaseError } from "pg";

type ProblemOptions = {
  readonly status: number;
  /** Last part of the problem's type, stable for programs. */
  readonly type: string;
  readonly title: string;
  /** What was found and what to do. */
  readonly detail: string;
  /** Further members of the document, by RFC 9457. */
  readonly members?: Readonly<Record<string, string | readonly string[]>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
};

/** A request that gets no data: what the caller is told, as RFC 9457 describes it. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  readonly members: Readonly<Record<string, string | readonly string[]>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(options: ProblemOptions) {
    super(`${options.title}: ${options.detail}`, { cause: options.cause });
    this.status = options.status;
    this.type = options.type;
    this.title = options.title;
    this.detail = options.detail;
    this.members = options.members ?? {};
    this.headers = options.headers ?? {};
  }
}

/** The body of an `application/problem+json` answer. */
export function problemText(problem: Problem): string {
  const { type, title, status, detail, members } = problem;
  return JSON.stringify({ type: `urn:cvdw-elt:${type}`, title, status, detail, ...members });
}

/** Nothing was published yet, so there is nothing to show. */
export function unpublished(cause?: unknown): Problem {
  return new Problem({
    status: 503,
    type: "sem-publicacao",
    title: "Ainda não há dados publicados",
    detail: "Rode uma carga completa (elt run) e consulte de novo.",
    cause,
  });
}

/** No account of this name has data. */
export function unknownAccount(conta: string): Problem {
  return new Problem({
    status: 404,
    type: "conta-desconhecida",
    title: "Conta desconhecida",
    detail: `Não há dados da conta "${conta}".`,
    members: { parametro: "conta" },
  });
}

/**
 * What the caller is told about any failure. Undefined means a bug: the caller gets a bare 500, and
 * the log the stack.
 */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error ? String(error.code) : "";
  if (error instanceof DatabaseError) {
    // query_canceled: the statement_timeout of the request.
    if (code === "57014") {
      return new Problem({
        status: 504,
        type: "consulta-demorada",
        title: "A consulta demorou demais",
        detail: "O banco de dados não terminou a tempo. Restrinja a consulta a uma conta.",
        cause: error,
      });
    }
    // undefined_table, invalid_schema_name: the views come with the first publication.
    if (code === "42P01" || code === "3F000") return unpublished(error);
    // insufficient_privilege: an administrator took the relation away from the readers' role.
    if (code === "42501") {
      return new Problem({
        status: 403,
        type: "sem-permissao",
        title: "Sem permissão",
        detail: "O administrador do banco de dados não permite a leitura destes dados.",
        cause: error,
      });
    }
    // Connections refused or ended (08, 57P), and no room for another (53).
    if (/^(08|57P|53)/.test(code)) return databaseAway(error);
    return undefined;
  }
  const away =
    /^(ECONN|EPIPE|EHOST|ENET|ENOENT|ENOTFOUND|EAI_|ETIMEDOUT)/.test(code) ||
    /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/.test(
      error.message,
    );
  if (away) return databaseAway(error);
  // Express marks what the request itself did wrong, such as a malformed path.
  if ("status" in error && typeof error.status === "number" && error.status < 500) {
    return new Problem({
      status: error.status,
      type: "requisicao-invalida",
      title: "Requisição inválida",
      detail: STATUS_CODES[error.status] ?? "Bad Request",
      cause: error,
    });
  }
  return undefined;
}

/** The database cannot be asked just now. */
export function databaseAway(cause?: Error): Problem {
  return new Problem({
    status: 503,
    type: "banco-indisponivel",
    title: "O banco de dados não responde",
    detail: "Tente de novo em instantes.",
    headers: { "Retry-After": "5" },
    cause,
  });
}
