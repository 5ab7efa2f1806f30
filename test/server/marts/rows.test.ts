import { tableFromIPC as readIPC } from "@uwdata/flechette";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningServer } from "../../../server/serve.ts";
import type { TestDatabase } from "../../postgres.ts";
import { createPublishedDatabase, problemAt, serve } from "../published.ts";
import { publishTable } from "./published-table.ts";

let database: TestDatabase;
let server: RunningServer;
beforeAll(async () => {
  database = await createPublishedDatabase();
  await publishTable(
    database,
    "metas",
    `as select 'exemplo' as conta, mês from generate_series(1, 3) as mês;
     alter table marts.metas add primary key (conta, mês)`,
  );
  server = await serve(database.pool);
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

type Row = Readonly<Record<string, unknown>>;
type Page = {
  readonly publicacao: { readonly id: number };
  readonly truncado?: boolean;
  readonly proxima?: string;
  readonly dados: readonly Row[];
};

async function pageAt(path: string): Promise<Page> {
  const response = await fetch(server.url + path);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  return JSON.parse(text) as Page;
}

async function rowsAt(path: string): Promise<readonly Row[]> {
  return (await pageAt(path)).dados;
}

async function selected(statement: string, values: readonly unknown[] = []) {
  const { rows } = await database.pool.query(
    `select row_to_json(found) as row from (${statement}) as found`,
    [...values],
  );
  return rows.map(({ row }) => row as Row);
}

describe("a table", () => {
  test("is read whole, in the order of its key, as the database has it", async () => {
    const rows = await rowsAt("/api/marts/comissoes?select=conta,comissao_id,valor_comissao,ativo");
    expect(rows.length).toBeGreaterThan(0);
    expect(rows).toEqual(
      await selected(
        "select conta, comissao_id, valor_comissao, ativo from marts.comissoes order by 1, 2",
      ),
    );
  });

  test("gives only the columns that select names, in its order", async () => {
    const [row] = await rowsAt("/api/marts/vendas?select=valor,conta&limit=1");
    expect(Object.keys(row ?? {})).toEqual(["valor", "conta"]);
  });

  test.each([
    ["conta=eq.outra", "conta = 'outra'"],
    ["conta=neq.outra", "conta <> 'outra'"],
    ["valor=gt.465000", "valor > 465000"],
    ["valor=gte.465000.00", "valor >= 465000"],
    ["valor=lt.465000&conta=eq.exemplo", "valor < 465000 and conta = 'exemplo'"],
    ["valor=lte.465000", "valor <= 465000"],
    ["valor=gt.450000&valor=lt.810000", "valor > 450000 and valor < 810000"],
    ["empreendimento=like.*Vista*", "empreendimento like '%Vista%'"],
    ["empreendimento=ilike.residencial%25", "empreendimento ilike 'residencial%'"],
    [
      'corretor=in.(Carlos Rodrigues,"Ana Costa Ferreira")',
      "corretor in ('Carlos Rodrigues', 'Ana Costa Ferreira')",
    ],
    ["reserva_id=in.()", "false"],
    ["etapa=is.null", "etapa is null"],
    ["corretor=is.not_null", "corretor is not null"],
    ["corretor=not.is.null", "corretor is not null"],
    ["conta=not.eq.outra", "conta <> 'outra'"],
    ["data_venda=gte.2020-01-31", "data_venda >= '2020-01-31'"],
    ["data_reserva=gt.2020-01-31T00:00:00Z", "data_reserva > '2020-01-31 00:00:00+00'"],
    ["data_reserva=gt.2020-01-31T00:00", "data_reserva > '2020-01-31 00:00:00-03'"],
    [
      "or=(valor.eq.450000,corretor.eq.Fernanda Lima)",
      "valor = 450000 or corretor = 'Fernanda Lima'",
    ],
    [
      'or=(and(valor.gt.1,valor.lt.460000),not.and(conta.in.("exemplo",outra),valor.lt.900000),corretor.not.is.null)',
      "(valor > 1 and valor < 460000) or not (conta in ('exemplo', 'outra') and valor < 900000) or corretor is not null",
    ],
    ["not.or=(valor.eq.450000,valor.eq.465000)", "not (valor = 450000 or valor = 465000)"],
    ["corretor=eq.a,b(c)'\"d", "false"],
  ])("is filtered by %s", async (filter, where) => {
    const found = await rowsAt(`/api/marts/vendas?select=conta,reserva_id&${filter}`);
    expect(found).toEqual(
      await selected(`select conta, reserva_id from marts.vendas where ${where} order by 1, 2`),
    );
  });

  test("is filtered by a boolean", async () => {
    const found = await rowsAt("/api/marts/reservas?select=conta,reserva_id&eh_venda=is.true");
    expect(found).toEqual(
      await rowsAt("/api/marts/reservas?select=conta,reserva_id&eh_venda=eq.true"),
    );
    expect(found).toHaveLength(10);
  });

  test("of an analyst has the columns' names as Portuguese spells them, everywhere", async () => {
    const july = (order: string, filter: string) =>
      rowsAt(`/api/marts/metas?${new URLSearchParams({ select: "mês", order, or: filter })}`);
    expect(await july("mês.desc", "(mês.gt.2,mês.not.gt.1)")).toEqual([{ mês: 3 }, { mês: 1 }]);
    expect(await july("mês.asc.nullsfirst", "(mês.in.(2,3))")).toEqual([{ mês: 2 }, { mês: 3 }]);
    expect(await problemAt(`${server.url}/api/marts/metas?or=(m%C3%AAs.igual.1)`)).toMatchObject({
      parametro: "or",
      detail: expect.stringContaining('veio "igual"'),
    });
  });

  test("is ordered by any columns, nulls where they are wanted", async () => {
    for (const [order, sql] of [
      ["valor.desc,conta", "valor desc, conta"],
      ["midia.desc", "midia desc nulls first, conta, reserva_id"],
      [
        "midia.asc.nullsfirst,valor.desc.nullslast",
        "midia nulls first, valor desc nulls last, conta, reserva_id",
      ],
    ]) {
      const rows = await rowsAt(`/api/marts/vendas?select=conta,reserva_id&order=${order}`);
      expect(rows).toEqual(
        await selected(`select conta, reserva_id from marts.vendas order by ${sql}`),
      );
    }
  });
});

describe("a page", () => {
  test.each([
    "",
    "&order=valor.desc",
    "&order=midia.desc.nullslast,valor",
    "&order=data_venda.desc,midia.nullsfirst",
  ])("leads to the next, until every row was read once%s", async (order) => {
    const relation = order === "" ? "condicoes" : "vendas";
    const all = await rowsAt(`/api/marts/${relation}?${order.slice(1)}`);
    const pages: Row[] = [];
    let next: string | undefined = `/api/marts/${relation}?limit=3${order}`;
    while (next !== undefined) {
      const response: Response = await fetch(server.url + next);
      const page = (await response.json()) as Page;
      pages.push(...page.dados);
      expect(page.truncado).toBeUndefined();
      next = page.proxima;
      const link = response.headers.get("link");
      expect(link).toBe(next === undefined ? null : `<${next}>; rel="next"`);
    }
    expect(pages).toEqual(all);
  });

  test("of a view leads on by offset, because a view has no key", async () => {
    const all = await rowsAt("/api/marts/vw_vendas_mensais");
    const first = await pageAt("/api/marts/vw_vendas_mensais?limit=30");
    expect(first.proxima).toContain("offset=30");
    const second = await pageAt(first.proxima ?? "");
    expect([...first.dados, ...second.dados]).toEqual(all);
    expect(second.proxima).toBeUndefined();
  });

  test("leads on in every format", async () => {
    for (const format of ["ndjson", "csv", "arrow"]) {
      const response = await fetch(`${server.url}/api/marts/vendas?limit=4&format=${format}`);
      await response.arrayBuffer();
      expect(response.headers.get("link")).toMatch(/cursor=[\w-]+.*rel="next"/);
    }
  });
});

test("more rows than one JSON answer holds are marked, and the next page has the rest", async () => {
  await database.pool.query(
    `create table marts.muitas (conta text, n integer, primary key (conta, n));
     insert into marts.muitas select 'exemplo', n from generate_series(1, 10001) as n;
     grant select on marts.muitas to bi_reader;
     insert into elt.relations (relation, fingerprint) values ('marts.muitas', '')`,
  );
  const own = await serve(database.pool);
  try {
    const response = await fetch(`${own.url}/api/marts/muitas`);
    expect(response.headers.get("x-truncado")).toBe("true");
    const page = (await response.json()) as Page;
    expect(page).toMatchObject({ truncado: true, proxima: expect.stringContaining("cursor=") });
    expect(page.dados).toHaveLength(10_000);
    const rest = (await (await fetch(own.url + page.proxima)).json()) as Page;
    expect(rest.dados).toEqual([{ conta: "exemplo", n: 10_001 }]);
    expect(rest.truncado).toBeUndefined();
    const lines = await (await fetch(`${own.url}/api/marts/muitas?format=ndjson`)).text();
    expect(lines.trimEnd().split("\n")).toHaveLength(10_001);
  } finally {
    await own.close();
    await database.pool.query(
      "drop table marts.muitas; delete from elt.relations where relation = 'marts.muitas'",
    );
  }
});

describe("every format", () => {
  test("says the same, by Accept and by ?format=", async () => {
    const path = "/api/marts/reservas?order=conta,reserva_id";
    const json = await rowsAt(path);
    const lines = await (
      await fetch(server.url + path, { headers: { accept: "application/x-ndjson" } })
    ).text();
    expect(
      lines
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual(json);
    const csv = await (await fetch(`${server.url}${path}&format=csv`)).text();
    const { rows } = await database.pool.query("select count(*)::int as n from marts.reservas");
    expect(csv.split("\n")[0]).toBe(Object.keys(json[0] ?? {}).join(","));
    expect(csv.trimEnd().split("\n").length).toBe(rows[0].n + 1);
    const arrow = await fetch(server.url + path, {
      headers: { accept: "application/vnd.apache.arrow.stream" },
    });
    const table = readIPC(new Uint8Array(await arrow.arrayBuffer()), { useDate: false });
    expect(table.numRows).toBe(json.length);
    expect([...table.getChild("reserva_id").toArray()]).toEqual(json.map((row) => row.reserva_id));
  });
});

test("a table that is not published is not there", async () => {
  for (const name of ["nada", "pg_class", "reservas%22", "..%2Felt.runs", "VENDAS"]) {
    expect(await problemAt(`${server.url}/api/marts/${name}`)).toMatchObject({ status: 404 });
  }
});
