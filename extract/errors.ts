/** Why CVDW did not give a page. `retryable` kinds can heal by asking again. */
export type CvdwFault =
  | "unauthorized"
  | "forbidden"
  | "unknown-path"
  | "refused"
  | "rate-limited"
  | "server"
  | "network"
  | "malformed"
  | "rejected-record";

const retryable: ReadonlySet<CvdwFault> = new Set(["rate-limited", "server", "network"]);

/** The source did not do what it promises: says which object and page, what came, what to do. */
export class CvdwError extends Error {
  override readonly name = "CvdwError";
  readonly fault: CvdwFault;
  readonly object: string;
  readonly page: number;
  readonly status: number | undefined;
  /** How long the source asked to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(details: {
    readonly fault: CvdwFault;
    readonly object: string;
    readonly page: number;
    readonly message: string;
    readonly status?: number;
    readonly retryAfterMs?: number | undefined;
  }) {
    super(`${details.object}, page ${details.page}: ${details.message}`);
    this.fault = details.fault;
    this.object = details.object;
    this.page = details.page;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }

  get retryable(): boolean {
    return retryable.has(this.fault);
  }
}
