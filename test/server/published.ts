import { createHash } from "node:crypto";
import type { Pool } from "pg";
import { expect } from "vitest";
import { exemplo } from "../../emulator/exemplo.ts";
import type { ApiKey } from "../../runner/config.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../server/serve.ts";
import { runPipeline } from "../pipeline.ts";
import { createTestDatabase, type TestDatabase } from "../postgres.ts";

/** A database with two published accounts, `exemplo` and `outra`, of five equal sales each. */
export async function createPublishedDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  await runPipeline(database, [
    exemplo(),
    exemplo({ conta: "outra", email: "outra@example.com", token: "other-token" }),
  ]);
  return database;
}

/** A server on a free port of this machine, without keys unless they are given. */
export function serve(pool: Pool, options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  return startServer({
    pool,
    config: { host: "127.0.0.1", port: 0, apiKeys: [] },
    log: () => {},
    ...options,
  });
}

/** A configured key whose secret is `secret`. */
export function apiKey(name: string, secret: string): ApiKey {
  return { name, scopes: [], sha256: createHash("sha256").update(secret).digest("hex") };
}

/** The `dados` of a JSON answer, after a look at what surrounds them. */
export async function dadosOf(response: Response): Promise<unknown> {
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  const body: unknown = await response.json();
  expect(body).toEqual({
    publicacao: { id: expect.any(Number), em: expect.stringMatching(/^\d{4}-.*T.*Z$/) },
    dados: expect.anything(),
  });
  return typeof body === "object" && body !== null && "dados" in body ? body.dados : undefined;
}

/** The weak tag of a JSON answer or page. */
export async function etagAt(url: string): Promise<string> {
  const response = await fetch(url);
  await response.arrayBuffer();
  expect(response.status).toBe(200);
  const etag = response.headers.get("etag") ?? "";
  expect(etag).toMatch(/^W\/"[\w-]+"$/);
  return etag;
}

/** The status for a caller that has what the tag stands for. */
export async function statusWith(url: string, etag: string): Promise<number> {
  const response = await fetch(url, { headers: { "if-none-match": etag } });
  await response.arrayBuffer();
  return response.status;
}

/** The problem document at an address. */
export async function problemAt(url: string, init?: RequestInit): Promise<Record<string, unknown>> {
  const response = await fetch(url, init);
  expect(response.headers.get("content-type")).toContain("application/problem+json");
  const problem = (await response.json()) as Record<string, unknown>;
  expect(problem).toMatchObject({
    type: expect.stringMatching(/^urn:cvdw-elt:/),
    title: expect.any(String),
    detail: expect.any(String),
    status: response.status,
  });
  return problem;
}
