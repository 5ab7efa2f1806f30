import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ConfigError } from "../../runner/errors.ts";
import type { TestDatabase } from "../postgres.ts";
import { apiKey, createPublishedDatabase, problemAt, serve } from "./published.ts";

let database: TestDatabase;
const cleanups: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  database = await createPublishedDatabase();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => database.drop());

async function start(...given: Parameters<typeof serve>): ReturnType<typeof serve> {
  const server = await serve(...given);
  cleanups.push(() => server.close());
  return server;
}

describe("a key", () => {
  const apiKeys = [apiKey("power-bi", "first secret"), apiKey("metabase", "second-secret")];
  const config = { host: "127.0.0.1", port: 0, apiKeys };

  test("is asked for by everything that shows data", async () => {
    const { url } = await start(database.pool, { config });
    for (const path of ["/", "/api/kpis", "/api/tabela-geral-vendas", "/api/unknown", "/x"]) {
      const response = await fetch(url + path);
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toMatch(/^Bearer .*Basic /);
    }
    expect(await problemAt(`${url}/api/kpis`)).toMatchObject({ status: 401 });
    for (const path of ["/health", "/ready", "/assets/painel.css"]) {
      expect((await fetch(url + path)).status).toBe(200);
    }
  });

  test("is accepted as bearer, as X-API-Key and as a browser's password", async () => {
    const { url } = await start(database.pool, { config });
    const basic = Buffer.from("anyone:first secret").toString("base64");
    for (const headers of [
      { authorization: "Bearer second-secret" },
      { "x-api-key": "first secret" },
      { authorization: `Basic ${basic}` },
    ]) {
      expect((await fetch(`${url}/api/kpis`, { headers })).status).toBe(200);
    }
  });

  test("that is wrong opens nothing, also with a known tag", async () => {
    const { url } = await start(database.pool, { config });
    for (const headers of [
      { authorization: "Bearer other" },
      { authorization: "Bearer" },
      { authorization: `Basic ${Buffer.from("no colon").toString("base64")}` },
      { authorization: "Digest first" },
      { "x-api-key": "" },
      { "x-api-key": apiKeys[0]?.sha256 ?? "" },
    ]) {
      const status = (
        await fetch(`${url}/api/kpis`, { headers: { ...headers, "if-none-match": "*" } })
      ).status;
      expect(status).toBe(401);
    }
  });

  test("is named in the log, and never shown there", async () => {
    const lines: string[] = [];
    const { url } = await start(database.pool, { config, log: (sentence) => lines.push(sentence) });
    await fetch(`${url}/api/kpis?conta=exemplo`, { headers: { "x-api-key": "first secret" } });
    expect(lines.join("\n")).toMatch(/200 GET \/api\/kpis \d+ ms \(power-bi\)/);
    expect(lines.join("\n")).not.toContain("secret");
  });

  test("is what it takes to be reached by others", async () => {
    const open = start(database.pool, { config: { host: "0.0.0.0", port: 0, apiKeys: [] } });
    await expect(open).rejects.toBeInstanceOf(ConfigError);
  });
});
