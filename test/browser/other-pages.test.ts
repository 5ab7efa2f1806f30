import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exemplo } from "../../emulator/exemplo.ts";
import { runPipeline } from "../pipeline.ts";
import { createTestDatabase, type TestDatabase, withTestDatabase } from "../postgres.ts";
import { apiKey, serve } from "../server/published.ts";
import { accessibilityViolations, hasChromium, launch, overflowing, visit } from "./chromium.ts";
import { textOf, tileOf } from "./page-text.ts";

const phone = { viewport: { width: 390, height: 844 } };

describe.skipIf(!hasChromium)("a person with Chromium", () => {
  let database: TestDatabase;
  let browser: Browser;
  beforeAll(async () => {
    database = await createTestDatabase();
    await runPipeline(database, exemplo());
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await database?.drop();
  });

  test("logs in with a key, reads the page that was asked for, and logs out", async () => {
    const config = { host: "127.0.0.1", port: 0, apiKeys: [apiKey("diretoria", "a good key")] };
    const { url, close } = await serve(database.pool, { config });
    const options = { expectedErrors: /status of 40[13]/ };
    await visit(browser, url, options, async (page) => {
      await page.goto("/?time=Team+Alpha");
      expect(new URL(page.url()).pathname).toBe("/entrar");
      expect(await accessibilityViolations(page)).toEqual([]);
      expect(await page.evaluate("document.activeElement.name")).toBe("chave");

      await page.keyboard.type("a wrong key");
      await page.keyboard.press("Enter");
      await page.waitForSelector("[role=alert]");
      expect(await textOf(page, "[role=alert]")).toContain("Esta chave não vale");
      expect(await accessibilityViolations(page)).toEqual([]);

      await page.getByLabel("Chave de acesso").fill("a good key");
      await page.getByRole("button", { name: "Entrar" }).click();
      await page.waitForURL("**/?time=Team+Alpha");
      expect(await textOf(page, "#achadas")).toMatch(/^2 vendas/);
      const [cookie, ...others] = await page.context().cookies();
      expect(others).toEqual([]);
      expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Lax", secure: false, path: "/" });
      expect(cookie?.value).not.toContain("good");

      // The script's own requests carry it, too.
      await page.locator("#ordem-valor").click();
      await page.waitForURL("**ordem=-valor**");
      expect(await accessibilityViolations(page)).toEqual([]);

      await page.getByRole("button", { name: /^Sair/ }).click();
      await page.waitForURL("**/entrar");
      expect(await page.context().cookies()).toEqual([]);
      await page.goto("/");
      expect(new URL(page.url()).pathname).toBe("/entrar");
    });
    await close();
  });

  test("is led to the login when the session ended while the page was open", async () => {
    const config = { host: "127.0.0.1", port: 0, apiKeys: [apiKey("diretoria", "a good key")] };
    const { url, close } = await serve(database.pool, { config });
    await visit(browser, url, { expectedErrors: /status of 401/ }, async (page) => {
      await page.goto("/");
      await page.getByLabel("Chave de acesso").fill("a good key");
      await page.getByRole("button", { name: "Entrar" }).click();
      await page.waitForURL(`${url}/`);
      await page.context().clearCookies();
      await page.selectOption("#f-time", "Team Beta");
      await page.waitForURL("**/entrar**");
      await page.getByLabel("Chave de acesso").fill("a good key");
      await page.getByRole("button", { name: "Entrar" }).click();
      await page.waitForURL("**/?time=Team+Beta");
      expect(await textOf(page, "#achadas")).toMatch(/^2 vendas/);
    });
    await close();
  });

  test("reads what to do while nothing is published", async () => {
    await withTestDatabase(async ({ pool }) => {
      const { url, close } = await serve(pool);
      await visit(browser, url, { ...phone, expectedErrors: /status of 503/ }, async (page) => {
        await page.goto("/");
        expect(await textOf(page, "h1")).toBe("Ainda não há dados publicados");
        expect(await overflowing(page)).toEqual([]);
        expect(await accessibilityViolations(page)).toEqual([]);
      });
      await close();
    });
  });

  test("reads the longest names, on any screen", async () => {
    const name = "Condomínio Residencial Bosque das Araucárias Centenárias ".repeat(3);
    const word = "Superempreendimento".repeat(8);
    const own = await createTestDatabase();
    await runPipeline(own, exemplo());
    await own.pool.query(
      `update marts.vendas set
           empreendimento = $1, corretor = $2, time_corretor = $2, cliente = $1, unidade = $2,
           valor = 9999999999.99, status = $1`,
      [name, word],
    );
    await own.pool.query("update marts.empreendimentos set empreendimento = $1", [name]);
    const { url, close } = await serve(own.pool);
    for (const width of [320, 390, 900, 1280]) {
      await visit(browser, url, { viewport: { width, height: 900 } }, async (page) => {
        await page.goto("/");
        expect(await overflowing(page), `${width} pixels`).toEqual([]);
        expect(await tileOf(page, "Vendas")).toMatch(/^\d$/);
      });
    }
    await close();
    await own.drop();
  });

  test("sees a wrong address explained, with a way back", async () => {
    const { url, close } = await serve(database.pool);
    await visit(browser, url, { expectedErrors: /status of 40[04]/ }, async (page) => {
      for (const [path, sentence] of [
        ["/?de=amanha", "é um dia como"],
        ["/?conta=outra", "Não há dados da conta"],
        ["/nada", "Não há nada em /nada"],
      ] as const) {
        await page.goto(path);
        expect(await textOf(page, "main")).toContain(sentence);
        expect(await accessibilityViolations(page)).toEqual([]);
        await page.getByRole("link", { name: "Voltar ao painel" }).click();
        expect(await textOf(page, "h1")).toBe("Painel de vendas");
      }
    });
    await close();
  });
});
