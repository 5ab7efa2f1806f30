import { describe, expect, test } from "vitest";
import { personalColumns, projectLineage } from "../../../runner/models/lineage.ts";
import { orderModels } from "../../../runner/models/order.ts";
import { parseSelect } from "../../../runner/models/select.ts";
import { projectOf } from "../../project.ts";

const base = {
  "models/seeds/times.csv": "conta,corretor_id,time\n",
  "models/staging/reservas.sql": `-- @key conta, chave
select l.conta, l.chave, elt.as_bigint(r.idreserva) as reserva_id, r.titular as cliente,
    l.payload ->> 'valor' as valor, l.payload -> 'unidade' ->> 'nome' as unidade
from landing.reservas_atual as l
cross join lateral jsonb_to_record(l.payload) as r(idreserva text, titular text)`,
};

/** `column (copied): sources` of the model marts.a. */
async function lineageOf(select: string): Promise<readonly string[]> {
  const project = await projectOf({ ...base, "models/marts/a.sql": `-- @key conta\n${select}` });
  const lineage = projectLineage(project, orderModels(project).order);
  return (lineage.get("marts.a")?.columns ?? []).map(({ name, copied, sources }) => {
    const from = sources.map(({ relation, column }) => `${relation}.${column}`).sort();
    return `${name}${copied ? " =" : ""} ${from.join(" ")}`.trim();
  });
}

describe("the lineage of a column", () => {
  test("ends at the fields of landing's payload", async () => {
    const project = await projectOf(base);
    const lineage = projectLineage(project, orderModels(project).order);
    expect(lineage.get("staging.reservas")?.columns).toEqual([
      {
        name: "conta",
        copied: true,
        sources: [{ relation: "landing.reservas_atual", column: "conta" }],
      },
      {
        name: "chave",
        copied: true,
        sources: [{ relation: "landing.reservas_atual", column: "chave" }],
      },
      {
        name: "reserva_id",
        copied: false,
        sources: [{ relation: "landing.reservas_atual", column: "payload.idreserva" }],
      },
      {
        name: "cliente",
        copied: true,
        sources: [{ relation: "landing.reservas_atual", column: "payload.titular" }],
      },
      {
        name: "valor",
        copied: true,
        sources: [{ relation: "landing.reservas_atual", column: "payload.valor" }],
      },
      {
        name: "unidade",
        copied: true,
        sources: [{ relation: "landing.reservas_atual", column: "payload.unidade.nome" }],
      },
    ]);
  });

  test.each([
    [
      "a star over a join with using",
      "select * from staging.reservas as r left join seeds.times as t using (conta)",
      [
        "conta = seeds.times.conta staging.reservas.conta",
        "chave = staging.reservas.chave",
        "reserva_id = staging.reservas.reserva_id",
        "cliente = staging.reservas.cliente",
        "valor = staging.reservas.valor",
        "unidade = staging.reservas.unidade",
        "corretor_id = seeds.times.corretor_id",
        "time = seeds.times.time",
        "origem = seeds.times.origem",
      ],
    ],
    [
      "CTEs with renamed columns",
      "with x(a, b) as (select conta, valor from staging.reservas), y as (select x.a, sum(x.b) as soma from x group by 1) select y.* from y",
      ["a = staging.reservas.conta", "soma staging.reservas.valor"],
    ],
    [
      "arms of a union, by position",
      "select conta, valor from staging.reservas union all select time, origem from seeds.times",
      [
        "conta = seeds.times.time staging.reservas.conta",
        "valor = seeds.times.origem staging.reservas.valor",
      ],
    ],
    [
      "a scalar subquery that looks outside",
      "select r.conta, (select max(t.time) from seeds.times as t where t.corretor_id = r.reserva_id) as time from staging.reservas as r",
      ["conta = staging.reservas.conta", "time seeds.times.time"],
    ],
    [
      "lateral subqueries and values",
      "select r.conta, v.n, l.dobro from staging.reservas as r cross join (values (1), (2)) as v(n) cross join lateral (select r.valor || r.valor as dobro) as l",
      ["conta = staging.reservas.conta", "n", "dobro staging.reservas.valor"],
    ],
    [
      "a recursive query",
      "with recursive c as (select r.chave as k, r.valor from staging.reservas as r union all select c.k, c.valor || 'x' from c) select k, valor from c",
      ["k = staging.reservas.chave", "valor staging.reservas.valor"],
    ],
    [
      "case, coalesce, casts and windows",
      "select case when valor = '1' then cliente end, coalesce(valor, unidade), reserva_id::text, row_number() over (partition by conta order by chave) from staging.reservas",
      [
        "case staging.reservas.cliente staging.reservas.valor",
        "coalesce staging.reservas.unidade staging.reservas.valor",
        "reserva_id staging.reservas.reserva_id",
        "row_number staging.reservas.chave staging.reservas.conta",
      ],
    ],
    [
      "a count of rows",
      "with r as (select * from staging.reservas where valor is not null) select conta, count(*) as n from r group by conta",
      ["conta = staging.reservas.conta", "n staging.reservas.*"],
    ],
    [
      "a whole row",
      "select r.conta, to_jsonb(t) as linha from staging.reservas as r, seeds.times as t",
      [
        "conta = staging.reservas.conta",
        "linha seeds.times.conta seeds.times.corretor_id seeds.times.origem seeds.times.time",
      ],
    ],
    [
      "an inner name that hides an outer one",
      "with times as (select valor as time from staging.reservas) select time from times",
      ["time = staging.reservas.valor"],
    ],
  ])("goes through %s", async (_, select, expected) => {
    expect((await parseSelect(select)).status).toBe("parsed");
    expect(await lineageOf(select)).toEqual(expected);
  });

  test("tells joins and where apart from what a column is made of", async () => {
    const project = await projectOf({
      ...base,
      "models/marts/a.sql":
        "-- @key conta\nselect r.conta from staging.reservas as r inner join seeds.times as t on t.corretor_id = r.reserva_id where r.valor > '1'",
    });
    const lineage = projectLineage(project, orderModels(project).order);
    expect(
      lineage.get("marts.a")?.filters.map(({ relation, column }) => `${relation}.${column}`),
    ).toEqual(["seeds.times.corretor_id", "staging.reservas.reserva_id", "staging.reservas.valor"]);
  });

  test("finds names that do not exist, and none that do, in this project's own models", async () => {
    const { loadProject } = await import("../../../runner/models/project.ts");
    const { projectRoot } = await import("../../../runner/open-project.ts");
    const project = await loadProject(projectRoot);
    const lineage = projectLineage(project, orderModels(project).order);
    expect([...lineage].filter(([, { unknown }]) => unknown.length > 0)).toEqual([]);
    expect([...lineage].filter(([, { columns }]) => columns.length === 0)).toEqual([]);
  });
});

test("what a mart publishes as personal is personal up to the source, and in all that is made of it", async () => {
  const project = await projectOf({
    ...base,
    "models/marts/a.sql":
      "-- @key conta\n-- @pii cliente nome\nselect conta, valor, cliente from staging.reservas",
    "models/marts/b.sql":
      "-- @key conta\nselect s.conta, upper(s.cliente) as grito, s.valor from staging.reservas as s",
  });
  const { order } = orderModels(project);
  const isPersonal = personalColumns(project.models, projectLineage(project, order));
  expect(isPersonal("marts.a", "cliente")).toBe("nome");
  expect(isPersonal("staging.reservas", "cliente")).toBe("nome");
  expect(isPersonal("landing.reservas_atual", "payload.titular")).toBe("nome");
  expect(isPersonal("marts.b", "grito")).toBe("nome");
  expect(isPersonal("marts.b", "valor")).toBeUndefined();
  expect(isPersonal("staging.reservas", "valor")).toBeUndefined();
});
