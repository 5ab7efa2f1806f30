import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { announcePublication } from "../../runner/announce-publication.ts";
import { tellMetabase } from "../../runner/metabase.ts";
import { createReporter } from "../../runner/reporter.ts";
import { withTestDatabase } from "../postgres.ts";

type Answer = { readonly status: number; readonly body: string };
type Call = { readonly method: string; readonly path: string; readonly key: unknown };

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }
});

/** A server that answers as Metabase does, and remembers what it was asked. */
async function startReceiver(
  answer: (call: Call) => Answer,
): Promise<{ readonly url: string; readonly calls: readonly Call[] }> {
  const calls: Call[] = [];
  const server = createServer(async (request, response) => {
    await text(request);
    const call = {
      method: request.method ?? "",
      path: request.url ?? "",
      key: request.headers["x-api-key"],
    };
    calls.push(call);
    const { status, body } = answer(call);
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls };
}

const databases = [
  { id: 1, name: "Sample", engine: "h2", details: {} },
  { id: 7, name: "Vendas", engine: "postgres", details: { dbname: "cvdw" } },
  { id: 8, name: "Outro", engine: "postgres", details: { dbname: "other" } },
];

test.each([
  ["as newer versions list databases", { data: databases, total: 3 }],
  ["as older versions list databases", databases],
])("only the database of the marts is read anew, %s", async (_case, list) => {
  const { url, calls } = await startReceiver(({ method }) => ({
    status: 200,
    body: method === "GET" ? JSON.stringify(list) : '{"status":"ok"}',
  }));
  expect(await tellMetabase({ url, apiKey: "mb_key" }, "cvdw")).toEqual({
    status: "told",
    databases: ["Vendas"],
  });
  expect(calls).toEqual([
    { method: "GET", path: "/api/database", key: "mb_key" },
    { method: "POST", path: "/api/database/7/sync_schema", key: "mb_key" },
  ]);
});

test.each([
  [{ status: 403, body: "You don't have permissions" }, "METABASE_API_KEY"],
  [{ status: 500, body: "{}" }, "500"],
  [{ status: 200, body: "<html>" }, "METABASE_URL"],
  [{ status: 200, body: '{"data":[]}' }, 'no PostgreSQL database "cvdw"'],
])("a failure is a sentence without the key: %j", async (answer, because) => {
  const { url } = await startReceiver(() => answer);
  const result = await tellMetabase({ url, apiKey: "mb_hunter2" }, "cvdw");
  expect(result).toEqual({ status: "failed", because: expect.stringContaining(because) });
  expect(JSON.stringify(result)).not.toContain("hunter2");
});

test("a Metabase that is away spoils nothing", async () => {
  expect(await tellMetabase({ url: "http://127.0.0.1:1", apiKey: "mb" }, "cvdw")).toEqual({
    status: "failed",
    because: "it cannot be reached (ECONNREFUSED)",
  });
});

test("a publication is announced with the name of its database, a failure as a warning", async () => {
  await withTestDatabase(async ({ pool }) => {
    const { rows } = await pool.query("select current_database() as name");
    const own = { id: 3, name: "CV", engine: "postgres", details: { dbname: rows[0].name } };
    const { url, calls } = await startReceiver(() => ({
      status: 200,
      body: JSON.stringify([own]),
    }));
    const lines: string[] = [];
    const reporter = createReporter({
      out: { write: (line) => lines.push(String(line)) },
      err: { write: () => undefined },
      json: true,
      now: () => new Date(0),
    });
    await announcePublication({ reporter }, pool, { url, apiKey: "mb" });
    await announcePublication({ reporter }, pool, { url: "http://127.0.0.1:1", apiKey: "mb" });
    await announcePublication({ reporter }, pool, undefined);
    expect(calls.at(-1)?.path).toBe("/api/database/3/sync_schema");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { type: "message", message: "Metabase reads the schema anew: CV." },
      { type: "warning", message: expect.stringContaining("was not told") },
    ]);
  });
});
