import { describe, expect, test } from "vitest";
import { type KeyLocality, keyLocality } from "../../../runner/models/key-locality.ts";
import { loadProject } from "../../../runner/models/project.ts";
import { projectRoot } from "../../pipeline.ts";
import { projectOf } from "../../project.ts";

const staged = (object: string) =>
  `-- @key conta, chave\nselect l.conta, l.chave, 1::bigint as id, 1::bigint as outro_id, 1::numeric as valor from landing.${object}_atual as l`;

const inputs = {
  "models/staging/a.sql": staged("reservas"),
  "models/staging/b.sql": staged("comissoes"),
  "models/staging/v.sql": `-- @build view\nselect l.conta, l.chave from landing.leads_atual as l`,
  "models/seeds/mapa.csv": "conta,id\n",
};

/** What is found of a mart with `@key conta, id` over staging.a, staging.b and a mapping. */
async function localityOf(select: string, key = "conta, id"): Promise<KeyLocality> {
  const project = await projectOf({ ...inputs, "models/marts/m.sql": `-- @key ${key}\n${select}` });
  const [model] = project.models.filter(({ name }) => name === "marts.m");
  expect(project.problems).toEqual([]);
  if (model === undefined) throw new Error("the mart was not read");
  return keyLocality(model, project);
}

/** `a(conta, id)` for each restricted input, `a: reason` for each that is needed whole. */
function described(locality: KeyLocality): readonly string[] {
  if (!locality.keyLocal) return [`no: ${locality.because}`];
  const short = (relation: string) => relation.replace(/^(staging|seeds)\./, "");
  return [
    ...locality.inputs.map(({ relation, columns }) => `${short(relation)}(${columns.join(", ")})`),
    ...locality.whole.map(({ relation, because }) => `${short(relation)}: ${because}`),
  ];
}

const both = ["a(conta, id)", "b(conta, id)"];

describe("a model is key-local when", () => {
  test.each([
    ["it reads one table", "select a.conta, a.id from staging.a as a", ["a(conta, id)"]],
    [
      "joins equate the whole key",
      "select a.conta, a.id, b.valor from staging.a as a inner join staging.b as b on b.conta = a.conta and b.id = a.id",
      both,
    ],
    [
      "the key has another name in an input, and a condition more",
      "select a.conta, a.id from staging.a as a left join staging.b as b on a.conta = b.conta and b.outro_id = a.id and b.valor > 0",
      ["a(conta, id)", "b(conta, outro_id)"],
    ],
    [
      "equality passes through a third relation",
      "select a.conta, a.id from staging.a as a inner join staging.b as b on b.conta = a.conta and b.id = a.id inner join staging.b as c on c.conta = b.conta and c.id = b.id",
      [...both, "b(conta, id)"],
    ],
    [
      "WHERE equates what commas put side by side",
      "select a.conta, a.id from staging.a as a, staging.b as b where a.conta = b.conta and a.id = b.id",
      both,
    ],
    [
      "USING does",
      "select conta, id, a.valor from staging.a as a inner join staging.b as b using (conta, id)",
      both,
    ],
    [
      "the key is followed through import CTEs, stars, groups and new names",
      `with a as (select * from staging.a), b as (select * from staging.b),
       somas (c, i, total) as (select b.conta, b.outro_id, sum(b.valor) from b group by b.conta, b.outro_id),
       juntos as (select a.*, somas.total from a left join somas on somas.c = a.conta and somas.i = a.id)
       select juntos.conta, juntos.id, juntos.total from juntos`,
      ["a(conta, id)", "b(conta, outro_id)"],
    ],
    [
      "a CTE renames columns, and its reader the first of them",
      "with c (x, id) as (select a.conta, a.outro_id from staging.a as a) select d.conta, d.id, b.valor from c as d (conta) inner join staging.b as b on b.conta = d.conta and b.id = d.id",
      ["a(conta, outro_id)", "b(conta, id)"],
    ],
    [
      "a full join's key is the first that is there of two equated columns",
      "select coalesce(a.conta, b.conta) as conta, coalesce(a.id, b.id) as id from staging.a as a full join staging.b as b on b.conta = a.conta and b.id = a.id",
      both,
    ],
    [
      "every arm of a union gives the key, in its place",
      "select a.conta, a.id from staging.a as a union all select b.conta as x, b.outro_id as y from staging.b as b",
      ["a(conta, id)", "b(conta, outro_id)"],
    ],
    [
      "DISTINCT ON and windows hold it",
      "select distinct on (a.conta, a.id) a.conta, a.id, sum(a.valor) over (partition by a.id, a.conta) as s, rank() over w as r from staging.a as a window w as (partition by a.conta, a.id) order by a.conta, a.id, a.valor",
      ["a(conta, id)"],
    ],
    [
      "GROUP BY names it by place or by an equal column",
      "select a.conta, a.id, count(*) as n from staging.a as a inner join staging.b as b on b.conta = a.conta and b.id = a.id group by 1, 2",
      both,
    ],
    [
      "a subquery equates it with the row's",
      "select a.conta, a.id, (select max(b.valor) from staging.b as b where b.conta = a.conta and b.id = a.id) as m from staging.a as a where not exists (select from staging.b as b where a.id = b.outro_id and a.conta = b.conta)",
      ["a(conta, id)", "b(conta, id)", "b(conta, outro_id)"],
    ],
    [
      "a lateral subquery does",
      "select a.conta, a.id, x.n from staging.a as a cross join lateral (select count(*) as n from staging.b as b where b.conta = a.conta and b.id = a.id) as x",
      both,
    ],
    [
      "the rows come from a mapping that the input is tied to",
      "select m.conta, m.id, b.valor from seeds.mapa as m left join staging.b as b on b.conta = m.conta and b.id = m.id",
      ["b(conta, id)", "mapa: it is a mapping"],
    ],
  ])("%s", async (_, select, expected) => {
    expect(described(await localityOf(select))).toEqual(expected);
  });

  test("a computed column of the key is left out, and the others tell enough", async () => {
    const select =
      "select a.conta, a.id, upper(a.chave) as texto, count(*) as n from staging.a as a group by a.conta, a.id, upper(a.chave)";
    const locality = await localityOf(select, "conta, id, texto");
    expect(locality).toMatchObject({ keyLocal: true, columns: ["conta", "id"] });
  });
});

describe("a model is not key-local when", () => {
  test.each([
    [
      "a key column is computed",
      "select a.conta, a.id + 0 as id from staging.a as a",
      "the key column id is computed, not a column of an input (line 2, column 17)",
    ],
    [
      "a constant stands in its place",
      "select a.conta, 1 as id from staging.a as a",
      "the key column id is computed",
    ],
    [
      "only a name says that it is the key: coalesce of columns that differ",
      "select a.conta, coalesce(a.id, a.outro_id) as id from staging.a as a",
      "the key column id is the first of columns that differ",
    ],
    [
      "GROUP BY lacks a key column",
      // Legal, because the other columns follow from the primary key.
      "select a.conta, a.id, count(*) as n from staging.a as a group by a.conta, a.chave",
      "GROUP BY does not contain the key column id (line 2, column 66)",
    ],
    [
      "a group holds several keys",
      "with g as (select a.outro_id, min(a.conta) as conta, a.id from staging.a as a group by a.outro_id, a.id) select g.conta, g.id from g",
      "the key column conta is computed",
    ],
    [
      "the key is not among what is grouped by",
      "select s.conta, s.id from (select a.conta, a.id, a.outro_id from staging.a as a group by rollup (a.conta, a.id, a.outro_id)) as s",
      "GROUPING SETS put keys together",
    ],
    [
      "DISTINCT ON lacks a key column",
      "select distinct on (a.conta, a.outro_id) a.conta, a.id from staging.a as a order by a.conta, a.outro_id, a.id",
      "DISTINCT ON does not contain the key column id",
    ],
    [
      "DISTINCT ON has an equal column that may be null where the key is not",
      "select distinct on (b.conta, b.id) a.conta, a.id from staging.a as a left join staging.b as b on b.conta = a.conta and b.id = a.id",
      "DISTINCT ON does not contain the key column conta",
    ],
    [
      "a name in DISTINCT ON is a column that the SELECT gives, before one of an input",
      "select distinct on (conta, id) a.conta, a.outro_id as id, a.id as chave_id from staging.a as a",
      "DISTINCT ON does not contain the key column chave_id",
      "conta, chave_id",
    ],
    [
      "a window's PARTITION BY holds constants, not places of columns",
      "select a.conta, a.id, count(*) over (partition by 1, 2) as n from staging.a as a",
      "a window's PARTITION BY does not contain the key column conta",
    ],
    [
      "a name in a window's PARTITION BY may be a column of another input",
      "select a.conta, a.id as chave, count(*) over (partition by a.conta, chave) as n from staging.a as a inner join staging.b as b on b.conta = a.conta and b.id = a.id",
      "a window's PARTITION BY does not contain the key column chave",
      "conta, chave",
    ],
    [
      "a window inside DISTINCT ON does",
      "select distinct on (a.conta, a.id, rank() over (order by a.valor)) a.conta, a.id from staging.a as a",
      "a window's PARTITION BY does not contain the key column conta",
    ],
    [
      "a window looks beyond the key",
      "select a.conta, a.id, rank() over (partition by a.conta order by a.valor) as r from staging.a as a",
      "a window's PARTITION BY does not contain the key column id",
    ],
    [
      "a named window does",
      "select a.conta, a.id, rank() over w as r from staging.a as a window w as (order by a.valor)",
      "a window's PARTITION BY does not contain the key column conta",
    ],
    [
      "LIMIT looks at all rows",
      "select s.conta, s.id from (select a.conta, a.id from staging.a as a order by a.valor limit 10) as s",
      "LIMIT and OFFSET look at all rows (line 2, column 92)",
    ],
    [
      "an arm of a union computes the key",
      "select a.conta, a.id from staging.a as a union all select b.conta, b.id * 2 from staging.b as b",
      "the key column id is computed in an arm of a union",
    ],
    [
      "the key comes from the side of an outer join that may be missing",
      "select b.conta, b.id from staging.a as a left join staging.b as b on b.conta = a.conta and b.id = a.id",
      "a side of an outer join that may be missing",
    ],
    [
      "a full join gives the key of one side",
      "select a.conta, a.id from staging.a as a full join staging.b as b on b.conta = a.conta and b.id = a.id",
      "a side of an outer join that may be missing",
    ],
    [
      "it is recursive",
      "with recursive r as (select a.conta, a.id from staging.a as a union select r.conta, a.id from r inner join staging.a as a on a.conta = r.conta and a.outro_id = r.id) select r.conta, r.id from r",
      "it is recursive",
    ],
    [
      "an input is read twice, by other columns each time",
      "with a as (select * from staging.a) select x.conta, x.id from a as x inner join a as y on y.conta = x.conta and y.outro_id = x.id",
      "staging.a is needed whole: it is read by (conta, id) and by (conta, outro_id)",
    ],
    [
      "a total over all rows stands beside them",
      "with a as (select * from staging.a), t as (select sum(a.valor) as total from a) select a.conta, a.id, a.valor / t.total as p from a cross join t",
      "staging.a is needed whole: it is joined without the key column conta on both sides",
    ],
    [
      "a subquery over the same rows asks for others",
      "with a as (select * from staging.a) select x.conta, x.id from a as x where x.valor > (select avg(y.valor) from a as y where y.conta = x.conta)",
      "staging.a is needed whole: a subquery reads it, and its WHERE does not equate the key column id",
    ],
    [
      "it reads a system column",
      "select a.conta, a.id, a.xmin::text as x from staging.a as a",
      "the system column xmin",
    ],
  ])("%s", async (_, select, because, key?: string) => {
    const [found] = described(await localityOf(select, key));
    expect(found).toMatch(/^no: .*\(line \d+, column \d+\)$/);
    expect(found).toContain(because);
  });
});

describe("an input beside the key's own is needed whole when", () => {
  test.each([
    [
      "it shares the key's columns, but joins on another",
      "select a.conta, a.id, b.valor from staging.a as a inner join staging.b as b on b.conta = a.conta and b.outro_id = a.outro_id",
      "it is joined without the key column id on both sides",
    ],
    [
      "the accounts are not equated",
      "select a.conta, a.id, b.valor from staging.a as a inner join staging.b as b on b.id = a.id",
      "it is joined without the key column conta on both sides",
    ],
    [
      "the comparison is not equality",
      "select a.conta, a.id, b.valor from staging.a as a left join staging.b as b on b.conta = a.conta and b.id <= a.id",
      "it is joined without the key column id on both sides",
    ],
    [
      "equality is one of several conditions that may hold",
      "select a.conta, a.id from staging.a as a left join staging.b as b on b.conta = a.conta and (b.id = a.id or b.valor = 0)",
      "it is joined without the key column id on both sides",
    ],
    [
      "the key is equated after an outer join that says nothing of kept rows",
      "select a.conta, a.id from staging.a as a left join seeds.mapa as m on m.conta = a.conta and m.id = a.id and m.id = a.outro_id left join staging.b as b on b.conta = a.conta and b.id = a.outro_id",
      "it is joined without the key column id on both sides",
    ],
    [
      "it is cast on the way",
      "select a.conta, a.id from staging.a as a left join (select b.conta, b.id::integer as id from staging.b as b) as s on s.conta = a.conta and s.id = a.id",
      "the key column id is computed",
    ],
    [
      "it is grouped by other columns",
      "select a.conta, a.id, s.n from staging.a as a left join (select b.conta, max(b.id) as id, count(*) as n from staging.b as b group by b.conta) as s on s.conta = a.conta and s.id = a.id",
      "the key column id is computed",
    ],
    [
      "a subquery over it is not tied to the row",
      "select a.conta, a.id from staging.a as a where a.id in (select b.id from staging.b as b)",
      "a subquery reads it, and its WHERE does not equate the key column conta",
    ],
    [
      "a condition of a join asks for it",
      "select a.conta, a.id from staging.a as a left join seeds.mapa as m on m.id = a.id and exists (select from staging.b as b where b.conta = a.conta and b.id = a.id)",
      "a subquery reads it, and it is asked while rows are joined",
    ],
    [
      "a name inside a subquery hides the outer one",
      "select a.conta, a.id from staging.a as a where exists (select from seeds.mapa as m where m.conta = a.conta and m.id = a.id and exists (select from staging.b as a where a.conta = m.conta and a.id = a.outro_id))",
      "a subquery reads it",
    ],
    [
      "LIMIT picks among its rows",
      "select a.conta, a.id from staging.a as a left join (select b.conta, b.id from staging.b as b limit 1) as s on s.conta = a.conta and s.id = a.id",
      "LIMIT and OFFSET look at all rows",
    ],
  ])("%s", async (_, select, because) => {
    const found = described(await localityOf(select));
    expect(found[0]).toBe("a(conta, id)");
    expect(found.filter((one) => one.startsWith("b")).join()).toContain(`b: `);
    expect(found.join()).toContain(because);
  });

  test("it is a view, which has no rows of its own", async () => {
    const found = await localityOf(
      "select a.conta, a.id from staging.a as a left join staging.v as v on v.conta = a.conta and v.chave = a.chave",
    );
    expect(described(found)).toContain("staging.v: it is a view".replace("staging.", ""));
  });
});

describe("a changed row of an input that is needed whole finds the keys it touches", () => {
  const lookups = async (select: string) => {
    const locality = await localityOf(select);
    if (!locality.keyLocal) throw new Error(locality.because);
    return locality.whole.flatMap(({ relation, lookups: found }) =>
      found.map(
        ({ columns, through, throughColumns }) =>
          `${relation}(${columns.join()}) → ${through.relation}(${throughColumns.join()})`,
      ),
    );
  };

  test.each([
    [
      "by the columns it is joined on",
      "with a as (select * from staging.a), b as (select * from staging.b) select a.conta, a.id, b.valor from a left join b on b.conta = a.conta and b.id = a.outro_id and b.valor > 0",
      ["staging.b(conta,id) → staging.a(conta,outro_id)"],
    ],
    [
      "not by a comparison",
      "select a.conta, a.id from staging.a as a left join staging.b as b on b.id > a.outro_id",
      [],
    ],
    [
      "not when it is read in another place, too",
      "with b as (select * from staging.b) select a.conta, a.id from staging.a as a left join b on b.conta = a.conta and b.id = a.outro_id where a.valor > (select avg(b.valor) from b)",
      [],
    ],
    [
      "not when its rows are put together otherwise before",
      "select a.conta, a.id from staging.a as a left join (select b.conta, max(b.id) as id from staging.b as b group by b.conta) as s on s.conta = a.conta and s.id = a.outro_id",
      [],
    ],
  ])("%s", async (_, select, expected) => {
    expect(await lookups(select)).toEqual(expected);
  });
});

test("the large models of this project are key-local, in every input that grows with sales", async () => {
  const project = await loadProject(projectRoot);
  const notLocal = project.models.flatMap((model) => {
    if (model.build === "view") return [];
    const locality = keyLocality(model, project);
    if (!locality.keyLocal) return [model.name];
    return locality.whole.flatMap(({ relation, lookups }) =>
      lookups.length > 0 || relation.startsWith("seeds.") ? [] : [`${model.name} ← ${relation}`],
    );
  });
  expect(notLocal).toEqual(["marts.nao_classificados"]);
});
