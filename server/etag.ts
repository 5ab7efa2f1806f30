import { createHash } from "node:crypto";
import type { Response } from "express";
import packageJson from "../package.json" with { type: "json" };

/**
 * A weak entity tag: equal parts, equal data. The program's version is one of them, because another
 * version may write the same data differently.
 */
export function etagOf(parts: readonly string[]): string {
  const hash = createHash("sha256").update(JSON.stringify([packageJson.version, ...parts]));
  return `W/"${hash.digest("base64url").slice(0, 22)}"`;
}

/** Whether an If-None-Match header names the tag, compared weakly as RFC 9110 asks for. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === "*") return true;
  const opaque = etag.replace(/^W\//, "");
  return header.split(",").some((candidate) => candidate.trim().replace(/^W\//, "") === opaque);
}

/** Tells the caller that what it has is still right. */
export function answerNotModified(response: Response, etag: string): void {
  response.setHeader("ETag", etag);
  response.status(304).end();
}
