import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ApiKey } from "../../../runner/config.ts";
import { finishRun, openRun, startRun } from "../../../runner/run-record.ts";
import type { RunningServer } from "../../../server/serve.ts";
import type { TestDatabase } from "../../postgres.ts";
import { apiKey, createPublishedDatabase, problemAt, serve } from "../published.ts";

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

/** Bytes as they are: fetch's own text() drops the mark of UTF-8. */
async function fileAt(url: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(url, { headers });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8");
  return Buffer.from(await response.arrayBuffer()).toString("utf8");
}

describe("the export", () => {
  test("is a file that Excel opens in Brazil, with the rows of the table in its order", async () => {
    const response = await fetch(`${server.url}/vendas.csv?conta=exemplo`);
    expect(response.headers.get("content-disposition")).toMatch(
      /^attachment; filename="vendas-\d{4}-\d\d-\d\d\.csv"$/,
    );
    await response.arrayBuffer();
    const text = await fileAt(`${server.url}/vendas.csv?conta=exemplo&ordem=-valor`);
    const [heads, ...lines] = text.trimEnd().split("\n");
    expect(heads).toBe(
      "\ufeffConta;Reserva;Data da venda;Empreendimento;Unidade;Corretor;Time;Cliente;Valor;Financiamento;Entrada;Parcelas;Comissão;Pró-soluto;Pró-soluto (%);Situação",
    );
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(
      /^exemplo;\d+;\d\d\/\d\d\/\d{4};Condomínio Park Residence;.*;Fernanda Lima;Team Gamma;.*;920000,00;/,
    );
    expect(lines[0]).toContain(";46000,00;");
  });

  test("follows filters and search", async () => {
    const lines = async (search: string) =>
      (await fileAt(`${server.url}/vendas.csv?${search}`)).trimEnd().split("\n").length - 1;
    expect(await lines("")).toBe(10);
    expect(await lines("time=Team+Beta")).toBe(4);
    expect(await lines("time=Team+Beta&busca=ana+costa")).toBe(2);
    expect(await lines("busca=nada+disto")).toBe(0);
    expect(await problemAt(`${server.url}/vendas.csv?ordem=cliente`)).toMatchObject({
      status: 400,
      parametro: "ordem",
    });
  });

  test("shows clients only to who may see them, also to the search", async () => {
    const { rows } = await database.pool.query<{ cliente: string }>(
      "select cliente from marts_pii.vendas where conta = 'exemplo' order by reserva_id limit 1",
    );
    const cliente = rows[0]?.cliente ?? "";
    expect(cliente).toContain(" ");
    const pii: ApiKey = { ...apiKey("auditoria", "clear"), scopes: ["pii"] };
    const apiKeys = [apiKey("diretoria", "masked"), pii];
    const keyed = await serve(database.pool, { config: { host: "127.0.0.1", port: 0, apiKeys } });
    const search = new URLSearchParams({ conta: "exemplo", busca: cliente });
    const page = async (key: string) =>
      (await fetch(`${keyed.url}/?${search}`, { headers: { "x-api-key": key } })).text();
    for (const [key, found] of [
      ["masked", false],
      ["clear", true],
    ] as const) {
      const headers = { "x-api-key": key };
      const all = await fileAt(`${keyed.url}/vendas.csv?conta=exemplo`, headers);
      expect(all.includes(cliente)).toBe(found);
      const searched = await fileAt(`${keyed.url}/vendas.csv?${search}`, headers);
      expect(searched.includes(cliente)).toBe(found);
      expect((await page(key)).includes(`<td class="texto">${cliente}</td>`)).toBe(found);
    }
    await keyed.close();
  });

  test("runs no formula that somebody wrote into a name", async () => {
    await database.pool.query(
      `update marts.vendas set corretor = '=HYPERLINK("http://evil.example")' where conta = 'outra'`,
    );
    await database.pool.query("update marts.vendas set unidade = e'\\n=1+1' where conta = 'outra'");
    const text = await fileAt(`${server.url}/vendas.csv?conta=outra`);
    expect(text).toContain(`"'=HYPERLINK(""http://evil.example"")"`);
    expect(text).toContain(`"'\n=1+1"`);
  });

  test("of an account that is not there says so, as the page does", async () => {
    for (const path of ["/", "/vendas.csv"]) {
      expect(await problemAt(`${server.url}${path}?conta=nada`)).toMatchObject({
        status: 404,
        type: "urn:cvdw-elt:conta-desconhecida",
      });
    }
  });

  test("leaves the database no work for somebody who went away", async () => {
    const blocker = await database.pool.connect();
    await blocker.query("begin; lock table marts.vendas in access exclusive mode");
    const gone = new AbortController();
    const asked = fetch(`${server.url}/vendas.csv`, { signal: gone.signal }).catch(() => undefined);
    const waiting = async () => {
      const { rows } = await database.pool.query(
        `select from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query like 'copy %'`,
      );
      return rows.length;
    };
    while ((await waiting()) === 0);
    gone.abort();
    await asked;
    try {
      await expect.poll(waiting, { timeout: 20_000 }).toBe(0);
    } finally {
      await blocker.query("rollback");
      blocker.release();
    }
  });
});

describe("the state of the last load", () => {
  test("stands beside the age of the data", async () => {
    const lines: readonly (readonly [number | null, "goes on" | "is gone", string])[] = [
      [0, "is gone", "última carga completa em"],
      [3, "is gone", "última carga incompleta"],
      [1, "is gone", "última carga falhou"],
      [null, "goes on", "carga em andamento desde"],
      [null, "is gone", "última carga falhou"],
    ];
    for (const [exitCode, fate, sentence] of lines) {
      const run = { command: "run", conta: null };
      const { runId, letGo } =
        fate === "goes on"
          ? await openRun(database.pool, run)
          : { runId: await startRun(database.pool, run), letGo: () => undefined };
      if (exitCode !== null) await finishRun(database.pool, runId, { exitCode, error: null });
      // A server of its own remembers nothing.
      const other = await serve(database.pool);
      expect(await (await fetch(other.url)).text()).toContain(sentence);
      await other.close();
      letGo();
    }
  });
});
