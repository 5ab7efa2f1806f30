import fc from "fast-check";
import { DatabaseError, type PoolClient } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type KeyLocality,
  keyLocality,
  type RestrictedInput,
} from "../../../../runner/models/key-locality.ts";
import type { Model, Project } from "../../../../runner/models/project.ts";
import { restrictedRows, restrictInputs } from "../../../../runner/models/restrict-inputs.ts";
import { parseSelect } from "../../../../runner/models/select.ts";
import { createTestDatabase, type TestDatabase } from "../../../postgres.ts";
import { projectOf } from "../../../project.ts";

/** `ELT_PROOF_RUNS=20000` tries more texts than a suite has time for, `ELT_PROOF_SEED` others. */
const runs = Number(process.env.ELT_PROOF_RUNS ?? 150);

type Proved = KeyLocality & { readonly keyLocal: true };
type Row = {
  readonly conta: string | null;
  readonly chave: string;
  readonly id: number | null;
  readonly outro_id: number | null;
  readonly valor: number;
};
const tables = ["a", "b"] as const;
type Data = { readonly [table in (typeof tables)[number]]: readonly Row[] };

let database: TestDatabase;
let project: Project;
beforeAll(async () => {
  database = await createTestDatabase();
  const staged = (object: string) =>
    `-- @key conta, chave\nselect l.conta, l.chave from landing.${object}_atual as l`;
  project = await projectOf({
    "models/staging/a.sql": staged("reservas"),
    "models/staging/b.sql": staged("comissoes"),
    "models/marts/m.sql": "-- @key conta, id\nselect a.conta, a.id from staging.a as a",
  });
  for (const table of tables) {
    await database.pool.query(
      `create table staging.${table} (conta text, chave text, id bigint, outro_id bigint, valor numeric)`,
    );
  }
});
afterAll(() => database.drop());

/** Texts of which many are key-local, and many just not. */
const pick = (...texts: string[]) => fc.constantFrom(...texts);
const relation = pick(
  "staging.a",
  "staging.b",
  "staging.b",
  "base",
  "(select s.conta, s.id, min(s.chave) as chave, min(s.outro_id) as outro_id, sum(s.valor) as valor from staging.b as s group by s.conta, s.id)",
  "(select s.conta, s.outro_id as id, min(s.chave) as chave, min(s.id) as outro_id, sum(s.valor) as valor from staging.b as s group by 1, 2)",
  "(select distinct on (conta, id) s.conta, s.outro_id as id, s.chave, s.id as outro_id, s.valor from staging.b as s order by conta, id, s.chave)",
  "(select s.conta, s.id, s.chave, s.outro_id, sum(s.valor) over (partition by s.conta, s.id) as valor from base as s)",
  "(select s.* from staging.a as s union all select s.* from staging.b as s)",
  "(select s.* from staging.a as s where exists (select from staging.b as t where t.conta = s.conta and t.id = s.id))",
);
const columns = pick("id", "id", "outro_id");
const equality = (left: fc.Arbitrary<string>, right: string) =>
  fc.oneof(
    {
      weight: 5,
      arbitrary: left.map((one) => `${one}.conta = ${right}.conta and ${one}.id = ${right}.id`),
    },
    {
      weight: 3,
      arbitrary: fc
        .tuple(left, columns, columns)
        .map(([one, a, b]) => `${one}.conta = ${right}.conta and ${one}.${a} = ${right}.${b}`),
    },
    { weight: 1, arbitrary: left.map((one) => `${one}.id = ${right}.id`) },
    { weight: 1, arbitrary: left.map((one) => `${one}.chave = ${right}.chave`) },
    {
      weight: 1,
      arbitrary: left.map(
        (one) =>
          `${one}.conta = ${right}.conta and ${one}.id = ${right}.id and ${one}.valor = ${right}.outro_id`,
      ),
    },
  );
const joinType = pick("inner", "left", "left", "right", "full");
const extra = (alias: string) =>
  fc.oneof(
    fc.constant(`${alias}.valor`),
    pick(
      `sum(${alias}.valor) over (partition by ${alias}.conta, ${alias}.id)`,
      "count(*) over (partition by x.conta, x.id)",
      "count(*) over (partition by 1, 2)",
      "count(*) over (partition by x.conta, x.outro_id)",
    ),
    fc
      .tuple(relation, equality(fc.constant(alias), "w"))
      .map(([r, on]) => `(select sum(w.valor) from ${r} as w where ${on})`),
  );
const condition = (alias: string) =>
  fc.oneof(
    fc.constant("true"),
    fc.constant(`${alias}.id is null`),
    equality(fc.constant("x"), alias),
    fc.constant(`x.outro_id = ${alias}.id`),
    fc
      .tuple(pick("", "not "), relation, equality(fc.constant(alias), "w"))
      .map(([not, r, on]) => `${not}exists (select from ${r} as w where ${on})`),
    fc
      .tuple(
        relation,
        pick("", "where w.conta = x.conta", "where w.conta = x.conta and w.id = x.id"),
      )
      .map(([r, where]) => `x.${"outro_id"} in (select w.id from ${r} as w ${where})`),
  );
const key = pick("x", "x", "x", "y", "coalesce");
const body = fc
  .record({
    x: relation,
    y: relation,
    z: relation,
    xy: joinType,
    yz: joinType,
    onY: equality(fc.constant("x"), "y"),
    onZ: equality(pick("x", "y"), "z"),
    joins: fc.nat(2),
    lateral: fc.boolean(),
    using: fc.nat(4),
    key,
    extras: fc.tuple(extra("x"), extra("y")),
    where: fc.oneof(fc.constant("true"), condition("x"), condition("y")),
  })
  .map((t) => {
    const last = t.joins === 0 ? "x" : "y";
    const name = (column: string) =>
      t.key === "coalesce" && t.joins > 0
        ? `coalesce(x.${column}, y.${column})`
        : `${t.joins > 0 && t.key === "y" ? "y" : "x"}.${column}`;
    const y =
      t.using === 0
        ? `${t.xy} join ${t.y} as y using (conta, id)`
        : `${t.xy} join ${t.y} as y on ${t.onY}`;
    const z = t.lateral
      ? `cross join lateral (select sum(w.valor) as valor from ${t.z} as w where ${t.onZ.replaceAll("z.", "w.")}) as z`
      : `${t.yz} join ${t.z} as z on ${t.onZ}`;
    const from = [`${t.x} as x`, ...(t.joins > 0 ? [y] : []), ...(t.joins > 1 ? [z] : [])].join(
      "\n",
    );
    const own = t.extras.map((text) => (t.joins === 0 ? text.replaceAll("y.", "x.") : text));
    const where = t.joins === 0 ? t.where.replaceAll("y.", "x.") : t.where;
    const key =
      t.using === 0 && t.joins > 0 && t.key !== "y" ? ["conta", "id"] : [name("conta"), name("id")];
    return `select ${key[0]} as conta, ${key[1]} as id, ${last}.valor as valor, ${own.join(", ")}\nfrom ${from}\nwhere ${where}`;
  });
const wrapped = fc.oneof(
  { weight: 4, arbitrary: body },
  {
    weight: 2,
    arbitrary: fc
      .tuple(body, pick("1, 2", "q.conta, q.id", "conta, id", "q.id"))
      .map(
        ([text, by]) =>
          `select q.conta, q.id, count(*) as n, sum(q.valor) as s from (${text}) as q (conta, id, valor, e, f) group by ${by}`,
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(body, pick("q.conta, q.id", "conta, id, q.valor", "1, 2", "q.id, q.valor"))
      .map(
        ([text, by]) =>
          `select distinct on (${by}) q.conta, q.id, q.valor from (${text}) as q (conta, id, valor, e, f) order by ${by}, q.valor, q.e, q.f`,
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(body, pick("union", "union all", "except", "intersect"), body)
      .map(
        ([one, how, other]) => `select * from (${one}) as l ${how} select * from (${other}) as r`,
      ),
  },
);
const text = wrapped.map(
  (select) => `-- @key conta, id\nwith base as (select * from staging.a)\n${select}`,
);
const row = fc.record({
  conta: pick("p", "p", "q"),
  chave: pick("k1", "k2", "k3", "k4"),
  id: fc.option(fc.integer({ min: 1, max: 3 }), { freq: 8 }),
  outro_id: fc.option(fc.integer({ min: 1, max: 3 }), { freq: 8 }),
  valor: fc.integer({ min: 1, max: 3 }),
});
const rowsOfTable = fc.uniqueArray(row, {
  minLength: 1,
  maxLength: 7,
  selector: ({ conta, chave }) => `${conta} ${chave}`,
});
const data: fc.Arbitrary<Data> = fc.record({ a: rowsOfTable, b: rowsOfTable });
/** A row takes the place of another, or goes. */
const edit = fc.record({
  table: fc.constantFrom(...tables),
  place: fc.nat(6),
  row: fc.option(row),
});

async function modelOf(sql: string): Promise<Model> {
  const parsed = await parseSelect(sql);
  const [template] = project.models.filter(({ name }) => name === "marts.m");
  if (parsed.status === "invalid" || template === undefined) throw new Error(`not read: ${sql}`);
  const { references, tree, end } = parsed;
  return { ...template, text: sql, select: sql.slice(0, end), references, tree };
}

async function fill(client: PoolClient, { a, b }: Data): Promise<void> {
  for (const [table, rows] of [
    ["a", a],
    ["b", b],
  ] as const) {
    await client.query(`truncate staging.${table}`);
    await client.query(
      `insert into staging.${table} select * from jsonb_populate_recordset(null::staging.${table}, $1)`,
      [JSON.stringify(rows)],
    );
  }
}

type Result = readonly { readonly key: string; readonly row: string }[];

/** Rows of a query in an order of their own, with the key each has; undefined when it is no query. */
async function resultOf(
  client: PoolClient,
  sql: string,
  { columns }: Proved,
): Promise<Result | undefined> {
  await client.query("savepoint run");
  try {
    const { rows } = await client.query<{ key: (string | null)[]; row: string }>(
      `select array[${columns.map((name) => `q.${name}::text`).join(", ")}] as key, q::text as row from (${sql}\n) as q order by 2`,
    );
    // A key with a null fails its own test.
    const whole = rows.filter(({ key }) => !key.includes(null));
    return whole.map(({ key, row }) => ({ key: key.join(" "), row }));
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    await client.query("rollback to savepoint run");
    return undefined;
  }
}

/** The keys that a changed row of a table touches; undefined when everything is computed again. */
function touchedBy(
  { inputs, whole }: Proved,
  change: { readonly table: string; readonly rows: readonly Row[] },
  after: Data,
): ReadonlySet<string> | undefined {
  const own = `staging.${change.table}`;
  const keyOf = (one: Row, names: readonly string[]) =>
    names.map((name) => String((one as Readonly<Record<string, unknown>>)[name])).join(" ");
  const keys = new Set<string>();
  for (const { relation, columns } of inputs) {
    if (relation === own) for (const one of change.rows) keys.add(keyOf(one, columns));
  }
  for (const { relation, lookups } of whole) {
    if (relation !== own) continue;
    if (lookups.length === 0) return undefined;
    for (const { columns, through, throughColumns } of lookups) {
      const values = new Set(change.rows.map((one) => keyOf(one, columns)));
      for (const value of values) if (value.split(" ").includes("null")) values.delete(value);
      const met = through.relation === "staging.a" ? after.a : after.b;
      for (const one of met) {
        if (values.has(keyOf(one, throughColumns))) keys.add(keyOf(one, through.columns));
      }
    }
  }
  return keys;
}

test("what is proved of any text holds for any rows", {
  timeout: 60_000 + runs * 200,
}, async () => {
  let proved = 0;
  const client = await database.pool.connect();
  try {
    await client.query("begin; create temporary table keys (k1 text, k2 bigint)");
    await fc.assert(
      fc.asyncProperty(text, data, edit, async (sql, before, { table, place, row: next }) => {
        const model = await modelOf(sql);
        const locality = keyLocality(model, project);
        if (!locality.keyLocal || locality.columns.join() !== "conta,id") return;
        await fill(client, before);
        const all = await resultOf(client, model.select, locality);
        if (all === undefined) return;
        proved++;

        // Of some keys alone the rows are those that all of it has.
        const wanted = ["p 1", "q 2", "p 3"];
        await client.query("truncate keys; insert into keys values ('p', 1), ('q', 2), ('p', 3)");
        const rowsOf = (input: RestrictedInput) => restrictedRows(input, "keys");
        const some = restrictInputs(model, locality.inputs, rowsOf, () => undefined);
        const part = await resultOf(client, some?.text ?? "", locality);
        const ofWanted = (rows: Result) => rows.filter(({ key }) => wanted.includes(key));
        expect(ofWanted(part ?? []), sql).toEqual(ofWanted(all));

        // What a change does not touch stays as it is.
        const old = before[table][place % before[table].length];
        const rest = before[table].filter((one) => one !== old);
        const isFree = rest.every(
          ({ conta, chave }) => conta !== next?.conta || chave !== next.chave,
        );
        const after = { ...before, [table]: next !== null && isFree ? [...rest, next] : rest };
        const changed = [
          ...(old === undefined ? [] : [old]),
          ...(next !== null && isFree ? [next] : []),
        ];
        const touched = touchedBy(locality, { table, rows: changed }, after);
        if (touched === undefined) return;
        await fill(client, after);
        const then = (await resultOf(client, model.select, locality)) ?? [];
        const untouched = (rows: Result) => rows.filter(({ key }) => !touched.has(key));
        expect(untouched(then), sql).toEqual(untouched(all));
      }),
      { numRuns: runs, seed: Number(process.env.ELT_PROOF_SEED ?? 7) },
    );
  } finally {
    await client.query("rollback");
    client.release();
  }
  // Texts of which nothing is proved would pass, too.
  expect(proved).toBeGreaterThan(runs / 10);
});
