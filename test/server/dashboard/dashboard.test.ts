import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningServer } from "../../../server/serve.ts";
import { createTestDatabase, type TestDatabase } from "../../postgres.ts";
import { apiKey, createPublishedDatabase, serve } from "../published.ts";

let database: TestDatabase;
let server: RunningServer;
beforeAll(async () => {
  database = await createPublishedDatabase();
  server = await serve(database.pool);
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

const browser = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };

async function pageAt(path: string, url: string = server.url): Promise<string> {
  const response = await fetch(url + path, { headers: browser });
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  return response.text();
}

/** What a reader reads: without markup, with plain blanks. */
function textOf(page: string): string {
  return page
    .replace(/<[^>]*>/g, " ")
    .replaceAll(/[\s\u00a0]+/g, " ")
    .trim();
}

describe("the dashboard", () => {
  test("shows the known answer of one account", async () => {
    const text = textOf(await pageAt("/?conta=exemplo"));
    expect(text).toContain("Vendas 5 3 empreendimentos, 4 corretores");
    expect(text).toContain("Valor total R$ 3,4 mi");
    expect(text).toContain("Ticket médio R$ 685,0 mil");
    expect(text).toContain("Comissões R$ 171,3 mil 5,0 % do valor vendido");
    expect(text).toContain("Edifício Vista Mar Premium 2 R$ 1,6 mi R$ 795,0 mil");
    expect(text).toContain("João Silva Santos Team Alpha 2 R$ 915,0 mil R$ 457,5 mil");
    expect(text).toContain("Team Beta 2 R$ 1,6 mi R$ 795,0 mil");
    expect(text).toContain("Tabela geral de vendas 5 vendas, R$ 3,4 mi");
  });

  test("adds the accounts up, and leads from one to the other", async () => {
    const page = await pageAt("/");
    expect(textOf(page)).toContain("Vendas 10 6 empreendimentos, 8 corretores");
    expect(textOf(page)).toContain("João Silva Santos Team Alpha · outra");
    expect(page).toContain('<a href="/" aria-current="page" data-vivo>Todas</a>');
    expect(page).toContain('<a href="/?conta=outra" aria-current="false" data-vivo>outra</a>');
    const one = await pageAt("/?conta=outra");
    expect(one).toContain('<a href="/?conta=outra" aria-current="page" data-vivo>outra</a>');
    expect(one).toContain('<a href="/?conta=exemplo" aria-current="false" data-vivo>exemplo</a>');
  });

  test("compares this year with the same stretch of the last one", async () => {
    const { rows } = await database.pool.query(
      `select quantidade_mesmo_periodo as vendas
       from marts.vw_vendas_ano_atual_vs_passado
       where conta = 'exemplo'
       order by ano desc`,
    );
    const text = textOf(await pageAt("/?conta=exemplo"));
    const day = "\\d\\d/\\d\\d/\\d{4}";
    expect(text).toMatch(
      new RegExp(
        `até ${day} Comparado com o mesmo período de \\d{4}: de 01/01/\\d{4} a ${day}. Vendas ${rows[0].vendas} `,
      ),
    );
    expect(text).toMatch(/no mesmo período de \d{4}/);
  });

  test("compares a period of more than a year with nothing, and says what has twelve months", async () => {
    const text = textOf(await pageAt("/?conta=exemplo&de=2020-01-15"));
    expect(text).toContain("Sem comparação com um ano antes, porque o período tem mais de um ano.");
    expect(text).not.toContain("um ano antes nenhuma");
    expect(text).toMatch(/Pró-soluto R\$ \S+ mil últimos 12 meses: \S+ % do valor vendido/);
    expect(text).toContain("últimos 12 meses do período, até");
    expect(text).toContain("Últimos 12 meses do período.");
  });

  test("tells which months count only in part", async () => {
    const inside = textOf(await pageAt("/?conta=exemplo&de=2024-02-10&ate=2024-04-20"));
    expect(inside).toContain(
      "Fevereiro de 2024, em cinza, conta desde 10/02/2024. Abril de 2024, em cinza, conta até 20/04/2024.",
    );
    const one = textOf(await pageAt("/?conta=exemplo&de=2024-02-10&ate=2024-02-20"));
    expect(one).toContain("Fevereiro de 2024, em cinza, conta de 10/02/2024 a 20/02/2024.");
    expect(one).toContain("mês parcial: ");
    const whole = textOf(await pageAt("/?conta=exemplo&de=2024-02-01&ate=2024-03-31"));
    expect(whole).not.toContain("em cinza");
    expect(whole).not.toContain("mês parcial");
  });

  test("says how old its data are", async () => {
    const { rows } = await database.pool.query(
      "select published_at from elt.publications order by publication_id desc limit 1",
    );
    const now = new Date(rows[0].published_at.getTime() + 12.5 * 60_000);
    const later = await serve(database.pool, { now: () => now });
    const page = await pageAt("/", later.url);
    await later.close();
    expect(textOf(page)).toMatch(/dados de \d\d\/\d\d\/\d{4}, \d\d:\d\d \(há 12 minutos\)/);
  });

  test("marks data that are older than a day", async () => {
    expect(await pageAt("/")).toContain('<p class="frescor">');
    const now = new Date(Date.now() + 25 * 3_600_000);
    const later = await serve(database.pool, { now: () => now });
    expect(await pageAt("/", later.url)).toContain('<p class="frescor velho">');
    await later.close();
  });

  test("has its charts in the page, each with a name and a table of its values", async () => {
    const page = await pageAt("/?conta=exemplo");
    expect(page.match(/<svg role="img" aria-label="Gráfico de barras: [^"]+"/g)).toHaveLength(8);
    expect(page.match(/<details><summary>Ver os valores<\/summary>/g)).toHaveLength(3);
    expect(page.match(/<h1/g)).toHaveLength(1);
    expect(page).toContain('<html lang="pt-BR">');
  });

  test("keeps to its own security policy: nothing inline, nothing from elsewhere", async () => {
    const page = await pageAt("/");
    expect(page.match(/<script[^>]*>.*?<\/script>/g)).toEqual([
      expect.stringMatching(/^<script src="\/assets\/painel\.js\?v=\w+" defer><\/script>$/),
    ]);
    expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:|@import|url\(/i);
    const addresses = [...page.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, address]) => address);
    expect(addresses.filter((address) => !/^[/#](?!\/)/.test(address ?? ""))).toEqual([]);
    for (const address of addresses.filter((each) => each?.startsWith("/assets/"))) {
      const asset = await fetch(server.url + address);
      expect(asset.status).toBe(200);
      expect(asset.headers.get("cache-control")).toMatch(/^public, max-age=\d+/);
      await asset.arrayBuffer();
    }
  });

  test("shows names as text, whatever they hold", async () => {
    const name = `<script>alert("1")</script> & 'Filhos'`;
    await database.pool.query(
      "update marts.vendas set corretor = $1, empreendimento = $1 where conta = 'outra'",
      [name],
    );
    await database.pool.query(
      "update marts.empreendimentos set empreendimento = $1 where conta = 'outra'",
      [name],
    );
    // Marts change only by publications; another server has nothing in memory.
    const other = await serve(database.pool);
    const page = await pageAt("/?conta=outra", other.url);
    await other.close();
    expect(page).not.toContain("<script>");
    const escaped = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;Filhos&#39;";
    expect(page.split(escaped).length - 1).toBeGreaterThanOrEqual(2);
  });
});

describe("a person who gets no dashboard", () => {
  test("reads what to do before the first publication", async () => {
    const empty = await createTestDatabase();
    const other = await serve(empty.pool);
    const response = await fetch(other.url, { headers: browser });
    expect(response.status).toBe(503);
    const page = await response.text();
    expect(textOf(page)).toContain("Ainda não há dados publicados");
    expect(textOf(page)).toContain("npm run elt");
    await other.close();
    await empty.drop();
  });

  test("reads which account does not exist", async () => {
    const response = await fetch(`${server.url}/?conta=<b>`, { headers: browser });
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("Não há dados da conta &quot;&lt;b&gt;&quot;.");
  });

  test("is led to the login", async () => {
    const config = { host: "127.0.0.1", port: 0, apiKeys: [apiKey("any", "secret")] };
    const keyed = await serve(database.pool, { config });
    const response = await fetch(keyed.url, { headers: browser, redirect: "manual" });
    expect(response.status).toBe(303);
    expect(response.headers.get("location")).toBe("/entrar");
    await keyed.close();
  });

  test("is told in a page, and a program in problem+json", async () => {
    expect(textOf(await pageAt("/nada"))).toContain("Endereço desconhecido");
    const program = await fetch(`${server.url}/nada`);
    expect(program.headers.get("content-type")).toContain("application/problem+json");
    const api = await fetch(`${server.url}/api/nada`, { headers: browser });
    expect(api.headers.get("content-type")).toContain("application/problem+json");
  });
});
