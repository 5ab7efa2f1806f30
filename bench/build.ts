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
import type { BuildOptions } from "../runner/models/running-build.ts";
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

/** Reservas that are edited between two builds. */
const EDITED = 100;

/**
 * All models over 10,000, 100,000 and 1,000,000 reservas with their conditions, commissions and
 * units: the first build, one without changes, one after 100 reservas were edited, one that computes
 * everything again. Beside them the same SELECTs over the same data as psql would run them: `create
 * table as` with the same keys, indexes and statistics, no tests and no difference.
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
      print(`build: ${size} reservas, ${rows} records landed`);
      const first = await build(pool, project);
      const plain = await createTablesAs(pool, project);
      print(`  psql: create table as, keys, indexes, analyze ${cost(plain, plain)}`);
      print(`  first build, tests apart      ${cost(withoutTests(first), plain)}`);
      print(`  first build                   ${cost(first, plain)}`);
      print(`  nothing changed               ${cost(await build(pool, project), plain)}`);
      await editReservas(pool);
      const edited = await build(pool, project);
      print(`  ${EDITED} reservas edited           ${cost(edited, plain)}`);
      const full = await build(pool, project, { fullRefresh: true });
      print(`  full refresh, tests apart     ${cost(withoutTests(full), plain)}`);
      print(`  full refresh                  ${cost(full, plain)}`);
      const share = (100 * edited.ms) / first.ms;
      // The embedded server logs nothing of tables made in the same transaction, as a first build's are.
      const wal = (100 * edited.wal) / plain.wal;
      print(
        `  edits took ${share.toFixed(1)} % of the first build's time, ${wal.toFixed(2)} % of psql's WAL`,
      );
      if (before !== undefined) {
        const growth = (first.ms / before.first).toFixed(1);
        print(`  ${size / before.size} × the data took ${growth} × the time of the size before`);
      }
      before = { size, first: first.ms };
    });
  }
}

/** What a piece of work took: time, of it tests, and bytes of write-ahead log. */
type Cost = { readonly ms: number; readonly testMs: number; readonly wal: number };

function withoutTests({ ms, testMs, wal }: Cost): Cost {
  return { ms: ms - testMs, testMs: 0, wal };
}

function cost({ ms, wal }: Cost, plain: Cost): string {
  const ratio = (ms / plain.ms).toFixed(3).padStart(8);
  return `${(ms / 1000).toFixed(2).padStart(9)} s ${ratio} × ${(wal / 1e6).toFixed(1).padStart(9)} MB of WAL`;
}

async function measure(pool: Pool, work: () => Promise<number>): Promise<Cost> {
  const position = async () =>
    BigInt(
      (await pool.query("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes")).rows[0]
        .bytes,
    );
  const start = await position();
  let testMs = 0;
  const ms = await timed(async () => {
    testMs = await work();
  });
  return { ms, testMs, wal: Number((await position()) - start) };
}

/** Builds once; what it took. */
export async function build(
  pool: Pool,
  project: Project,
  options: BuildOptions = {},
): Promise<Cost> {
  const runId = await startRun(pool, { command: "bench", conta: null });
  const verbose = process.env.BENCH_VERBOSE !== undefined;
  return measure(pool, async () => {
    const { models, testMs } = await buildProject(
      { pool, runId, emit: () => undefined },
      project,
      options,
    );
    for (const { model, mode, because = "", ms } of verbose ? models : []) {
      print(`    ${model.padEnd(32)} ${mode.padEnd(12)} ${String(ms).padStart(7)} ms  ${because}`);
    }
    if (verbose) print(`    tests ${testMs} ms`);
    return testMs;
  });
}

/** New versions of reservas all over the table: a price, and for every tenth one another situation. */
export async function editReservas(pool: Pool): Promise<void> {
  await pool.query(
    `with load as (
       insert into elt.loads (conta, objeto, mode, verdict)
       values ('bench', 'reservas', 'incremental', 'proven')
       returning load_id
     ),
     chosen as (
       select *, row_number() over (order by md5(chave)) as n
       from landing.reservas_atual
       order by md5(chave)
       limit $1
     )
     insert into landing.reservas (
       conta, chave, load_id, seq, supersedes_load_id, supersedes_seq, hash, payload
     )
     select
       conta, chave, load.load_id, n, chosen.load_id, chosen.seq, gen_random_uuid(),
       payload
         || jsonb_build_object('valor_contrato', (payload ->> 'valor_contrato')::numeric + 1000)
         || case when n % 10 = 0 then '{"situacao": "Distrato"}'::jsonb else '{}'::jsonb end
     from chosen
     cross join load`,
    [EDITED],
  );
}

async function createTablesAs(pool: Pool, project: Project): Promise<Cost> {
  const client = await pool.connect();
  try {
    await client.query("begin; set local jit = off; create schema plain");
    const { order } = orderModels(project);
    return await measure(pool, async () => {
      for (const { name, select, build, header } of order) {
        await client.query(`create ${build} plain."${name}" as ${"\n"}${select}`);
        if (build === "view") continue;
        await client.query(`alter table plain."${name}" add primary key (${header.key.join()})`);
        for (const index of header.indexes) {
          await client.query(`create index on plain."${name}" (${index.join()})`);
        }
        await client.query(`analyze plain."${name}"`);
      }
      return 0;
    });
  } finally {
    await client.query("rollback");
    client.release();
  }
}

/** Lands a generated account and copies it inside the database; returns the records landed. */
export async function landAccount(pool: Pool, copies: number, reservas: number): Promise<number> {
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
  await pool.query("update elt.loads set verdict = 'proven', finished_at = now()");
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
