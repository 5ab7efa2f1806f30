import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { openPessoas } from "./pessoas.ts";

const { build, drop, failure, land, reset } = await openPessoas();
afterAll(drop);
beforeEach(reset);

const PERSONAL = "Fulana de Tal";

/** A staging model over people whose `valor` is `select`. */
const staging = (select: string, rest = ""): string => `-- Pessoas.
-- @key conta, chave
select
    l.conta,
    l.chave,
    (l.payload ->> 'id')::bigint as pessoa_id,
    l.payload ->> 'nome' as nome,
    ${select} as valor
from landing.demandas_atual as l${rest}`;

describe("a failure while a model runs", () => {
  test.each([
    [
      "a cast of a JSON field",
      "(l.payload ->> 'valor')::numeric(15, 2)",
      `8:5: invalid input syntax for type numeric: (l.payload ->> 'valor') holds a text like "9.999,99" at conta acme, chave 2`,
    ],
    [
      "cast(… as …)",
      "cast(l.payload ->> 'nome' as integer)",
      `8:10: invalid input syntax for type integer: l.payload ->> 'nome' holds a text like "Aaaaa aa Aaaaa" at conta acme, chave 1`,
    ],
    [
      "a value that its type has no room for",
      "(replace(l.payload ->> 'id', '2', '99999'))::numeric(4, 1)",
      `8:5: numeric field overflow: (replace(l.payload ->> 'id', '2', '99999')) holds a text like "99999" at conta acme, chave 2`,
    ],
    [
      "a date that there is not",
      "to_date('2020-02-3' || (l.payload ->> 'id'), 'YYYY-MM-DD')",
      `8:13: date/time field value out of range: '2020-02-3' || (l.payload ->> 'id') holds a text like "9999-99-99" at conta acme, chave 1`,
    ],
    [
      "a division",
      "10 / ((l.payload ->> 'id')::integer - 2)",
      "8:10: division by zero: ((l.payload ->> 'id')::integer - 2) is zero at conta acme, chave 2",
    ],
  ])(
    "is told at its place, with the record and the shape of its value: %s",
    async (_, select, message) => {
      const error = await failure({ "models/staging/pessoas.sql": staging(select) });
      expect(error.message).toContain(message);
      expect(error.message).not.toContain("Maria");
      expect(error.message).not.toContain("1.234");
    },
  );

  test("is found inside a CTE, an arm of a union, and behind what where leaves out", async () => {
    await land(3, { nome: PERSONAL, valor: "nada" });
    const error = await failure({
      "models/marts/pessoas.sql": `-- Ação.
-- @key conta, chave
with todas as (select * from staging.pessoas),

textos as (
    select t.conta, t.chave, t.nome from todas as t where t.chave = '1'
    union all
    select t.conta, t.chave, t.nome from todas as t where t.chave = '3'
),

numeros as (
    select x.conta, x.chave, x.nome::bigint as numero
    from textos as x
    where x.chave <> '1'
)

select numeros.conta, numeros.chave, numeros.numero from numeros`,
    });
    expect(error.message).toContain(
      'models/marts/pessoas.sql:12:30: invalid input syntax for type bigint: x.nome holds a text like "Aaaaaa aa Aaa" at conta acme, chave 3',
    );
    expect(error.message).toContain("hint: elt.as_bigint(…) gives null");
    expect(error.message).not.toContain(PERSONAL);
  });

  test("names the group whose divisor is zero, also in a view that a test reads", async () => {
    await land(1, { nome: PERSONAL, valor: "0" });
    const error = await failure({
      "views/vw_soma.sql": `-- Razão.
-- @test check(razao > 0)
select p.conta, p.pessoa_id, 1 / sum(p.valor) as razao
from marts.pessoas as p
group by p.conta, p.pessoa_id`,
    });
    expect(error.message).toContain(
      "views/vw_soma.sql:3:34: division by zero: sum(p.valor) is zero at p.conta acme, p.pessoa_id 1",
    );
  });

  test("of which no record can be blamed still names the model", async () => {
    const error = await failure({
      "models/marts/pessoas.sql": `-- @key conta, pessoa_id
select p.conta, p.pessoa_id, (select q.nome from staging.pessoas as q) as nome
from staging.pessoas as p`,
    });
    expect(error.message).toContain("models/marts/pessoas.sql:2:1: more than one row returned");
  });

  test("leaves the transaction of the build nothing: what was published stays", async () => {
    await build();
    await land(3, { nome: PERSONAL, valor: "doze" });
    await failure({ "models/staging/pessoas.sql": staging("(l.payload ->> 'valor')::numeric") });
    await build();
  });
});
