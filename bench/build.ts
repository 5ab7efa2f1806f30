import type { Pool } from "pg";
import { generateAccount } from "../emulator/generate-account.ts";
import { type CvdwObject, defaultObjects } from "../extract/catalogue.ts";
import { type Load, landRecords } from "../extract/land.ts";
import { startLoad } from "../extract/load-record.ts";
import { slicePage } from "../extract/page.ts";
import { sql } from "../extract/query.ts";
import { toLandingRecords, wantedFields } from "../extract/record.ts";
import { projectRoot } from "../runner/building.ts";
import { buildProject } from "../runner/models/build.ts";
import { orderModels } from "../runner/models/order.ts";
import { loadProject, type Project } from "../runner/models/project.ts";
import { startRun } from "../runner/run-record.ts";
import { withBenchDatabase } from "./database.ts";
import { print, timed } from "./report.ts";

const BASE = 10_000;
/** Ids of each copy of the base account are shifted by this much, so that copies never meet. */
const ID_SHIFT = 1_000_000_000;
/** Fields that hold an id of a record that is copied too. */
const SHIFTED_FIELDS = [
  "idreserva",
  "reserva",
  "idunidade",
  "idreservascondicoes",
  "idcomissao",
  "idrepasse",
  "idatendimento",
  "situacao_vendida",
  "situacao_reservada",
];
/** Brokers and agencies do not grow with the number of sales. */
const NOT_COPIED = new Set(["corretores", "imobiliarias"]);

/**
 * All models over 10,000, 100,000 and 1,000,000 reservas with their conditions, commissions and
 * units: the first build, one without changes, and beside them plain `create table as` of the same
 * SELECTs over the same data, as psql would run them: no keys, tests or difference.
 */
export async function benchBuild(sizes: readonly number[]): Promise<void> {
  const project = await loadProject(projectRoot);
  let before: { readonly size: number; readonly first: number } | undefined;
  for (const size of sizes.length > 0 ? sizes : [10_000, 100_000, 1_000_000]) {
    await withBenchDatabase(async ({ pool }) => {
      const rows = await landAccount(
        pool,
        Math.max(1, Math.round(size / BASE)),
        Math.min(size, BASE),
      );
      const first = await build(pool, project);
      const again = await build(pool, project);
      const plain = await createTablesAs(pool, project);
      print(`build: ${size} reservas, ${rows} records landed`);
      print(`  plain create table as   ${seconds(plain)}   1.00`);
      print(`  first build             ${seconds(first)}   ${(first / plain).toFixed(2)}`);
      print(`  nothing changed         ${seconds(again)}   ${(again / plain).toFixed(2)}`);
      if (before !== undefined) {
        const growth = (first / before.first).toFixed(1);
        print(`  ${size / before.size} × the data took ${growth} × the time of the size before`);
      }
      before = { size, first };
    });
  }
}

async function build(pool: Pool, project: Project): Promise<number> {
  const runId = await startRun(pool, { command: "bench", conta: null });
  const verbose = process.env.BENCH_VERBOSE !== undefined;
  return timed(() =>
    buildProject(
      {
        pool,
        runId,
        emit: (event) => {
          if (verbose && event.type === "model-built") print(`    ${event.model} ${event.ms} ms`);
        },
      },
      project,
    ),
  );
}

async function createTablesAs(pool: Pool, project: Project): Promise<number> {
  const client = await pool.connect();
  try {
    await client.query("begin; set local jit = off; create schema plain");
    const { order } = orderModels(project);
    return await timed(async () => {
      for (const model of order) {
        await client.query(`create table plain."${model.name}" as ${"\n"}${model.select}`);
      }
    });
  } finally {
    await client.query("rollback");
    client.release();
  }
}

/** Lands a generated account and copies it inside the database; returns the records landed. */
async function landAccount(pool: Pool, copies: number, reservas: number): Promise<number> {
  const account = generateAccount({ conta: "bench", seed: 1, reservas });
  const runId = await startRun(pool, { command: "bench", conta: "bench" });
  let landed = 0;
  for (const object of defaultObjects) {
    const load = { runId, conta: "bench", object: object.name, mode: "full" } as const;
    await landBase(
      pool,
      object,
      await startLoad(pool, { ...load, since: undefined, until: undefined }),
      account,
    );
    if (copies > 1 && !NOT_COPIED.has(object.name)) await copyBase(pool, object, copies);
    await pool.query(`vacuum analyze landing.${object.name}`);
    const { rows } = await pool.query(`select count(*)::int as n from landing.${object.name}`);
    landed += rows[0].n;
  }
  return landed;
}

async function landBase(
  pool: Pool,
  object: CvdwObject,
  load: Load,
  account: ReturnType<typeof generateAccount>,
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    const { total } = account.page(object.name, {}, 0, 0);
    for (let start = 0; start < total; start += 500) {
      const { rows } = account.page(object.name, {}, start, start + 500);
      const body = `{"dados":[${rows.join()}],"total_de_registros":1,"total_de_paginas":1}`;
      const page = slicePage(Buffer.from(body), wantedFields(object));
      await landRecords(client, load, toLandingRecords(object, page).records);
    }
    await client.query("commit");
  } finally {
    client.release();
  }
}

async function copyBase(pool: Pool, { name, key }: CvdwObject, copies: number): Promise<void> {
  const statement = sql`
    insert into landing.${sql.ident(name)} (
      conta, chave, load_id, seq, referencia_data, hash, payload
    )
    select
      base.conta,
      moved.payload ->> ${key[0]},
      base.load_id,
      base.seq + ${ID_SHIFT}::bigint * copy.number,
      base.referencia_data,
      md5(base.hash::text || copy.number)::uuid,
      moved.payload
    from landing.${sql.ident(name)} as base
    cross join generate_series(1, ${copies - 1}) as copy (number)
    cross join lateral (
      select base.payload || jsonb_object_agg(
        field.name, (base.payload ->> field.name)::bigint + ${ID_SHIFT}::bigint * copy.number
      ) as payload
      from unnest(${SHIFTED_FIELDS}::text[]) as field (name)
      where base.payload ->> field.name ~ '^[0-9]+$'
    ) as moved`;
  const { text, values } = statement.format({
    escapeIdentifier: (identifier) => `"${identifier}"`,
    formatValue: (value, index) => ({ placeholder: `$${index + 1}`, value }),
  });
  await pool.query(text, values);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(8)} s`;
}
