import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { safeDestination } from "../../../server/login/destination.ts";
import { createSessions } from "../../../server/login/sessions.ts";
import type { RunningServer } from "../../../server/serve.ts";
import { createKey, revokeKey } from "../../../server/stored-keys.ts";
import type { TestDatabase } from "../../postgres.ts";
import { apiKey, createPublishedDatabase, serve } from "../published.ts";

let database: TestDatabase;
const cleanups: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  database = await createPublishedDatabase();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => database.drop());

const secret = "0123456789abcdef0123456789abcdef";
const page = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

async function start(
  options: { readonly now?: () => Date; readonly proxies?: number } = {},
): Promise<RunningServer> {
  const server = await serve(database.pool, {
    config: {
      host: "127.0.0.1",
      port: 0,
      apiKeys: [apiKey("diretora", "right")],
      sessionSecret: secret,
      ...(options.proxies === undefined ? {} : { proxies: options.proxies }),
    },
    ...(options.now === undefined ? {} : { now: options.now }),
  });
  cleanups.push(() => server.close());
  return server;
}

function post(
  url: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers: { ...page, ...headers },
    redirect: "manual",
  });
}

/** Logs in, and gives the cookie as the browser sends it back. */
async function sessionAt(url: string, chave: string): Promise<string> {
  const response = await post(`${url}/entrar`, { chave });
  expect(response.status).toBe(303);
  return (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
}

function statusAs(url: string, cookie: string): Promise<number> {
  return fetch(url, { headers: { ...page, cookie }, redirect: "manual" }).then(
    ({ status }) => status,
  );
}

describe("a person with the right key", () => {
  test("gets a session for a week, and what was asked for", async () => {
    const { url } = await start();
    const asked = await fetch(`${url}/?conta=exemplo`, { headers: page, redirect: "manual" });
    expect(asked.headers.get("location")).toBe("/entrar?destino=%2F%3Fconta%3Dexemplo");
    const response = await post(`${url}/entrar`, { chave: " right ", destino: "/?conta=exemplo" });
    expect(response.status).toBe(303);
    expect(response.headers.get("location")).toBe("/?conta=exemplo");
    expect(response.headers.get("set-cookie")).toMatch(
      /^sessao=[\w-]+\.[\w-]+; Max-Age=604800; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/,
    );
    const cookie = (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const dashboard = await fetch(url, { headers: { ...page, cookie } });
    expect(await dashboard.text()).toContain("(diretora)");
    expect(await statusAs(`${url}/api/kpis`, cookie)).toBe(200);
    expect(await statusAs(`${url}/vendas.csv`, cookie)).toBe(200);
  });

  test("gets a cookie that only travels encrypted, behind TLS", async () => {
    const { url } = await start({ proxies: 1 });
    const response = await post(
      `${url}/entrar`,
      { chave: "right" },
      { "x-forwarded-proto": "https" },
    );
    expect(response.headers.get("set-cookie")).toMatch(/; Secure; SameSite=Lax$/);
  });

  test("leaves, and the browser forgets the session", async () => {
    const { url } = await start();
    const cookie = await sessionAt(url, "right");
    const response = await post(`${url}/sair`, {}, { cookie });
    expect(response.headers.get("location")).toBe("/entrar");
    expect(response.headers.get("set-cookie")).toMatch(
      /^sessao=; Path=\/; Expires=Thu, 01 Jan 1970/,
    );
  });

  test("leaves for good: a copy of the session opens nothing, another browser's still does", async () => {
    const { url } = await start();
    const copied = await sessionAt(url, "right");
    const other = await sessionAt(url, "right");
    expect(copied).not.toBe(other);
    expect(await statusAs(url, copied)).toBe(200);
    await post(`${url}/sair`, {}, { cookie: copied });
    expect(await statusAs(url, copied)).toBe(303);
    expect(await statusAs(url, other)).toBe(200);
  });

  test("is asked again when the session is over, or its key revoked", async () => {
    let now = new Date();
    const { url } = await start({ now: () => now });
    const cookie = await sessionAt(url, "right");
    expect(await statusAs(url, cookie)).toBe(200);
    now = new Date(now.getTime() + 7 * 24 * 3_600_000);
    expect(await statusAs(url, cookie)).toBe(303);

    const name = "gerente";
    const key = await createKey(database.pool, {
      name,
      scopes: ["read"],
      contas: ["exemplo"],
      expiresAt: undefined,
    });
    const other = await start();
    const theirs = await sessionAt(other.url, key ?? "");
    const seen = await (await fetch(other.url, { headers: { ...page, cookie: theirs } })).text();
    expect(seen).toContain("Tabela geral de vendas");
    expect(seen).not.toContain("outra");
    expect(await statusAs(`${other.url}/?conta=outra`, theirs)).toBe(404);
    await revokeKey(database.pool, name);
    await expect.poll(() => statusAs(other.url, theirs)).toBe(303);
  });

  test("is nobody to a database in which another key has the number of theirs", async () => {
    const key = { scopes: ["read"], contas: ["exemplo"], expiresAt: undefined } as const;
    await database.pool.query("truncate elt.api_keys restart identity");
    const theirs = (await createKey(database.pool, { ...key, name: "gerente" })) ?? "";
    const { url } = await start();
    const cookie = await sessionAt(url, theirs);
    expect(await statusAs(url, cookie)).toBe(200);
    const client = await database.pool.connect();
    await client.query("begin; truncate elt.api_keys restart identity");
    await createKey(client, { ...key, name: "auditoria", scopes: ["pii"], contas: [] });
    await client.query("commit");
    client.release();
    await expect.poll(() => statusAs(url, cookie)).toBe(303);
  });
});

describe("a login", () => {
  test("with a wrong key says so, and is slowed down after ten", async () => {
    const { url } = await start();
    const wrong = await post(`${url}/entrar`, { chave: "wrong", destino: "/?conta=exemplo" });
    expect(wrong.status).toBe(403);
    expect(wrong.headers.get("set-cookie")).toBeNull();
    const text = await wrong.text();
    expect(text).toContain("Esta chave não vale");
    expect(text).toContain('value="/?conta=exemplo"');
    expect(text).not.toContain("wrong");
    for (let attempt = 2; attempt <= 10; attempt++) {
      expect((await post(`${url}/entrar`, { chave: "wrong" })).status).toBe(403);
    }
    const tooMany = await post(`${url}/entrar`, { chave: "right" });
    expect(tooMany.status).toBe(429);
    expect(Number(tooMany.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await tooMany.text()).toContain("Tentativas demais");
  });

  test("never leads elsewhere", async () => {
    const { url } = await start();
    const destino = "https://evil.example/";
    const response = await post(`${url}/entrar`, { chave: "right", destino });
    expect(response.headers.get("location")).toBe("/");
    for (const text of [
      "//evil.example",
      "/\\evil.example",
      "/.//evil.example",
      "/\t/evil.example",
    ]) {
      expect(safeDestination(text)).toBe("/");
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        const address = new URL(safeDestination(`/${text}`), "http://here.example");
        expect(address.origin).toBe("http://here.example");
      }),
    );
  });

  test("from another site's page is refused, as is a logout", async () => {
    const { url } = await start();
    const cookie = await sessionAt(url, "right");
    for (const headers of [
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { origin: "https://evil.example" },
      { origin: "null" },
    ]) {
      expect((await post(`${url}/entrar`, { chave: "right" }, headers)).status).toBe(403);
      expect((await post(`${url}/sair`, {}, { ...headers, cookie })).status).toBe(403);
    }
    expect((await post(`${url}/entrar`, { chave: "right" }, { origin: url })).status).toBe(303);
  });

  test("is not asked for where no key is needed", async () => {
    const open = await createPublishedDatabase();
    cleanups.push(() => open.drop());
    const server = await serve(open.pool);
    cleanups.push(() => server.close());
    expect(await statusAs(server.url, "")).toBe(200);
    expect(await statusAs(`${server.url}/entrar`, "")).toBe(303);
  });

  test("leaves programs to their keys", async () => {
    const { url } = await start();
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(`${url}/api/kpis`, { headers: page })).status).toBe(401);
    expect((await fetch(url, { headers: { ...page, "x-api-key": "right" } })).status).toBe(200);
  });
});

describe("a session's text", () => {
  test("counts only as it was signed, by this secret", () => {
    const now = () => new Date("2026-03-31T12:00:00Z");
    const sessions = createSessions(secret, now);
    const text = sessions.issue("env:diretora:0");
    expect(sessions.read(text)).toBe("env:diretora:0");
    expect(createSessions(`${secret}x`, now).read(text)).toBeUndefined();
    expect(createSessions(undefined, now).read(text)).toBeUndefined();
    const [content = "", signature = ""] = text.split(".");
    const forged = Buffer.from('["env:other:0",9999999999999]').toString("base64url");
    for (const wrong of ["", ".", content, `${forged}.${signature}`, `${text}.`, `${text}x`]) {
      expect(sessions.read(wrong)).toBeUndefined();
    }
  });
});
