import { once } from "node:events";
import { pipeline, type Writable } from "node:stream";
import { constants, createBrotliCompress, createGzip } from "node:zlib";
import type { Request, Response } from "express";

/** Below it a compressed body saves nothing. */
const smallBytes = 1_024;

/** More than the kernel takes at once stays in memory until the caller took it. */
const heldBytes = 64 * 1_024;
const longestHeldMs = 5 * 60_000;

/**
 * Sends a body that is whole, compressed when the caller can read that. One that a caller takes a byte
 * at a time is broken off after five minutes.
 */
export function sendWhole(
  request: Request,
  response: Response,
  chunks: readonly Uint8Array[],
): void {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const encoding = length < smallBytes ? undefined : chooseEncoding(request);
  if (encoding === undefined) response.setHeader("Content-Length", length);
  const out = openBody(request, response, encoding);
  for (const chunk of chunks) out.write(chunk);
  out.end();
  if (length > heldBytes) breakOffAfter(longestHeldMs, response);
}

function breakOffAfter(ms: number, response: Response): void {
  const deadline = setTimeout(() => response.destroy(), ms).unref();
  response.once("close", () => clearTimeout(deadline));
}

/** How long a body may keep what it comes from. */
export type BodyLimits = {
  /** The caller takes nothing for as long. */
  readonly stallMs: number;
  /** From now until the last chunk is written. */
  readonly totalMs: number;
};

/** Why a body ended before its end. */
export type CutReason = "caller-gone" | "caller-stalled" | "too-long";

/** The caller did not take the body; nobody is left to be told. */
export class BodyCut extends Error {
  override readonly name = "BodyCut";
  readonly reason: CutReason;

  constructor(reason: CutReason) {
    super(`the body was cut: ${reason}`);
    this.reason = reason;
  }
}

/**
 * Sends chunks as they come, and asks for no more of them than the caller takes. Headers go out
 * with the first chunk, so that a failure before it is still an answer of its own. `start` aborts
 * what makes the chunks when the caller is gone, takes nothing for `stallMs`, or is not done after
 * `totalMs`. When it resolves, all chunks are on their way.
 *
 * @throws BodyCut when the caller did not take it all; what `start` throws, and then the connection
 *   is broken off, so that the caller does not take the part for the whole
 */
export async function sendStream(
  request: Request,
  response: Response,
  limits: BodyLimits,
  start: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
): Promise<void> {
  const cut = new AbortController();
  const give = (reason: CutReason) => cut.abort(new BodyCut(reason));
  const gone = () => give("caller-gone");
  response.once("close", gone);
  const deadline = setTimeout(() => give("too-long"), limits.totalMs);
  let out: Writable | undefined;
  try {
    for await (const chunk of start(cut.signal)) {
      out ??= openBody(request, response, chooseEncoding(request));
      cut.signal.throwIfAborted();
      if (out.write(chunk)) continue;
      const stalled = setTimeout(() => give("caller-stalled"), limits.stallMs);
      try {
        await once(out, "drain", { signal: cut.signal });
      } finally {
        clearTimeout(stalled);
      }
    }
    cut.signal.throwIfAborted();
    out ??= openBody(request, response, chooseEncoding(request));
    out.end();
  } catch (error) {
    // A compressor may still hold the headers back, but they say what the body is.
    if (out !== undefined || cut.signal.aborted) response.destroy();
    throw cut.signal.aborted ? cut.signal.reason : error;
  } finally {
    clearTimeout(deadline);
    response.off("close", gone);
  }
}

type Encoding = "br" | "gzip";

function chooseEncoding(request: Request): Encoding | undefined {
  if (request.headers["accept-encoding"] === undefined) return undefined;
  const chosen = request.acceptsEncodings("br", "gzip", "identity");
  return chosen === "br" || chosen === "gzip" ? chosen : undefined;
}

/** Where to write a body. */
function openBody(request: Request, response: Response, encoding: Encoding | undefined): Writable {
  if (encoding === undefined) return response;
  response.setHeader("Content-Encoding", encoding);
  if (request.method === "HEAD") return response;
  const compressor =
    encoding === "br"
      ? // The highest levels are for what is compressed once and sent often.
        createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })
      : createGzip({ level: 5 });
  // Failures end both streams; whoever writes hears of them by the closed response.
  pipeline(compressor, response, () => undefined);
  return compressor;
}
