import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exemplo } from "../../emulator/exemplo.ts";
import { type Emulator, startEmulator } from "../../emulator/server.ts";
import { call, page } from "./call.ts";

const account = exemplo({ hoje: "2026-03-10" });
let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator({ accounts: [account], rateLimit: null });
});

afterAll(() => emulator.close());

describe("scripted answers", () => {
  test.each([
    ["429", 429, /Too many requests/],
    ["200-too-many", 200, /Too many requests/],
    ["500", 500, /erro interno/],
    ["503-html", 503, /<html>/],
    ["520", 520, /<html>/],
    ["text", 200, /^Ocorreu um erro[^<]*\n<!DOCTYPE html>/],
    ["empty", 200, /^$/],
    ["401", 401, /token/],
    ["403", 403, /acesso/],
    ["405", 405, /Must be one of: OPTIONS/],
    ["422", 422, /Erro inesperado/],
  ] as const)("%s, once", async (kind, status, body) => {
    emulator.fault({ object: "vendas", kind });
    const struck = await call(emulator, account, "/vendas");
    expect(struck.status).toBe(status);
    expect(struck.text).toMatch(body);
    expect(emulator.requests.at(-1)).toMatchObject({ fault: kind, status });
    expect((await page(emulator, account, "/vendas")).dados).toHaveLength(5);
  });

  test("broken JSON", async () => {
    emulator.fault({ object: "vendas", kind: "invalid-json" });
    const { status, text } = await call(emulator, account, "/vendas");
    expect(status).toBe(200);
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
  });

  test("any status, header and body", async () => {
    const kind = { status: 418, headers: { "x-odd": "1" }, body: "chá" };
    emulator.fault({ object: "vendas", kind });
    const { status, headers, text } = await call(emulator, account, "/vendas");
    expect([status, headers.get("x-odd"), text]).toEqual([418, "1", "chá"]);
  });

  test("a Retry-After beside it", async () => {
    emulator.fault({ kind: "429", retryAfter: 7 });
    expect((await call(emulator, account, "/leads")).headers.get("retry-after")).toBe("7");
  });

  test("a slow answer is still the answer", async () => {
    emulator.fault({ object: "vendas", kind: "slow", ms: 1 });
    expect((await page(emulator, account, "/vendas")).dados).toHaveLength(5);
  });
});

describe("answers that look like a page and are none", () => {
  const path = "/vendas?pagina=2&registros_por_pagina=2";
  test.each([
    ["empty-envelope", { total_de_registros: 0, total_de_paginas: 0, ids: [] }],
    ["no-rows", { total_de_registros: 5, ids: [] }],
    ["short", { total_de_registros: 5, ids: [2] }],
    ["other-page", { total_de_registros: 5, ids: [0, 1] }],
    ["no-totals", { total_de_registros: 0, total_de_paginas: 0, ids: [2, 3] }],
  ] as const)("%s", async (kind, { ids, ...totals }) => {
    const all = [...account.records("vendas")].map(({ idreserva }) => idreserva);
    emulator.fault({ object: "vendas", kind });
    const struck = await page(emulator, account, path);
    expect(struck).toMatchObject(totals);
    expect(struck.dados.map(({ idreserva }) => idreserva)).toEqual(ids.map((nth) => all[nth]));
    expect((await page(emulator, account, path)).dados).toHaveLength(2);
  });

  test("204 has no body", async () => {
    emulator.fault({ object: "vendas", kind: "204" });
    expect(await call(emulator, account, path)).toMatchObject({ status: 204, text: "" });
  });
});

describe("broken connections", () => {
  test("a cut body is shorter than its content-length", async () => {
    emulator.fault({ object: "vendas", kind: "cut" });
    const { email, token } = account;
    const response = await fetch(`${emulator.url}/vendas`, { headers: { email, token } });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });

  test("a reset connection answers nothing", async () => {
    emulator.fault({ object: "vendas", kind: "reset" });
    await expect(call(emulator, account, "/vendas")).rejects.toThrow();
    expect(emulator.requests.at(-1)).toMatchObject({ status: 0, fault: "reset" });
  });
});

describe("which calls are struck", () => {
  test("the page and object that were named", async () => {
    emulator.fault({ object: "reservas", page: 2, kind: "500" });
    expect((await call(emulator, account, "/vendas?pagina=2")).status).toBe(200);
    expect((await call(emulator, account, "/reservas?pagina=1")).status).toBe(200);
    expect((await call(emulator, account, "/reservas?pagina=2")).status).toBe(500);
    expect((await call(emulator, account, "/reservas?pagina=2")).status).toBe(200);
  });

  test("from the nth matching call on, as often as told", async () => {
    emulator.fault({ object: "unidades", call: 2, times: 2, kind: "500" });
    const statuses: number[] = [];
    for (let n = 0; n < 4; n++) statuses.push((await call(emulator, account, "/unidades")).status);
    expect(statuses).toEqual([200, 500, 500, 200]);
  });

  test("the page that shows a row, whatever the size of pages", async () => {
    emulator.fault({ object: "vendas", row: 4, times: 2, kind: "500" });
    const statusOf = async (page: number, size: number) =>
      (await call(emulator, account, `/vendas?pagina=${page}&registros_por_pagina=${size}`)).status;
    expect([await statusOf(1, 3), await statusOf(2, 3)]).toEqual([200, 500]);
    expect([await statusOf(2, 1), await statusOf(4, 1)]).toEqual([200, 500]);
  });

  test("pages that were asked for with many records", async () => {
    emulator.fault({ object: "vendas", pageSizeAbove: 10, times: 2, kind: "500" });
    const statusOf = async (size: number) =>
      (await call(emulator, account, `/vendas?registros_por_pagina=${size}`)).status;
    expect([await statusOf(10), await statusOf(11)]).toEqual([200, 500]);
  });

  test("none any more when the fault was ended", async () => {
    const end = emulator.fault({ object: "vendas", times: 100, kind: "500" });
    expect((await call(emulator, account, "/vendas")).status).toBe(500);
    end();
    expect((await call(emulator, account, "/vendas")).status).toBe(200);
  });

  test("a hook edits the account before the page is read", async () => {
    emulator.fault({
      object: "repasses",
      call: 2,
      kind: (changing) => changing.remove("repasses", 401),
    });
    expect((await page(emulator, account, "/repasses")).dados).toHaveLength(1);
    expect((await page(emulator, account, "/repasses")).dados).toHaveLength(0);
  });
});
