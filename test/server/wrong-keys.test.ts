import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningServer } from "../../server/serve.ts";
import { createWrongKeys, networkOf } from "../../server/wrong-keys.ts";
import type { TestDatabase } from "../postgres.ts";
import { apiKey, createPublishedDatabase, serve } from "./published.ts";

let database: TestDatabase;
let server: RunningServer;
beforeAll(async () => {
  database = await createPublishedDatabase();
  const apiKeys = [apiKey("metabase", "right"), apiKey("powerbi", "other-right")];
  server = await serve(database.pool, {
    config: { host: "127.0.0.1", port: 0, apiKeys, proxies: 1 },
  });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

function ask(from: string, key: string, header = "x-api-key"): Promise<Response> {
  const value = header === "authorization" ? `Bearer ${key}` : key;
  return fetch(`${server.url}/api/kpis`, { headers: { [header]: value, "x-forwarded-for": from } });
}

describe("wrong keys of one address", () => {
  test("are refused after twenty different ones, and then right ones are, too", async () => {
    for (let each = 0; each < 20; each++) {
      const header = each % 2 === 0 ? "x-api-key" : "authorization";
      expect((await ask("192.0.2.1", `guess-${each}`, header)).status).toBe(401);
    }
    const refused = await ask("192.0.2.1", "guess-20");
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await refused.text()).toContain("urn:cvdw-elt:muitas-requisicoes");
    expect((await ask("192.0.2.1", "right")).status).toBe(429);
    expect((await ask("192.0.2.2", "right")).status).toBe(200);
  });

  test("do not shut out who was let in from there before", async () => {
    expect((await ask("192.0.2.3", "right")).status).toBe(200);
    for (let each = 0; each < 21; each++) await ask("192.0.2.3", `guess-${each}`);
    expect((await ask("192.0.2.3", "guess")).status).toBe(429);
    expect((await ask("192.0.2.3", "right")).status).toBe(200);
    expect((await ask("192.0.2.3", "other-right")).status).toBe(429);
  });

  test("count once each: a job whose key was revoked may ask all day", async () => {
    for (let each = 0; each < 60; each++) {
      expect((await ask("192.0.2.4", "revoked")).status).toBe(401);
    }
    expect((await ask("192.0.2.4", "right")).status).toBe(200);
  });

  test("are those of its whole network, where addresses are for the taking", async () => {
    for (let each = 0; each < 21; each++) await ask(`2001:db8:1:2::${each}`, `guess-${each}`);
    expect((await ask("2001:db8:1:2:ffff::1", "right")).status).toBe(429);
    expect((await ask("2001:db8:1:3::1", "right")).status).toBe(200);
  });

  test("are forgotten when their time is over", async () => {
    const wrongKeys = createWrongKeys({ requests: 1, windowMs: 100 });
    await wrongKeys.check("192.0.2.9", "a", undefined);
    await expect(wrongKeys.check("192.0.2.9", "b", undefined)).rejects.toThrow(
      "Requisições demais",
    );
    await expect
      .poll(() =>
        wrongKeys.check("192.0.2.9", "right", "1").then(
          () => "in",
          () => "out",
        ),
      )
      .toBe("in");
  });
});

test("an address is its network's, however it is written", () => {
  expect(networkOf("192.0.2.1")).toBe("192.0.2.1");
  expect(networkOf("::ffff:192.0.2.1")).toBe("192.0.2.1");
  expect(networkOf("2001:0DB8::1")).toBe("2001:db8:0:0::/64");
  expect(networkOf("2001:db8:0:0:1:2:3:4")).toBe("2001:db8:0:0::/64");
  expect(networkOf("::1")).toBe("0:0:0:0::/64");
  expect(networkOf("fe80::1%eth0")).toBe("fe80:0:0:0::/64");
  expect(networkOf("")).toBe("");
});
