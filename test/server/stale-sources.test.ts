import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createKey } from "../../server/stored-keys.ts";
import type { TestDatabase } from "../postgres.ts";
import { createPublishedDatabase, etagAt, serve, statusWith } from "./published.ts";

let database: TestDatabase;
const cleanups: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  database = await createPublishedDatabase();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => database.drop());

const inHours = (hours: number) => () => new Date(Date.now() + hours * 3_600_000);
const html = { accept: "text/html" };

async function start(...given: Parameters<typeof serve>): Promise<string> {
  const server = await serve(...given);
  cleanups.push(() => server.close());
  return server.url;
}

/** What a reader reads in the heading of the page, with plain blanks. */
async function textAt(url: string, headers: Record<string, string> = html): Promise<string> {
  const page = await (await fetch(url, { headers })).text();
  const text = page.replace(/<[^>]*>/g, " ").replaceAll(/[\s\u00a0]+/g, " ");
  return text.slice(0, text.indexOf(" Imprimir "));
}

/** Lets one object of one account have been read earlier, for the test that runs. */
async function readEarlier(conta: string, objeto: string, hours: number): Promise<void> {
  const shift = (by: number) =>
    database.pool.query(
      `update elt.loads set finished_at = finished_at - make_interval(hours => $3)
       where conta = $1 and objeto = $2`,
      [conta, objeto, by],
    );
  await shift(hours);
  cleanups.push(() => shift(-hours));
}

describe("the dashboard", () => {
  test("says nothing while every source was read in time", async () => {
    expect(await textAt(await start(database.pool))).not.toContain("atrasada");
  });

  test("names the source that is behind, since when, and of which account", async () => {
    await readEarlier("outra", "reservas", 72);
    const url = await start(database.pool);
    const told = "(há 3 dias); os números que vêm dela podem estar desatualizados";
    expect(await textAt(url)).toContain(`fonte atrasada: reservas de outra ${told}`);
    expect(await textAt(`${url}/?conta=outra`)).toContain(`fonte atrasada: reservas ${told}`);
    expect(await textAt(`${url}/?conta=exemplo`)).not.toContain("atrasada");
  });

  test("tells readers only of accounts that they may see", async () => {
    await readEarlier("outra", "reservas", 72);
    const key = await createKey(database.pool, {
      name: "a",
      scopes: ["read"],
      contas: ["exemplo"],
      expiresAt: undefined,
    });
    cleanups.push(() => database.pool.query("delete from elt.api_keys"));
    const url = await start(database.pool);
    const text = await textAt(url, { ...html, authorization: `Bearer ${key}` });
    expect(text).toContain("Painel de vendas");
    expect(text).not.toContain("atrasada");
  });

  test("names the oldest sources when many are behind", async () => {
    await readEarlier("exemplo", "distratos", 100);
    const text = await textAt(`${await start(database.pool, { now: inHours(30) })}/?conta=exemplo`);
    expect(text).toContain("fontes atrasadas: distratos (há 5 dias), ");
    expect(text).toContain("e mais 5 fontes; os números que vêm delas podem");
  });

  test("is another page as soon as a source is behind", async () => {
    let now = new Date();
    const url = `${await start(database.pool, { now: () => now })}/?conta=exemplo`;
    const etag = await etagAt(url);
    expect(await statusWith(url, etag)).toBe(304);
    await readEarlier("exemplo", "unidades", 20);
    now = new Date(now.getTime() + 16_000);
    expect(await statusWith(url, etag)).toBe(200);
  });
});

describe("machines", () => {
  test("learn from /ready which objects are behind, without names of accounts", async () => {
    await readEarlier("outra", "reservas", 72);
    await readEarlier("exemplo", "reservas", 14);
    const response = await fetch(`${await start(database.pool)}/ready`);
    expect(response.status).toBe(200);
    const ready = await response.json();
    expect(ready).toMatchObject({
      status: "ok",
      fontes_atrasadas: [{ objeto: "reservas", nivel: "erro", idade_segundos: expect.any(Number) }],
    });
    expect(JSON.stringify(ready)).not.toContain("outra");
  });

  test("are told the level of every source in /metrics", async () => {
    await readEarlier("outra", "reservas", 72);
    await readEarlier("outra", "comissoes", 14);
    const text = await (await fetch(`${await start(database.pool)}/metrics`)).text();
    expect(text).toContain('elt_source_stale{conta="outra",objeto="reservas"} 2');
    expect(text).toContain('elt_source_stale{conta="outra",objeto="comissoes"} 1');
    expect(text).toContain('elt_source_stale{conta="exemplo",objeto="reservas"} 0');
  });
});
