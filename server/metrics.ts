import type { Pool } from "pg";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type Queryable, query, sql } from "../extract/query.ts";
import { sourceAges } from "../runner/freshness/source-ages.ts";
import type { ServerEvent } from "./events.ts";
import type { CatalogueSource } from "./marts/catalogue.ts";

/** What Prometheus is told. No label holds more than names of routes, tables and accounts. */
export type Metrics = {
  /** Counts what the server tells. */
  readonly observe: (event: ServerEvent) => void;
  /** The whole page, as Prometheus reads it. */
  readonly page: () => Promise<{ readonly contentType: string; readonly text: string }>;
};

/** The database is asked at most as often, however many scrape. */
const freshMs = 15_000;

/** Metrics of one server, in a registry of its own. */
export function createMetrics(pool: Pool, catalogue: CatalogueSource, now: () => Date): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "elt_" });
  const registers = [registry];
  const requests = new Counter({
    name: "elt_http_requests_total",
    help: "Answers by route, method and status.",
    labelNames: ["route", "method", "status"],
    registers,
  });
  const latency = new Histogram({
    name: "elt_http_request_duration_seconds",
    help: "Time from the request to the end of its answer.",
    labelNames: ["route"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600],
    registers,
  });
  const cuts = new Counter({
    name: "elt_exports_cut_total",
    help: "Exports that were given up, by reason.",
    labelNames: ["reason"],
    registers,
  });
  const errors = new Counter({
    name: "elt_unexpected_errors_total",
    help: "Answers 500: bugs, whose stacks are in the log.",
    registers,
  });
  new Gauge({
    name: "elt_pool_connections",
    help: "Connections to the database: all, those nobody uses, and callers that wait for one.",
    labelNames: ["state"],
    registers,
    collect() {
      this.set({ state: "total" }, pool.totalCount);
      this.set({ state: "idle" }, pool.idleCount);
      this.set({ state: "waiting" }, pool.waitingCount);
    },
  });
  const facts = databaseGauges(registry);
  let readAt = Number.NEGATIVE_INFINITY;
  return {
    observe: (event) => {
      if (event.type === "answered") {
        requests.inc({ route: event.path, method: event.method, status: String(event.status) });
        latency.observe({ route: event.path }, event.ms / 1000);
      } else if (event.type === "export-cut") cuts.inc({ reason: event.reason });
      else if (event.type === "unexpected-error") errors.inc();
    },
    page: async () => {
      const instant = now().getTime();
      if (instant - readAt >= freshMs) {
        readAt = instant;
        await facts.read(pool, catalogue, new Date(instant)).catch(() => facts.lose());
      }
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

/** Gauges whose values stand in the database. */
function databaseGauges(registry: Registry) {
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
  const up = gauge("elt_database_up", "1 while the database answers.");
  const published = gauge(
    "elt_publication_timestamp_seconds",
    "When the last publication was made.",
  );
  const rows = gauge("elt_mart_rows", "Rows of a mart, as of its last analyze.", ["mart"]);
  const lastRun = gauge("elt_last_run_timestamp_seconds", "End of the last run.", [
    "command",
    "conta",
  ]);
  const exitCode = gauge("elt_last_run_exit_code", "How it ended: 0 is done.", [
    "command",
    "conta",
  ]);
  const lag = gauge(
    "elt_source_lag_seconds",
    "Time since an object of the source was last read to its end.",
    ["conta", "objeto"],
  );
  const stale = gauge(
    "elt_source_stale",
    "0: read in time; 1: past the age that its model warns at; 2: past the error age.",
    ["conta", "objeto"],
  );
  const budget = gauge(
    "elt_source_requests_last_minute",
    "Requests to the source in the last 60 seconds.",
    ["conta"],
  );
  const all = [published, rows, lastRun, exitCode, lag, stale, budget];
  return {
    lose: () => {
      for (const each of all) each.reset();
      up.set(0);
    },
    read: async (pool: Pool, catalogue: CatalogueSource, now: Date) => {
      const facts = await readFacts(pool, now);
      for (const each of all) each.reset();
      up.set(1);
      for (const { name, label, other, value } of facts) {
        switch (name) {
          case "publication":
            published.set(value);
            break;
          case "run":
            lastRun.set({ command: label, conta: other }, value);
            break;
          case "exit":
            exitCode.set({ command: label, conta: other }, value);
            break;
          case "lag":
            lag.set({ conta: label, objeto: other }, value);
            break;
          case "stale":
            stale.set({ conta: label, objeto: other }, value);
            break;
          case "budget":
            budget.set({ conta: label }, value);
            break;
        }
      }
      const hasMarts = facts.some(({ name }) => name === "publication");
      if (!hasMarts) return;
      for (const { name, rowEstimate } of (await catalogue.current()).relations.values()) {
        if (rowEstimate !== null) rows.set({ mart: name }, rowEstimate);
      }
    },
  };
}

type Fact = {
  readonly name: "publication" | "run" | "exit" | "lag" | "stale" | "budget";
  readonly label: string;
  readonly other: string;
  readonly value: number;
};

async function readFacts(on: Queryable, now: Date): Promise<readonly Fact[]> {
  return query<Fact>(
    on,
    sql`
      with last_runs as (
          select distinct on (command, conta) *
          from elt.runs
          where finished_at is not null
          order by command, conta, run_id desc
      )

      select 'publication' as name, '' as label, '' as other,
          extract(epoch from max(published_at))::float8 as value
      from elt.publications
      having count(*) > 0
      union all
      select 'run', command, coalesce(conta, ''), extract(epoch from finished_at)::float8
      from last_runs
      union all
      select 'exit', command, coalesce(conta, ''), exit_code::float8
      from last_runs
      where exit_code is not null
      union all
      select 'lag', conta, objeto, extract(epoch from now() - max(finished_at))::float8
      from elt.loads
      where verdict = 'proven' and mode in ('full', 'incremental')
      group by conta, objeto
      union all
      select
          'stale', conta, object,
          case level when 'error' then 2 when 'warn' then 1 else 0 end
      from (${sourceAges(now)}) as ages
      union all
      select 'budget', conta, '', count(*)::float8
      from elt.requests
      where sent_at > now() - interval '60 seconds'
      group by conta`,
  );
}
