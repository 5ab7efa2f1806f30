import { readFile } from "node:fs/promises";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exemplo } from "../../emulator/exemplo.ts";
import { generateAccount } from "../../emulator/generate-account.ts";
import type { RunningServer } from "../../server/serve.ts";
import { runPipeline } from "../pipeline.ts";
import { createTestDatabase, type TestDatabase } from "../postgres.ts";
import { serve } from "../server/published.ts";
import { accessibilityViolations, hasChromium, launch, overflowing, visit } from "./chromium.ts";
import { cellsOf, count, percentIn, reais, settled, textOf, tileOf } from "./page-text.ts";

describe.skipIf(!hasChromium)("the dashboard in Chromium", () => {
  let database: TestDatabase;
  let server: RunningServer;
  let browser: Browser;
  beforeAll(async () => {
    database = await createTestDatabase();
    await runPipeline(database, [
      generateAccount({ conta: "grande", seed: 7, reservas: 800 }),
      exemplo({ email: "exemplo@example.com", token: "exemplo-token" }),
    ]);
    server = await serve(database.pool);
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await database?.drop();
  });

  async function rows(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    return (await database.pool.query(text, values)).rows;
  }

  /** The development with most sales this year, and how many. */
  async function commonDevelopment() {
    const [row] = await rows(
      `select empreendimento_id::text as id, count(*)::int as vendas,
           count(*) filter (where data_venda >= date_trunc('year', elt.hoje()::timestamp))::int as ano
       from marts.vendas
       where conta = 'grande' and data_venda between elt.hoje() - interval '24 months' and elt.hoje()
       group by empreendimento_id order by 3 desc, 1 limit 1`,
    );
    return { id: String(row?.id), listed: count(row?.vendas), thisYear: count(row?.ano) };
  }

  test("shows the numbers of the views, account by account", async () => {
    for (const conta of ["grande", "exemplo"]) {
      await visit(browser, server.url, {}, async (page) => {
        await page.goto(`/?conta=${conta}`);
        const [year] = await rows(
          `select * from marts.vw_vendas_ano_atual_vs_passado where conta = $1 order by ano desc`,
          [conta],
        );
        expect(await tileOf(page, "Vendas")).toBe(count(year?.quantidade_mesmo_periodo));

        const months = await rows(
          `select ano, mes_numero, quantidade_vendas, valor_total_vendas
           from marts.vw_vendas_mensais where conta = $1`,
          [conta],
        );
        const month = (ano: number, mes: number) => {
          const found = months.find((row) => row.ano === ano && row.mes_numero === mes);
          return [count(found?.quantidade_vendas ?? 0), reais(found?.valor_total_vendas ?? 0)];
        };
        const thisYear = Number(year?.ano);
        const monthly = await cellsOf(page, "section[aria-labelledby=mensais] tbody tr");
        expect(monthly.map((cells) => cells.slice(1))).toEqual(
          Array.from({ length: 12 }, (_month, index) => [
            ...month(thisYear - 1, index + 1),
            ...month(thisYear, index + 1),
          ]),
        );

        const vso = await rows("select * from marts.vw_vso_mensal where conta = $1 order by mes", [
          conta,
        ]);
        const vsoCells = await cellsOf(page, "section[aria-labelledby=vso] tbody tr");
        expect(vsoCells.map(([, vendas, oferta]) => [vendas, oferta])).toEqual(
          vso.map((row) => [count(row.quantidade_vendas), count(row.oferta)]),
        );
        vsoCells.forEach((cells, index) => {
          // The view has two digits, the page one.
          const difference = percentIn(cells[3]) - Number(vso[index]?.vso_percentual);
          expect(Math.abs(difference)).toBeLessThanOrEqual(0.0551);
        });

        const prosoluto = await rows(
          "select * from marts.vw_prosoluto_analise where conta = $1 order by mes",
          [conta],
        );
        const prosolutoCells = await cellsOf(page, "section[aria-labelledby=prosoluto] tbody tr");
        expect(prosolutoCells.map((cells) => cells.slice(1, 3))).toEqual(
          prosoluto.map((row) => [
            count(row.quantidade_prosoluto),
            reais(row.valor_total_prosoluto),
          ]),
        );

        for (const [section, view, key] of [
          ["empreendimentos", "vw_vendas_por_empreendimento", "cvcrm_id"],
          ["corretores", "vw_vendas_por_corretor", "corretor_id"],
          ["times", "vw_vendas_por_time", "time_corretor"],
        ] as const) {
          const ranked = await rows(
            `select quantidade_vendas, valor_total_vendas from marts.${view}
             where conta = $1 and quantidade_vendas > 0
             order by valor_total_vendas desc, ${key} limit 8`,
            [conta],
          );
          const cells = await cellsOf(page, `section[aria-labelledby=${section}] tbody tr`);
          expect(cells.map((row) => row[1])).toEqual(
            ranked.map((row) => count(row.quantidade_vendas)),
          );
          const exact = await page.evaluate<string[]>(
            `[...document.querySelectorAll("section[aria-labelledby=${section}] tbody span[title]")]
              .map(({ title }) => title)`,
          );
          expect(exact.map((text) => text.replaceAll("\u00a0", " "))).toEqual(
            ranked.map((row) => reais(row.valor_total_vendas)),
          );
        }

        const [sold] = await rows(
          `select count(*)::int as vendas, sum(valor) as valor
           from marts.vw_tabela_geral_vendas where conta = $1`,
          [conta],
        );
        expect(await textOf(page, "#achadas")).toMatch(
          new RegExp(`^${count(sold?.vendas)} vendas, `),
        );
        const sum = await page.locator("#achadas span").getAttribute("title");
        expect(sum?.replaceAll("\u00a0", " ")).toBe(reais(sold?.valor));
      });
    }
  });

  test("applies a filter to everything, keeps it in the address, and goes back", async () => {
    const development = await commonDevelopment();
    await visit(browser, server.url, {}, async (page) => {
      await page.goto("/");
      const all = await tileOf(page, "Vendas");
      await page.evaluate("window.marca = true");
      await page.selectOption("#f-empreendimento", `grande:${development.id}`);
      await settled(page);
      expect(new URL(page.url()).searchParams.get("empreendimento")).toBe(
        `grande:${development.id}`,
      );
      expect(await tileOf(page, "Vendas")).toBe(development.thisYear);
      expect(await textOf(page, "#achadas")).toMatch(new RegExp(`^${development.listed} venda`));
      expect(await cellsOf(page, "section[aria-labelledby=empreendimentos] tbody tr")).toHaveLength(
        1,
      );
      // The page was never left.
      expect(await page.evaluate("window.marca")).toBe(true);

      // The same address, opened by somebody else, is the same page.
      const shown = await textOf(page, "main");
      await page.reload();
      expect(await textOf(page, "main")).toBe(shown);

      await Promise.all([
        page.waitForResponse((response) => response.url() === `${server.url}/`),
        page.goBack(),
      ]);
      await settled(page);
      expect(await tileOf(page, "Vendas")).toBe(all);
      expect(await page.inputValue("#f-empreendimento")).toBe("");
    });
  });

  test("counts the days of a period, also when one of its links was pressed", async () => {
    await visit(browser, server.url, {}, async (page) => {
      await page.goto("/?conta=grande");
      await page.getByRole("link", { name: "Ano passado" }).click();
      await settled(page);
      const [year] = await rows(
        `select quantidade_vendas from marts.vw_vendas_ano_atual_vs_passado
         where conta = 'grande' and periodo = 'Ano Passado'`,
      );
      expect(await tileOf(page, "Vendas")).toBe(count(year?.quantidade_vendas));
      expect(await textOf(page, "#achadas")).toMatch(
        new RegExp(`^${count(year?.quantidade_vendas)} venda`),
      );
    });
  });

  test("sorts, pages and searches the table", async () => {
    await visit(browser, server.url, {}, async (page) => {
      await page.goto("/?conta=grande");
      const table = ".vendas tbody tr";
      await page.locator("#ordem-valor").click();
      await settled(page);
      expect(await page.locator(".vendas th[aria-sort=descending]").innerText()).toContain("Valor");
      const largest = await rows(
        `select cvcrm_id::text as id from marts.vw_tabela_geral_vendas where conta = 'grande'
         order by valor desc nulls last, cvcrm_id desc limit 50`,
      );
      const shown = async () => {
        const [heads = []] = await cellsOf(page, ".vendas thead tr");
        return (await cellsOf(page, table)).map((cells) => cells[heads.indexOf("Reserva")]);
      };
      expect(await shown()).toEqual(largest.slice(0, 25).map(({ id }) => id));
      await page.locator("#pagina-proxima").click();
      await settled(page);
      expect(await shown()).toEqual(largest.slice(25).map(({ id }) => id));
      expect(new URL(page.url()).searchParams.get("pagina")).toBe("2");

      const id = String(largest[0]?.id);
      await page.locator("#f-busca").pressSequentially(id);
      await page.waitForURL(`**/*busca=${id}*`);
      await settled(page);
      expect(await shown()).toContain(id);
      expect(await page.evaluate("document.activeElement.id")).toBe("f-busca");
      expect(await page.inputValue("#f-busca")).toBe(id);
    });
  });

  test("exports the sales that are listed, as Excel reads them in Brazil", async () => {
    await visit(browser, server.url, { acceptDownloads: true }, async (page) => {
      await page.goto("/?conta=grande&time=Sem+Time&ordem=valor");
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name: "Exportar CSV" }).click(),
      ]);
      expect(download.suggestedFilename()).toMatch(/^vendas-\d{4}-\d\d-\d\d\.csv$/);
      const text = await readFile(await download.path(), "utf8");
      const lines = text.replace("\ufeff", "").trim().split(/\r?\n/);
      const [sold] = await rows(
        `select count(*)::int as vendas, sum(valor) as valor
         from marts.vw_tabela_geral_vendas where conta = 'grande' and time_corretor is null`,
      );
      expect(lines).toHaveLength(Number(sold?.vendas) + 1);
      const place = lines[0]?.split(";").indexOf("Valor") ?? -1;
      const values = lines.slice(1).map((line) => line.split(";")[place]?.replace(",", "."));
      const numbers = values.map(Number);
      expect(numbers.reduce((sum, value) => sum + value, 0)).toBeCloseTo(Number(sold?.valor), 1);
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    });
  });

  test("does all of it without a script", async () => {
    const development = await commonDevelopment();
    await visit(browser, server.url, { javaScriptEnabled: false }, async (page) => {
      await page.goto("/");
      await page.selectOption("#f-empreendimento", `grande:${development.id}`);
      await page.click("#f-aplicar");
      expect(new URL(page.url()).searchParams.get("empreendimento")).toBe(
        `grande:${development.id}`,
      );
      expect(await tileOf(page, "Vendas")).toBe(development.thisYear);
      await page.click("#ordem-valor");
      expect(await page.locator(".vendas th[aria-sort]").innerText()).toContain("Valor");
      await page.fill("#f-busca", "nada disto existe");
      await page.click("#f-buscar");
      expect(await textOf(page, ".vendas .vazio")).toContain("Nenhuma venda com");
      // Everything that was chosen before is still chosen.
      expect([...new URL(page.url()).searchParams.keys()].sort()).toEqual([
        "busca",
        "empreendimento",
        "ordem",
      ]);
      // What only a script can do is not offered.
      expect(await page.locator("#imprimir").isVisible()).toBe(false);
    });
  });

  test("is used from the keyboard alone", async () => {
    await visit(browser, server.url, {}, async (page) => {
      await page.goto("/?conta=grande");
      await page.keyboard.press("Tab");
      expect(await page.evaluate("document.activeElement.className")).toBe("pular");
      expect((await page.locator(".pular").boundingBox())?.x).toBeGreaterThanOrEqual(0);
      await page.keyboard.press("Enter");
      expect(await page.evaluate("document.activeElement.id")).toBe("conteudo");

      const passed: string[] = [];
      for (;;) {
        await page.keyboard.press("Tab");
        const [name, outline] = await page.evaluate<[string, string]>(`(() => {
          const { activeElement: at } = document;
          const { outlineStyle, outlineWidth } = getComputedStyle(at);
          return [at === document.body ? "" : at.id || at.tagName, outlineStyle + outlineWidth];
        })()`);
        if (name === "" || passed.length > 500) break;
        // Inside of a day's field the browser marks its parts, and its button, itself.
        if (name !== passed.at(-1)) {
          expect(outline, `the focus on ${name}`).toMatch(/^(solid3px|auto)/);
        }
        passed.push(name);
      }
      // Through and out again: nothing holds the focus.
      expect(passed.length).toBeLessThan(500);
      expect(passed).toEqual(
        expect.arrayContaining(["f-de", "f-ate", "f-empreendimento", "f-time", "f-busca"]),
      );

      await page.focus("#f-time");
      await page.keyboard.press("ArrowDown");
      await settled(page);
      expect(new URL(page.url()).searchParams.get("time")).not.toBeNull();
      expect(await page.evaluate("document.activeElement.id")).toBe("f-time");
      await page.focus("#ordem-valor");
      await page.keyboard.press("Enter");
      await settled(page);
      expect(await page.evaluate("document.activeElement.id")).toBe("ordem-valor");
    });
  });

  const looks = [
    ["on a desk", { viewport: { width: 1280, height: 900 } }],
    ["in the dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }],
    ["on a phone", { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }],
    ["on a dark phone", { viewport: { width: 390, height: 844 }, colorScheme: "dark" }],
  ] as const;

  test.each(looks)("fits and reads well %s", async (_name, options) => {
    await visit(browser, server.url, options, async (page) => {
      for (const path of [
        "/",
        "/?conta=grande&de=2020-01-01&ate=2030-01-01",
        "/?time=Team+Alpha&busca=nada+disto+existe",
        "/?de=1950-01-01&ate=1950-01-02",
      ]) {
        await page.goto(path);
        expect(await overflowing(page), path).toEqual([]);
        expect(await accessibilityViolations(page), path).toEqual([]);
      }
      await page.goto("/");
      await page.locator("summary").first().click();
      expect(await page.locator("details[open] table").isVisible()).toBe(true);
      expect(await accessibilityViolations(page)).toEqual([]);
    });
  });

  test("follows the wish for dark colours", async () => {
    const backgrounds: string[] = [];
    for (const colorScheme of ["light", "dark"] as const) {
      await visit(browser, server.url, { colorScheme }, async (page) => {
        await page.goto("/");
        backgrounds.push(
          await page.evaluate<string>("getComputedStyle(document.body).backgroundColor"),
        );
      });
    }
    const brightness = backgrounds.map((color) =>
      (color.match(/\d+/g) ?? []).map(Number).reduce((sum, part) => sum + part, 0),
    );
    expect(brightness[0]).toBeGreaterThan(600);
    expect(brightness[1]).toBeLessThan(150);
  });

  test("prints on A4 without what only a screen needs, and cuts nothing", async () => {
    await visit(browser, server.url, { colorScheme: "dark" }, async (page) => {
      await page.goto("/?conta=grande");
      const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: false });
      expect(pdf.subarray(0, 5).toString()).toBe("%PDF-");
      const sheets = pdf.toString("latin1").match(/\/MediaBox \[0 0 [\d. ]+\]/g) ?? [];
      expect(sheets.length).toBeGreaterThanOrEqual(1);
      expect(sheets.length).toBeLessThanOrEqual(4);
      for (const sheet of sheets) {
        const [, , width = 0, height = 0] = (sheet.match(/[\d.]+/g) ?? []).map(Number);
        expect([width, height].sort((a, b) => a - b).map(Math.round)).toEqual([595, 842]);
      }
      await page.emulateMedia({ media: "print" });
      // A4 between its margins.
      await page.setViewportSize({ width: 703, height: 1032 });
      expect(await overflowing(page)).toEqual([]);
      for (const selector of ["#filtros", "#f-busca", "#imprimir", ".botao"]) {
        expect(await page.locator(selector).first().isVisible(), selector).toBe(false);
      }
      expect(await page.locator(".indicadores").first().isVisible()).toBe(true);
      // Paper is white, whatever the screen is.
      const color = await page.evaluate<string>("getComputedStyle(document.body).color");
      expect((color.match(/\d+/g) ?? []).every((part) => Number(part) < 80)).toBe(true);
    });
  });
});
