import fc from "fast-check";
import type { PoolClient } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { createLandingViews, endOf, readDay } from "../../../runner/environments/as-of-landing.ts";
import { createTestDatabase } from "../../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;

/** What the source had on each day: value by key, of two accounts. */
type Day = Readonly<Record<string, number>>;

const FIRST = Date.UTC(2026, 1, 10);
const dayAt = (index: number) => new Date(FIRST + index * 86_400_000).toISOString().slice(0, 10);

/** The first and the last moment of a day in São Paulo. */
const moments = ["00:00:00-03", "23:59:59.999999-03", "12:00:00-03"];

const states = {
  demandas_atual: "select conta, chave, load_id, seq, payload from landing.demandas_atual",
  demandas:
    "select conta, chave, load_id, seq, supersedes_load_id, payload, removed_at from landing.demandas",
};

async function rowsOf(client: PoolClient, statement: string): Promise<readonly string[]> {
  const { rows } = await client.query(`select one::text from (${statement}) as one order by 1`);
  return rows.map(({ one }) => one);
}

/** Lands what changed since the day before, and removes and brings back records, as loads do. */
async function liveDay(client: PoolClient, load: number, moment: string, day: Day): Promise<void> {
  const wanted = Object.entries(day).map(([key, value]) => ({ key, value }));
  await client.query(
    `with wanted as (
       select left(w.key, 1) as conta, substr(w.key, 2) as chave, to_jsonb(w.value) as payload
       from jsonb_to_recordset($1::jsonb) as w (key text, value integer)
     )
     insert into landing.demandas (
       conta, chave, load_id, seq, supersedes_load_id, supersedes_seq, hash, landed_at, payload
     )
     select wanted.conta, wanted.chave, $2, row_number() over (), newest.load_id, newest.seq,
       gen_random_uuid(), $3, wanted.payload
     from wanted
     left join lateral (
       select * from landing.demandas as d
       where d.conta = wanted.conta and d.chave = wanted.chave
       order by load_id desc, seq desc limit 1
     ) as newest on true
     where newest.payload is distinct from wanted.payload`,
    [JSON.stringify(wanted), load, moment],
  );
  const keys = wanted.map(({ key }) => key);
  await client.query(
    "update landing.demandas set removed_at = null where conta || chave = any ($1) and removed_at is not null",
    [keys],
  );
  await client.query(
    `update elt.removals set returned_in = $2, returned_at = $3
     where conta || chave = any ($1) and returned_in is null`,
    [keys, load, moment],
  );
  const { rows: gone } = await client.query(
    "select conta, chave from landing.demandas_atual where not conta || chave = any ($1)",
    [keys],
  );
  for (const { conta, chave } of gone) {
    await client.query(
      `update landing.demandas as version set removed_at = $3
       where conta = $1 and chave = $2 and not exists (
         select from landing.demandas as later
         where later.conta = $1 and later.chave = $2
           and (later.load_id, later.seq) > (version.load_id, version.seq)
       )`,
      [conta, chave, moment],
    );
    await client.query(
      `insert into elt.removals (conta, objeto, chave, missing_in, removed_in, removed_at)
       values ($1, 'demandas', $2, $3, $3, $4)`,
      [conta, chave, load, moment],
    );
  }
}

const days = fc.array(
  fc.dictionary(fc.constantFrom("a1", "a2", "b1", "b2", "b3"), fc.integer({ min: 0, max: 2 }), {
    noNullPrototype: true,
  }),
  { minLength: 2, maxLength: 6 },
);

describe("landing as it was at the end of a day", () => {
  test("is what it showed then: newest versions, and all of them, removed or not", async () => {
    const client = await pool.connect();
    await client.query("select landing.create_object('demandas'); create schema x_landing");
    const seen = { versions: 0, removed: 0, returned: 0 };
    try {
      await fc.assert(
        fc.asyncProperty(
          days,
          fc.array(fc.nat(2), { minLength: 6, maxLength: 6 }),
          async (story, times) => {
            await client.query("truncate landing.demandas, elt.removals");
            const shown: (readonly string[])[][] = [];
            for (const [index, day] of story.entries()) {
              const moment = `${dayAt(index)} ${moments[times[index] ?? 0]}`;
              await liveDay(client, index + 1, moment, day);
              shown.push([
                await rowsOf(client, states.demandas_atual),
                await rowsOf(client, states.demandas),
              ]);
            }
            seen.versions += (await rowsOf(client, states.demandas)).length;
            seen.removed += (await rowsOf(client, "select 1 from elt.removals")).length;
            seen.returned += (
              await rowsOf(client, "select 1 from elt.removals where returned_in is not null")
            ).length;
            for (const [index, expected] of shown.entries()) {
              const past = await endOf(client, dayAt(index));
              await createLandingViews(
                client,
                "x_landing",
                new Set(["demandas_atual", "demandas"]),
                past,
              );
              const then = (statement: string) => statement.replace("landing.", "x_landing.");
              expect([
                await rowsOf(client, then(states.demandas_atual)),
                await rowsOf(client, then(states.demandas)),
              ]).toEqual(expected);
            }
          },
        ),
        { numRuns: 40, seed: 7 },
      );
    } finally {
      client.release();
    }
    // The stories hold what they are about.
    expect(seen.versions).toBeGreaterThan(100);
    expect(seen.removed).toBeGreaterThan(20);
    expect(seen.returned).toBeGreaterThan(10);
  });

  test("has the columns of the real relations", async () => {
    const { rows } = await pool.query(`
      select relation, count(distinct columns)::int as shapes
      from (
        select relname as relation,
          (select string_agg(attname || format_type(atttypid, atttypmod), ',' order by attnum)
            from pg_attribute where attrelid = pg_class.oid and attnum > 0 and not attisdropped) as columns
        from pg_class
        where relnamespace in ('landing'::regnamespace, 'x_landing'::regnamespace)
          and relname in ('demandas', 'demandas_atual') and relkind in ('r', 'v')
      ) as shapes
      group by relation order by relation`);
    expect(rows).toEqual([
      { relation: "demandas", shapes: 1 },
      { relation: "demandas_atual", shapes: 1 },
    ]);
  });

  test("ends at midnight in São Paulo, in summer time, too", async () => {
    const until = async (day: string) => (await endOf(pool, day)).until;
    expect(await until("2026-08-01")).toBe("2026-08-02 03:00:00+00");
    expect(await until("2018-12-31")).toBe("2019-01-01 02:00:00+00");
  });

  test.each(["2026-02-30", "01/08/2026", "2026-8-1", "hoje", ""])("%s is no day", (text) => {
    expect(() => readDay(text)).toThrow(`--as-of is "${text}": give a day, like 2026-08-01.`);
  });

  test("is found by joining all versions at once, not by asking for each", async () => {
    const client = await pool.connect();
    try {
      await client.query("begin; truncate landing.demandas, elt.removals");
      await client.query(
        `insert into landing.demandas (conta, chave, load_id, seq, supersedes_load_id, supersedes_seq, hash, landed_at, payload)
         select 'a', n::text, v, n, nullif(v - 1, 0), case when v > 1 then n end, gen_random_uuid(), timestamptz '2026-02-10 12:00-03' + v * interval '1 day', '{}'
         from generate_series(1, 20000) as n cross join generate_series(1, 3) as v`,
      );
      await client.query(
        "insert into elt.removals (conta, objeto, chave, missing_in, removed_in, removed_at) select 'a', 'demandas', n::text, 1, 1, '2026-02-11' from generate_series(1, 3000) as n",
      );
      await client.query("analyze landing.demandas, elt.removals");
      const past = await endOf(client, "2026-02-12");
      await createLandingViews(client, "x_landing", new Set(["demandas_atual"]), past);
      const { rows } = await client.query(
        "explain (format json) select * from x_landing.demandas_atual",
      );
      const plan = JSON.stringify(rows[0]["QUERY PLAN"]);
      expect(plan).toContain("Anti");
      expect(plan).not.toMatch(/Nested Loop|SubPlan/);
      const { rowCount } = await client.query("select from x_landing.demandas_atual");
      expect(rowCount).toBe(17_000);
    } finally {
      await client.query("rollback");
      client.release();
    }
  });
});
