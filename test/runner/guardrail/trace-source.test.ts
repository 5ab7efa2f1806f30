import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { KpiHeld } from "../../../runner/guardrail/held-kpi.ts";
import { openPessoas, staging } from "../models/pessoas.ts";

const pessoas = await openPessoas();
afterAll(() => pessoas.drop());
beforeEach(async () => {
  await pessoas.reset();
  await pessoas.rows("truncate elt.guarded_models, elt.kpi_holds");
  await pessoas.rows("select landing.create_object('leads')");
  await pessoas.rows("truncate landing.leads");
  await pessoas.land(1, { nome: "Ana", valor: "100", tipo: "a" });
  await pessoas.land(2, { nome: "Bia", valor: "200", tipo: "b" });
});

async function landPrice(tipo: string, preco: number): Promise<void> {
  await pessoas.rows(`
    with load as (
      insert into elt.loads (conta, objeto, mode, verdict, finished_at)
      values ('acme', 'leads', 'full', 'proven', now()) returning load_id
    )
    insert into landing.leads (
      conta, chave, load_id, seq, supersedes_load_id, supersedes_seq, hash, payload
    )
    select 'acme', '${tipo}', load.load_id, 1, before.load_id, before.seq, gen_random_uuid(),
      '{"tipo": "${tipo}", "preco": ${preco}}'
    from load
    left join landing.leads_atual as before on before.chave = '${tipo}'`);
}

/** Sums by a computed key: which of its rows a record is in, no proof tells. */
const bands = (factor: number) => ({
  "models/marts/faixas.sql": `-- Faixas.
-- @key conta, faixa
-- @guard total 10%, rows 100%, from 1 rows = sum(valor)
select p.conta, (p.pessoa_id % 2)::integer as faixa, sum(p.valor * ${factor})::numeric(15, 2) as valor
from marts.pessoas as p
group by p.conta, p.pessoa_id % 2`,
});

/** Prices that are looked up by kind. */
const priced = (factor: number) => ({
  "models/staging/pessoas.sql": staging.replace(
    "from landing",
    ", l.payload ->> 'tipo' as tipo\nfrom landing",
  ),
  "models/staging/precos.sql": `-- Preços.
-- @key conta, chave
select l.conta, l.chave, l.payload ->> 'tipo' as tipo, (l.payload ->> 'preco')::numeric(15, 2) as preco
from landing.leads_atual as l`,
  "models/marts/precos.sql": `-- Preços por tipo.
-- @key conta, tipo
select p.conta, p.tipo, p.preco from staging.precos as p`,
  "models/marts/faixas.sql": `-- Pessoas com preço.
-- @key conta, chave
-- @guard total 10%, rows 100%, from 1 rows = sum(preco)
select p.conta, p.chave, (t.preco * ${factor})::numeric(15, 2) as preco
from staging.pessoas as p
left join marts.precos as t on t.conta = p.conta and t.tipo = p.tipo`,
});

const total = async (column: string) =>
  (await pessoas.rows(`select sum(${column})::text as total from marts.faixas`))[0]?.total;

describe("a model that is not key-local", () => {
  test("is explained by the source when nothing else changed", async () => {
    await pessoas.build(bands(1));
    await pessoas.land(1, { nome: "Ana", valor: "500" });
    await pessoas.build(bands(1));
    expect(await total("valor")).toBe("700.00");
  });

  test("is not, when its text changed as well", async () => {
    await pessoas.build(bands(1));
    await pessoas.land(1, { nome: "Ana", valor: "101" });
    const error = await pessoas.failure(bands(2));
    expect(error).toBeInstanceOf(KpiHeld);
    expect(error.message).toContain(
      "total of acme: 300.00 → 602.00 (+100.7 %), guard 10 %: nothing",
    );
    expect(await total("valor")).toBe("300.00");
  });

  test("is not, when no record came", async () => {
    await pessoas.build(bands(1));
    await pessoas.rows("update marts.faixas set valor = 1");
    await expect(pessoas.build(bands(1), { fullRefresh: true })).rejects.toBeInstanceOf(KpiHeld);
  });
});

describe("what a model looks up", () => {
  beforeEach(async () => {
    await landPrice("a", 10);
    await landPrice("b", 20);
    await pessoas.build(priced(1));
  });

  test("explains its rows when nothing but the source changed", async () => {
    await landPrice("a", 30);
    await pessoas.build(priced(1));
    expect(await total("preco")).toBe("50.00");
  });

  test("does not, when a text changed as well: only a row's own records do", async () => {
    await landPrice("a", 30);
    const error = await pessoas.failure(priced(2));
    expect(error.message).toContain(
      "total of acme: 30.00 → 100.00 (+233.3 %), guard 10 %: nothing",
    );
    await pessoas.land(1, { nome: "Ana", valor: "100", tipo: "b" });
    const own = await pessoas.failure(priced(2));
    expect(own.message).toContain(
      "what changed in the source makes 60.00, nothing explains the other +20.00",
    );
  });
});
