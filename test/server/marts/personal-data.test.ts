import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ApiKey } from "../../../runner/config.ts";
import type { RunningServer } from "../../../server/serve.ts";
import type { TestDatabase } from "../../postgres.ts";
import { apiKey, createPublishedDatabase, serve } from "../published.ts";

let database: TestDatabase;
let server: RunningServer;
const lines: string[] = [];
const masked = apiKey("leitor", "masked-secret");
const clear: ApiKey = { ...apiKey("auditoria", "clear-secret"), scopes: ["pii"] };
/** Every personal value that stands in marts_pii: names, documents, e-mails. */
let personal: readonly string[] = [];
let client = { cliente: "", documento_cliente: "", email_cliente: "" };

beforeAll(async () => {
  database = await createPublishedDatabase();
  server = await serve(database.pool, {
    config: { host: "127.0.0.1", port: 0, apiKeys: [masked, clear] },
    log: (line) => lines.push(line),
  });
  const { rows } = await database.pool.query(
    `select distinct value
     from (
         select to_jsonb(vendas) - '{conta,reserva_id}'::text[] as row from marts_pii.vendas
         union all
         select to_jsonb(reservas) - '{conta,reserva_id}'::text[] from marts_pii.reservas
         union all
         select to_jsonb(atendimentos) - '{conta,atendimento_id}'::text[] from marts_pii.atendimentos
     ) as clear
     cross join lateral jsonb_each_text(row)
     where length(value) > 4`,
  );
  personal = rows.map((row) => row.value);
  const found = await database.pool.query(
    "select * from marts_pii.reservas where documento_cliente is not null and email_cliente is not null limit 1",
  );
  client = found.rows[0];
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

function ask(path: string, secret: string, headers: Record<string, string> = {}) {
  return fetch(server.url + path, { headers: { ...headers, "x-api-key": secret } });
}

async function namesOf(where: string): Promise<readonly string[]> {
  const response = await fetch(`${server.url}/api/marts?`, {
    headers: { "x-api-key": "masked-secret" },
  });
  const { dados } = (await response.json()) as { dados: { nome: string; tipo: string }[] };
  return dados.filter(({ tipo }) => where === "" || tipo === where).map(({ nome }) => nome);
}

/** The personal values that a text holds. */
function found(text: string): readonly string[] {
  return personal.filter((value) => text.includes(value));
}

describe("without the scope", () => {
  test("no personal value is in any table, view, format or page", async () => {
    expect(personal.length).toBeGreaterThan(10);
    const names = await namesOf("");
    expect(names).toContain("reservas");
    const paths = [
      "/",
      "/api/docs",
      "/api/openapi.json",
      "/api/kpis",
      "/api/tabela-geral-vendas",
      "/api/tabela-geral-vendas?format=arrow",
      "/metrics",
      ...names.flatMap((name) =>
        ["json", "ndjson", "csv", "arrow"].map((format) => `/api/marts/${name}?format=${format}`),
      ),
    ];
    for (const path of paths) {
      const response = await ask(path, "masked-secret");
      expect(response.status, path).toBe(200);
      // Arrow keeps its texts as UTF-8, so they are found in its bytes, too.
      expect(found(await response.text()), path).toEqual([]);
    }
  });

  test("a clear value in a filter finds what a made-up one finds", async () => {
    const attempts = (value: string) => [
      `/api/marts/reservas?cliente=eq.${value}`,
      `/api/marts/reservas?cliente=ilike.*${value.slice(2, 8)}*`,
      `/api/marts/reservas?cliente=gte.${value}&cliente=lte.${value}`,
      `/api/marts/reservas?or=(cliente.eq.${encodeURIComponent(`"${value}"`)},documento_cliente.eq.${encodeURIComponent(`"${value}"`)})`,
      `/api/marts/vw_tabela_geral_vendas?cliente=eq.${value}`,
      `/api/marts/reservas?documento_cliente=eq.${value}&select=conta`,
      `/api/marts/reservas?email_cliente=eq.${value}&select=conta`,
    ];
    const answers = async (paths: readonly string[]) =>
      Promise.all(
        paths.map(async (path) => {
          const response = await ask(path, "masked-secret");
          expect(response.status).toBe(200);
          return ((await response.json()) as { dados: unknown }).dados;
        }),
      );
    for (const value of [client.cliente, client.documento_cliente, client.email_cliente]) {
      expect(await answers(attempts(value))).toEqual(await answers(attempts("Zwqx Kvjy Wqzx")));
    }
  });

  test("an order by a masked column is the order of its masks", async () => {
    const response = await ask("/api/marts/reservas?order=cliente&select=cliente", "masked-secret");
    const { dados } = (await response.json()) as { dados: { cliente: string | null }[] };
    const { rows } = await database.pool.query(
      "select cliente from marts.reservas order by cliente nulls last",
    );
    expect(dados).toEqual(rows);
  });

  test("the database itself refuses clear values to the server's statements", async () => {
    // What stands between a statement's mistake and a leak: the role that reads for this key.
    await database.pool.query("revoke select on marts.vendas from bi_reader");
    try {
      expect((await ask("/api/marts/vendas?limit=1", "masked-secret")).status).toBe(403);
      expect((await ask("/api/marts/vendas?limit=1", "clear-secret")).status).toBe(200);
    } finally {
      await database.pool.query("grant select on marts.vendas to bi_reader");
    }
    expect((await ask("/api/marts/vendas?limit=1", "masked-secret")).status).toBe(200);
  });
});

describe("with the scope", () => {
  test.each(["json", "ndjson", "csv", "arrow"])("clear values stand in %s", async (format) => {
    for (const name of ["reservas", "vendas", "atendimentos", "vw_tabela_geral_vendas"]) {
      const response = await ask(`/api/marts/${name}?format=${format}`, "clear-secret");
      expect(response.status).toBe(200);
      expect(found(await response.text()).length, `${name} ${format}`).toBeGreaterThan(0);
    }
  });

  test("the seed's address of all sales shows them, and its memory keeps the readers apart", async () => {
    for (const format of ["json", "arrow"]) {
      const path = `/api/tabela-geral-vendas?format=${format}`;
      for (const [secret, shows] of [
        ["masked-secret", false],
        ["clear-secret", true],
        ["masked-secret", false],
        ["clear-secret", true],
      ] as const) {
        const text = await (await ask(path, secret)).text();
        expect(found(text).length > 0, `${path} ${secret}`).toBe(shows);
      }
    }
  });

  test("the rows are the same, in number, order and key", async () => {
    for (const name of ["reservas", "vendas", "vw_tabela_geral_vendas"]) {
      const order = name.startsWith("vw_") ? "conta,cvcrm_id" : "conta,reserva_id";
      const [one, other] = await Promise.all(
        ["masked-secret", "clear-secret"].map(async (secret) => {
          const response = await ask(`/api/marts/${name}?order=${order}`, secret);
          const { dados } = (await response.json()) as { dados: Record<string, unknown>[] };
          return dados.map(
            ({ cliente: _name, documento_cliente: _id, email_cliente: _mail, ...rest }) => rest,
          );
        }),
      );
      expect(one).toEqual(other);
    }
  });

  test("a clear value finds its rows", async () => {
    const response = await ask(
      `/api/marts/reservas?documento_cliente=eq.${client.documento_cliente}&select=cliente`,
      "clear-secret",
    );
    const { dados } = (await response.json()) as { dados: { cliente: string }[] };
    expect(dados.map(({ cliente }) => cliente)).toContain(client.cliente);
  });

  test("what one key was told is never told to another as unchanged", async () => {
    for (const path of ["/api/marts/reservas", "/api/marts", "/api/docs"]) {
      const etag = (await ask(path, "clear-secret")).headers.get("etag") ?? "";
      const again = await ask(path, "masked-secret", { "if-none-match": etag });
      expect(again.status, path).toBe(200);
      const same = await ask(path, "clear-secret", { "if-none-match": etag });
      expect(same.status, path).toBe(304);
    }
  });
});

test("neither log, errors nor metrics repeat what a caller sent or a row holds", async () => {
  const value = encodeURIComponent(client.cliente);
  for (const path of [
    `/api/marts/reservas?cliente=eq.${value}`,
    `/api/marts/${value}`,
    `/${value}`,
    `/assets/${value}`,
    `/api/marts/reservas?valor_contrato=eq.${value}`,
    `/api/marts/reservas?${value}=eq.1`,
  ]) {
    await (await ask(path, "clear-secret")).text();
    await (await ask(path, "wrong")).text();
  }
  const metrics = await (await ask("/metrics", "masked-secret")).text();
  const written = lines.join("\n");
  expect(written).toContain("404 GET (unknown)");
  for (const text of [written, metrics]) {
    expect(found(text)).toEqual([]);
    expect(text).not.toContain(value);
    expect(text).not.toMatch(/secret/);
  }
});
