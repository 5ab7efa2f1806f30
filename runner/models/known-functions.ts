import { createHash } from "node:crypto";
import { type Queryable, query, sql } from "../../extract/query.ts";
import { type Clock, latest } from "./model-clock.ts";

/** The database's functions, as far as results of models depend on them. */
export type KnownFunctions = {
  readonly clockOf: (name: string) => Clock;
  /** Changes when a function of these names, or one that they call, is defined anew. */
  readonly hashOf: (names: Iterable<string>) => string;
};

type DatabaseFunction = {
  /** `schema.name`. */
  readonly name: string;
  readonly volatility: "i" | "s" | "v";
  readonly definition: string;
};

/** The day in Brasília; everything else that asks a clock is taken for a moment. */
const TODAY = "elt.hoje";
/** Of PostgreSQL's own stable functions, those that ask the clock. */
const STABLE_CLOCKS = ["now", "transaction_timestamp", "statement_timestamp"];
const ASKS_CLOCK =
  /\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|random|gen_random_uuid|nextval)\s*\(|\b(current_date|current_time|current_timestamp|localtime|localtimestamp)\b/i;

/** Reads the definitions of all functions but PostgreSQL's own. */
export async function readKnownFunctions(database: Queryable): Promise<KnownFunctions> {
  const functions = await query<DatabaseFunction>(
    database,
    sql`
      select
        nspname || '.' || proname as name,
        provolatile as volatility,
        case when prokind = 'f' then pg_get_functiondef(pg_proc.oid) else proname::text end
          as definition
      from pg_proc
      inner join pg_namespace on pg_namespace.oid = pronamespace
      where nspname not in ('pg_catalog', 'information_schema')
        and not starts_with(nspname, 'pg_temp')
      order by pg_proc.oid::regprocedure::text`,
  );
  const volatile = await query<{ name: string }>(
    database,
    sql`
      select distinct proname as name
      from pg_proc
      where pronamespace = 'pg_catalog'::regnamespace and provolatile = 'v'`,
  );
  const clocks = new Set([...STABLE_CLOCKS, ...volatile.map(({ name }) => name)]);
  const named = (name: string): readonly DatabaseFunction[] =>
    functions.filter((one) => one.name === name || one.name.endsWith(`.${name}`));

  const reached = new Map<string, readonly DatabaseFunction[]>();
  /** The functions of a name, with those that their definitions name. */
  function reach(name: string): readonly DatabaseFunction[] {
    const known = reached.get(name);
    if (known !== undefined) return known;
    const found = new Set(named(name));
    for (const one of found) {
      for (const other of functions) {
        const short = other.name.slice(other.name.indexOf(".") + 1);
        if (new RegExp(`\\b${escaped(short)}\\s*\\(`).test(one.definition)) found.add(other);
      }
    }
    const all = [...found].sort((a, b) => a.name.localeCompare(b.name));
    reached.set(name, all);
    return all;
  }

  return {
    clockOf: (name) => {
      const own = reach(name).map(clockOfFunction);
      const isBuiltIn = clocks.has(name.replace(/^pg_catalog\./, ""));
      return latest(isBuiltIn ? ["moment", ...own] : own);
    },
    hashOf: (names) => {
      const hash = createHash("sha256");
      for (const name of [...names].sort()) {
        for (const { definition } of reach(name)) hash.update(definition);
      }
      return hash.digest("hex");
    },
  };
}

function clockOfFunction({ name, volatility, definition }: DatabaseFunction): Clock {
  if (volatility === "v") return "moment";
  if (volatility === "i") return "none";
  if (name === TODAY) return "day";
  // A stable function of the customer may read tables that no model names.
  const isOurs = name.startsWith("elt.");
  return ASKS_CLOCK.test(definition) || !isOurs ? "moment" : "none";
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
