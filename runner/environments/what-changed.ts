import { type Queryable, query, sql } from "../../extract/query.ts";
import { landingObjectOf } from "../models/order.ts";
import type { Model } from "../models/project.ts";
import type { EnvironmentBuild } from "./environment-build.ts";

/**
 * Which rows each input of a model has now: of the environment's own tables the run that changed
 * them, of published ones their version, of landing the loads. Published views are followed to the
 * tables that they read.
 */
export function inputsNow(
  build: Pick<
    EnvironmentBuild,
    "project" | "standIns" | "standing" | "published" | "landed" | "asOf"
  >,
  model: Pick<Model, "references">,
): Readonly<Record<string, string>> {
  const { project, standIns, standing, published, landed, asOf } = build;
  const found = new Map<string, string>();
  const follow = (reader: Pick<Model, "references">): void => {
    for (const { schema, relation } of reader.references) {
      const name = `${schema}.${relation}`;
      if (schema === "landing") {
        found.set(name, landed.get(landingObjectOf(relation)) ?? "");
        continue;
      }
      const own = standIns.has(name) ? standing.get(name) : undefined;
      if (own !== undefined) {
        found.set(name, `environment ${own.changedIn}`);
        continue;
      }
      const view = project.models.find((one) => one.name === name && one.build === "view");
      if (view !== undefined) follow(view);
      else found.set(name, `published ${published.get(name)?.version ?? 0n}`);
    }
  };
  follow(model);
  if (asOf !== undefined) found.set("as of", asOf);
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Why a table must be computed; undefined when it holds what it would hold then. */
export function whyCompute(
  build: EnvironmentBuild,
  model: Model,
  inputs: Readonly<Record<string, string>>,
): string | undefined {
  const before = build.standing.get(model.name);
  const { rows, clock } = build.fingerprintOf(model);
  if (before?.exists !== true) return "it did not stand";
  if (build.fullRefresh) return "--full-refresh";
  if (before.rowsFingerprint !== rows)
    return "its text, or a function or view that it uses, changed";
  if (clock === "moment") return "it asks for the time or for chance";
  if (clock === "day" && before.day !== build.day) {
    return "it depends on the date, and the day changed";
  }
  const names = [...new Set([...Object.keys(inputs), ...Object.keys(before.inputs)])];
  const changed = names.filter((name) => inputs[name] !== before.inputs[name]);
  return changed.length === 0 ? undefined : `${changed.join(", ")} changed`;
}

/**
 * By object, a text that is another one when landing has other rows of it: the loads, how each
 * ended, how many rows those have that are still under way, and who was forgotten.
 * @param until only loads that began before this instant; an expression that PostgreSQL casts
 */
export async function readLanded(
  database: Queryable,
  objects: readonly string[],
  until: string | undefined,
): Promise<ReadonlyMap<string, string>> {
  const rows = await query<{ object: string; loads: string; running: string[] | null }>(
    database,
    sql`
      select
        objeto as object,
        concat_ws(
          ' ',
          md5(string_agg(load_id || ' ' || verdict, ',' order by load_id)),
          (
            -- A list of elt forget --again may bring a receipt with a lower number.
            select max(receipt_id) || ' of ' || count(*)
            from elt.forgotten
          )
        ) as loads,
        array_agg(load_id::text order by load_id) filter (where verdict = 'running') as running
      from elt.loads
      where objeto = any (${objects}::text[])
        and started_at < coalesce(${until ?? null}::timestamptz, 'infinity')
      group by objeto`,
  );
  const landed = new Map<string, string>();
  for (const { object, loads, running } of rows) {
    const [count] =
      running === null
        ? []
        : await query<{ rows: string }>(
            database,
            sql`
              select count(*)::text as rows
              from landing.${sql.ident(object)}
              where load_id = any (${running}::bigint[])`,
          );
    landed.set(object, count === undefined ? loads : `${loads} ${count.rows}`);
  }
  return landed;
}
