/**
 * Why CVDW did not give a page. `retryable` kinds can heal by asking the same again; a time-out and an
 * answer that is too large heal by asking for less.
 */
export type CvdwFault =
  | "unauthorized"
  | "forbidden"
  | "unknown-path"
  | "refused"
  | "rate-limited"
  | "server"
  | "network"
  | "timeout"
  | "too-large"
  | "malformed"
  | "empty";

const retryable: ReadonlySet<CvdwFault> = new Set([
  "rate-limited",
  "server",
  "network",
  "malformed",
  "empty",
]);

/** The source did not do what it promises: says which object and page, what came, what to do. */
export class CvdwError extends Error {
  override readonly name = "CvdwError";
  readonly fault: CvdwFault;
  readonly object: string;
  readonly page: number;
  readonly status: number | undefined;
  /** How long the source asked to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  readonly #what: string;

  constructor(details: {
    readonly fault: CvdwFault;
    readonly object: string;
    readonly page: number;
    readonly message: string;
    readonly status?: number | undefined;
    readonly retryAfterMs?: number | undefined;
  }) {
    super(`${details.object}, page ${details.page}: ${details.message}`);
    this.#what = details.message;
    this.fault = details.fault;
    this.object = details.object;
    this.page = details.page;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** The same failure, known to have outlasted so many attempts. */
  after(attempts: number): CvdwError {
    const { fault, object, page, status, retryAfterMs } = this;
    const message = `${this.#what} Asked ${attempts} times.`;
    return new CvdwError({ fault, object, page, status, retryAfterMs, message });
  }

  get retryable(): boolean {
    return retryable.has(this.fault);
  }

  /** Whether a smaller page may come where this one did not. */
  get healsByLess(): boolean {
    return this.fault === "timeout" || this.fault === "too-large";
  }
}
