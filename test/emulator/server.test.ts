import { afterEach, describe, expect, test } from "vitest";
import { createAccount, objectNames } from "../../emulator/account.ts";
import { exemplo } from "../../emulator/exemplo.ts";
import { objectSpecs } from "../../emulator/fields.ts";
import { generateAccount } from "../../emulator/generate-account.ts";
import { type Emulator, type EmulatorOptions, startEmulator } from "../../emulator/server.ts";
import { catalogue } from "../../extract/catalogue.ts";
import { call, page } from "./call.ts";

const account = generateAccount({ conta: "aurora", seed: 5, reservas: 1_300, hoje: "2026-03-10" });
const running: Emulator[] = [];

async function start(options: Partial<EmulatorOptions> = {}): Promise<Emulator> {
  const emulator = await startEmulator({ accounts: [account], rateLimit: null, ...options });
  running.push(emulator);
  return emulator;
}

afterEach(async () => {
  for (const emulator of running.splice(0)) await emulator.close();
});

describe("paths", () => {
  test("every object of the catalogue answers at its path, and the two catalogues agree", async () => {
    const emulator = await start();
    expect([...objectSpecs.keys()].sort()).toEqual(catalogue.map(({ name }) => name).sort());
    for (const { name, path, key, editsHidden = false } of catalogue) {
      const spec = objectSpecs.get(name);
      expect([name, spec?.path, spec?.key]).toEqual([name, path, key]);
      expect([name, spec?.referencia_data_is === "data_cad"]).toEqual([name, editsHidden]);
      const { dados } = await page(emulator, account, path);
      expect([name, dados.length > 0]).toEqual([name, true]);
    }
  });

  test("a path that no object has answers 405 and not 404", async () => {
    const emulator = await start();
    for (const path of [
      "/empreendimentos",
      "/tipologia_unidades",
      "/prosoluto",
      "/reservas/1",
      "/",
    ]) {
      const { status, text } = await call(emulator, account, path);
      expect([path, status]).toEqual([path, 405]);
      expect(JSON.parse(text)).toEqual({
        error: "Method not allowed. Must be one of: OPTIONS",
        code: 405,
      });
    }
  });

  test("an object's path outside of the API's base is unknown", async () => {
    const emulator = await start();
    const outside = { ...emulator, url: new URL(emulator.url).origin };
    expect((await call(outside, account, "/corretores")).status).toBe(405);
  });

  test("a method other than GET answers 405", async () => {
    const emulator = await start();
    const { email, token } = account;
    const response = await fetch(`${emulator.url}/reservas`, {
      method: "POST",
      headers: { email, token },
    });
    expect(response.status).toBe(405);
  });

  test.each([
    ["/atendimentos/workflow-tempo", "/atendimentos/workflow/tempo"],
    ["/assistencias/itens/workflow-tempo", "/assistencias/itens/workflow/tempo"],
  ])("the old alias %s redirects with its query", async (alias, target) => {
    const { status, headers } = await call(await start(), account, `${alias}?pagina=2`);
    expect(status).toBe(301);
    expect(headers.get("location")).toBe(`/api/v1/cvdw${target}?pagina=2`);
  });

  test("the account's name is told without credentials", async () => {
    const emulator = await start();
    const response = await fetch(`${new URL(emulator.url).origin}/api/app/ambiente`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ nome: "aurora" });
  });
});

describe("credentials", () => {
  test.each([
    ["none", {}],
    ["a wrong token", { email: account.email, token: "wrong" }],
    ["another account's e-mail", { email: "other@example.com", token: account.token }],
  ])("%s: 401", async (_, headers) => {
    const emulator = await start();
    const response = await fetch(`${emulator.url}/reservas`, { headers: { ...headers } });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ code: 401 });
  });

  test("two accounts on one server see their own records", async () => {
    const other = exemplo({ hoje: "2026-03-10", email: "exemplo@example.com" });
    const emulator = await start({ accounts: [account, other] });
    expect((await page(emulator, account, "/reservas")).total_de_registros).toBe(1_300);
    expect((await page(emulator, other, "/reservas")).total_de_registros).toBe(8);
    expect(emulator.requests.map(({ conta }) => conta)).toEqual(["aurora", "exemplo"]);
  });

  test("two accounts with the same credentials cannot share a server", async () => {
    const accounts = [account, exemplo()];
    await expect(startEmulator({ accounts })).rejects.toThrow(/aurora and exemplo share/);
  });

  test("the log never holds a credential", async () => {
    const emulator = await start();
    await page(emulator, account, "/reservas?pagina=1&registros_por_pagina=2");
    expect(emulator.requests).toMatchObject([
      { method: "GET", path: "/reservas", status: 200, rows: 2, conta: "aurora" },
    ]);
    expect(JSON.stringify(emulator.requests)).not.toContain(account.token);
    expect(JSON.stringify(emulator.requests)).not.toContain(account.email);
  });
});

describe("pages", () => {
  test("thirty rows unless told otherwise, five hundred at most", async () => {
    const emulator = await start();
    expect((await page(emulator, account, "/reservas")).dados).toHaveLength(30);
    expect((await page(emulator, account, "/reservas?registros=1")).dados).toHaveLength(30);
    const large = await page(emulator, account, "/reservas?registros_por_pagina=9999");
    expect(large.dados).toHaveLength(500);
    expect(large).toMatchObject({ registros: 500, total_de_paginas: 3 });
  });

  test("`registros` echoes the size asked for, not the rows sent", async () => {
    const last = await page(await start(), account, "/reservas?pagina=3&registros_por_pagina=500");
    expect(last.registros).toBe(500);
    expect(last.dados).toHaveLength(300);
  });

  test("`pagina` comes back as a text from some objects, as a number from others", async () => {
    const emulator = await start();
    expect((await page(emulator, account, "/imobiliarias")).pagina).toBe("1");
    expect((await page(emulator, account, "/reservas")).pagina).toBe(1);
  });

  test("the order of the envelope's keys differs between objects", async () => {
    const emulator = await start();
    const orders = new Set<string>();
    for (const path of ["/reservas", "/leads", "/unidades", "/corretores"]) {
      orders.add(Object.keys(await page(emulator, account, path)).join());
    }
    expect(orders.size).toBeGreaterThan(1);
  });

  test.each([
    ["envelope", 200, `"dados":[]`],
    ["204", 204, ""],
    ["empty-body", 200, ""],
  ] as const)("nothing to show, as %s", async (emptyForm, status, content) => {
    const empty = createAccount({ conta: "vazia" });
    const emulator = await start({ accounts: [empty], emptyForm });
    for (const path of ["/leads", "/leads?pagina=9"]) {
      const answer = await call(emulator, empty, path);
      expect(answer.status).toBe(status);
      expect(content === "" ? answer.text === "" : answer.text.includes(content)).toBe(true);
    }
  });

  test("a page beyond the last has no rows but the true total", async () => {
    const beyond = await page(
      await start(),
      account,
      "/reservas?pagina=44&registros_por_pagina=30",
    );
    expect(beyond).toMatchObject({ total_de_registros: 1_300, total_de_paginas: 44, pagina: 44 });
    expect(beyond.dados).toHaveLength(10);
    const after = await page(await start(), account, "/reservas?pagina=45&registros_por_pagina=30");
    expect(after).toMatchObject({ total_de_registros: 1_300, total_de_paginas: 44, dados: [] });
  });

  test("bodies are UTF-8 JSON", async () => {
    const { headers, text } = await call(
      await start(),
      account,
      "/reservas?registros_por_pagina=500",
    );
    expect(headers.get("content-type")).toBe("application/json");
    expect(text).toMatch(/[ãçé]/);
    expect(text).not.toContain("\\u00");
  });

  test.each(objectNames)(
    "%s: pages ascend in referencia_data, undated rows first",
    async (object) => {
      const emulator = await start();
      const path = objectSpecs.get(object)?.path ?? "";
      const { dados } = await page(emulator, account, `${path}?registros_por_pagina=500`);
      const dates = dados.map(({ referencia_data: date }) =>
        typeof date !== "string" || date.startsWith("0000") ? "" : date,
      );
      expect(dates).toEqual([...dates].sort());
    },
  );

  test("many rows share one referencia_data", async () => {
    const { dados } = await page(await start(), account, "/reservas?registros_por_pagina=500");
    const dates = new Set(dados.map(({ referencia_data: date }) => date));
    expect(dates.size).toBeLessThan(450);
  });
});

describe("date filters", () => {
  const change = "2026-02-01 10:30:00";
  const filtered = createAccount({
    conta: "filtros",
    objects: {
      reservas: [
        { record: { idreserva: 1, referencia_data: "2013-05-01 00:00:00" }, stamp: change },
        { record: { idreserva: 2, referencia_data: "2026-01-31 23:59:59" } },
        { record: { idreserva: 3, referencia_data: "2026-02-01 00:00:00" } },
        { record: { idreserva: 4, referencia_data: "2026-02-02 09:00:00" } },
        { record: { idreserva: 5, referencia_data: null }, stamp: change },
      ],
    },
  });
  const ids = async (emulator: Emulator, query: string) =>
    (await page(emulator, filtered, `/reservas?${query}`)).dados.map(({ idreserva }) => idreserva);

  test("they look at a hidden change stamp, not at the date shown", async () => {
    const emulator = await start({ accounts: [filtered] });
    expect(await ids(emulator, "a_partir_data_referencia=2026-02-01")).toEqual([5, 1, 3, 4]);
  });

  test("both bounds are inclusive, a bare day lasts until midnight", async () => {
    const emulator = await start({ accounts: [filtered] });
    const from = "a_partir_data_referencia=2026-02-01%2010:30:00";
    expect(await ids(emulator, from)).toEqual([5, 1, 4]);
    expect(await ids(emulator, `${from}&ate_data_referencia=2026-02-01`)).toEqual([5, 1]);
    expect(await ids(emulator, `${from}&ate_data_referencia=2026-02-01 10:30:00`)).toEqual([5, 1]);
  });

  test("a space may travel as %20 or +", async () => {
    const emulator = await start({ accounts: [filtered] });
    expect(await ids(emulator, "a_partir_data_referencia=2026-02-02+09:00:00")).toEqual([4]);
  });

  test("an account that takes days alone answers 400 to a time of day", async () => {
    const emulator = await start({ accounts: [filtered], dateMode: "date-only" });
    expect(await ids(emulator, "a_partir_data_referencia=2026-02-02")).toEqual([4]);
    const { status, text } = await call(
      emulator,
      filtered,
      "/reservas?a_partir_data_referencia=2026-02-02%2009:00:00",
    );
    expect(status).toBe(400);
    expect(JSON.parse(text)).toEqual({
      error: "O campo a_partir_data_referencia não é válido",
      code: 400,
    });
  });

  test.each(["0000-00-00 00:00:00", "0000-00-00", "2026-02-30", "01/02/2026", "ontem"])(
    "%s is no date: 400, whatever the account takes",
    async (value) => {
      for (const dateMode of ["datetime", "date-only"] as const) {
        const emulator = await start({ accounts: [filtered], dateMode });
        const query = `/reservas?ate_data_referencia=${encodeURIComponent(value)}`;
        const { status, text } = await call(emulator, filtered, query);
        expect(status).toBe(400);
        expect(text).toContain("ate_data_referencia");
      }
    },
  );
});
