import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import { Agent, request } from "undici";
import { projectRoot } from "../runner/building.ts";
import { buildProject } from "../runner/models/build.ts";
import { loadProject } from "../runner/models/project.ts";
import { startRun } from "../runner/run-record.ts";
import { landAccount } from "./build.ts";
import { withBenchDatabase } from "./database.ts";
import { median, print, rate, timed } from "./report.ts";

const RESERVAS = 10_000;
/** Ids of each copy of the sales are shifted by this much, so that copies never meet. */
const ID_SHIFT = 1_000_000_000;
const REQUESTS_PER_SECOND = 200;
/** Stalls of a shared machine last longer than one answer: many short rounds, and their medians. */
const SECONDS = 3;
const ROUNDS = 12;

/**
 * The server over so many sales (default 1,000,000). Latency in an open loop of 200 requests a
 * second, from the moment that each was due, beside an Express route and a bare node:http server
 * that do nothing. The dashboard's page, warm and with filters that nobody asked for before, beside
 * one sum of all sales by month. Exports of all columns of marts.vendas beside psql's COPY of the same rows into a
 * pipe, with the growth of the server's resident memory (Linux).
 */
export async function benchServe([sales = 1_000_000]: readonly number[]): Promise<void> {
  await withBenchDatabase(async ({ pool, url }) => {
    await publish(pool, sales);
    const env = { ...process.env, DATABASE_URL: url, PORT: "0", LOG_LEVEL: "error" };
    const server = await start(
      ["bin/elt.js", "serve", "--json"],
      /"(?:message|url)":"[^"]*(http:[^"]+)"/,
      env,
    );
    const baseline = await start(
      ["--import", "tsx", "bench/serve-baseline.ts"],
      /listening (.+)/,
      process.env,
    );
    try {
      print(`serve: ${sales} sales`);
      await benchLatency(server.said, baseline.said);
      await benchPages(server.said, pool);
      await benchExports(server, url, sales);
    } finally {
      server.process.kill();
      baseline.process.kill();
    }
  });
}

/** Builds a generated account, and copies its sales until there are enough. */
async function publish(pool: Pool, sales: number): Promise<void> {
  await landAccount(pool, 1, RESERVAS);
  const project = await loadProject(projectRoot);
  const runId = await startRun(pool, { command: "bench", conta: null });
  await buildProject({ pool, runId, emit: () => undefined }, project);
  const { rows } = await pool.query("select count(*)::int as n from marts.vendas");
  const copies = Math.ceil(sales / rows[0].n);
  for (const schema of ["marts", "marts_pii"]) {
    const { rows: columns } = await pool.query(
      `select string_agg(
           case attname when 'reserva_id' then 'reserva_id + copy.n * ${ID_SHIFT}' else quote_ident(attname) end,
           ', ' order by attnum
       ) as list
       from pg_attribute
       where attrelid = '${schema}.vendas'::regclass and attnum > 0 and not attisdropped`,
    );
    await pool.query(
      `insert into ${schema}.vendas
       select ${columns[0].list} from ${schema}.vendas
       cross join generate_series(1::bigint, ${copies - 1}) as copy (n)
       limit ${Math.max(0, sales - rows[0].n)}`,
    );
    await pool.query(`vacuum analyze ${schema}.vendas`);
  }
}

type Started = { readonly process: ChildProcess; readonly said: string };

/** Starts a program and waits until it says where it listens. */
async function start(
  args: readonly string[],
  wanted: RegExp,
  env: NodeJS.ProcessEnv,
): Promise<Started> {
  const child = spawn(process.execPath, [...args], {
    cwd: projectRoot,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.setEncoding("utf8");
  for await (const chunk of child.stdout) {
    out += chunk;
    const [, said] = wanted.exec(out) ?? [];
    if (said === undefined) continue;
    return { process: child, said };
  }
  throw new Error(`${args.join(" ")} ended: ${out}`);
}

async function benchLatency(url: string, baseline: string): Promise<void> {
  const [bare = "", routed = ""] = baseline.split(" ");
  const first = await request(`${url}/api/kpis`);
  await first.body.text();
  const etag = String(first.headers.etag);
  const targets = [
    { name: "node:http that does nothing", url: bare, headers: {} },
    { name: "Express route that does nothing", url: routed, headers: {} },
    { name: "/health", url: `${url}/health`, headers: {} },
    { name: "/api/kpis", url: `${url}/api/kpis`, headers: {} },
    { name: "/api/kpis, 304", url: `${url}/api/kpis`, headers: { "if-none-match": etag } },
    { name: "/api/marts/vendas?limit=100", url: `${url}/api/marts/vendas?limit=100`, headers: {} },
  ];
  const times = new Map<string, number[]>(targets.map(({ name }) => [name, []]));
  const middles = new Map<string, number[]>(targets.map(({ name }) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const target of targets) {
      const sorted = await openLoop(target);
      // The first round warms up.
      if (round === 0) continue;
      times.get(target.name)?.push(sorted[Math.floor(sorted.length * 0.99)] ?? 0);
      middles.get(target.name)?.push(sorted[Math.floor(sorted.length / 2)] ?? 0);
    }
  }
  const base = median(times.get("Express route that does nothing") ?? []);
  print(`  ${REQUESTS_PER_SECOND} requests/s, open loop              p50 ms   p99 ms   × Express`);
  for (const { name } of targets) {
    const p99 = median(times.get(name) ?? []);
    const p50 = median(middles.get(name) ?? []);
    print(
      `  ${name.padEnd(36)} ${p50.toFixed(2).padStart(8)} ${p99.toFixed(2).padStart(8)} ${(p99 / base).toFixed(2).padStart(8)}`,
    );
  }
}

/** Sends each request when it is due, whatever became of those before; milliseconds, sorted. */
async function openLoop(target: {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}): Promise<readonly number[]> {
  const agent = new Agent({ connections: 64, pipelining: 1 });
  const began = performance.now();
  const answers: Promise<number>[] = [];
  for (let index = 0; index < REQUESTS_PER_SECOND * SECONDS; index++) {
    const due = began + (index * 1000) / REQUESTS_PER_SECOND;
    const wait = due - performance.now();
    if (wait > 0) await delay(wait);
    answers.push(
      request(target.url, { dispatcher: agent, headers: target.headers }).then(async ({ body }) => {
        await body.dump();
        return performance.now() - due;
      }),
    );
  }
  const times = await Promise.all(answers);
  await agent.close();
  return times.sort((a, b) => a - b);
}

/** Times of the whole page; each filter is asked for once, since the second answer comes from memory. */
async function benchPages(url: string, pool: Pool): Promise<void> {
  const open = async (path: string) => {
    const { body, statusCode } = await request(`${url}${path}`, { headersTimeout: 0 });
    await body.dump({ limit: 100_000_000 });
    if (statusCode !== 200) throw new Error(`${path}: ${statusCode}`);
  };
  const sum = () =>
    pool.query(
      `select date_trunc('month', data_venda), count(*), sum(valor) from marts.vendas group by 1`,
    );
  await sum();
  const base = median([await timed(sum), await timed(sum), await timed(sum)]);
  print("  the dashboard                          median ms   × the sum");
  const report = async (name: string, paths: readonly string[]) => {
    const times: number[] = [];
    for (const path of paths) times.push(await timed(() => open(path)));
    const ms = median(times);
    print(
      `  ${name.padEnd(36)} ${ms.toFixed(0).padStart(11)} ${(ms / base).toFixed(2).padStart(11)}`,
    );
  };
  print(
    `  ${"all sales summed by month, in SQL".padEnd(36)} ${base.toFixed(0).padStart(11)}        1.00`,
  );
  await open("/");
  await report(
    "/ warm",
    Array.from({ length: 20 }, () => "/"),
  );
  for (const [filter, column] of [
    ["time", "time_corretor"],
    ["empreendimento", "empreendimento_id"],
    ["corretor", "corretor_id"],
  ] as const) {
    const { rows } = await pool.query(
      `select ${column} as value from marts.vendas where ${column} is not null
       group by 1 order by count(*) desc limit 5`,
    );
    const paths = rows.map(({ value }) => `/?${filter}=${encodeURIComponent(String(value))}`);
    await report(`/?${filter}=… first time`, paths);
  }
  await report("/?de=…&ate=… a year, first time", yearsBefore(3));
  await report("/?busca=… first time", ["/?busca=torre", "/?busca=12", "/?busca=maria"]);
  await report("/?pagina=… first time", ["/?pagina=7", "/?pagina=70", "/?pagina=700"]);
}

function yearsBefore(count: number): readonly string[] {
  const year = new Date().getUTCFullYear();
  return Array.from({ length: count }, (_, back) => {
    const one = year - back - 1;
    return `/?de=${one}-01-01&ate=${one}-12-31`;
  });
}

async function benchExports(server: Started, databaseUrl: string, sales: number): Promise<void> {
  const statement = "copy (select * from marts.vendas) to stdout (format csv, header)";
  const hasPsql = spawnSync("psql", ["--version"]).status === 0;
  const psql = async () => {
    const child = spawn("sh", ["-c", `psql "$0" -c "${statement}" | cat > /dev/null`, databaseUrl]);
    await once(child, "close");
  };
  const columns = (await request(`${server.said}/api/marts`)).body;
  const { dados } = (await columns.json()) as { dados: { nome: string; colunas: unknown[] }[] };
  const width = dados.find(({ nome }) => nome === "vendas")?.colunas.length ?? 0;
  print(`  export of ${sales} × ${width} columns                s    rows/s  × psql   memory`);
  let base = Number.NaN;
  if (hasPsql) {
    await psql();
    base = median([await timed(psql), await timed(psql), await timed(psql)]);
    print(`  ${"psql COPY into a pipe, CSV".padEnd(32)} ${exportLine(base, base, sales)}`);
  }
  for (const format of ["csv", "ndjson", "arrow"]) {
    const before = memory(server.process, "VmRSS");
    clearPeak(server.process);
    const once = async () => {
      const { body } = await request(`${server.said}/api/marts/vendas?format=${format}`, {
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      for await (const chunk of body) void chunk;
    };
    const times = [await timed(once), await timed(once), await timed(once)];
    const growth = (memory(server.process, "VmHWM") - before) / 1024;
    print(
      `  ${`/api/marts/vendas?format=${format}`.padEnd(32)} ${exportLine(median(times), base, sales)}  +${growth.toFixed(0)} MB`,
    );
  }
}

function exportLine(ms: number, base: number, rows: number): string {
  return `${(ms / 1000).toFixed(2).padStart(8)} ${String(rate(rows, ms)).padStart(9)} ${(base / ms).toFixed(2).padStart(7)}`;
}

/** Kilobytes, as Linux counts them; elsewhere nothing. */
function memory({ pid }: ChildProcess, field: "VmRSS" | "VmHWM"): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? Number.NaN);
  } catch {
    return Number.NaN;
  }
}

function clearPeak({ pid }: ChildProcess): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
  } catch {
    // Then the peak is that since the start: more than it was, never less.
  }
}
