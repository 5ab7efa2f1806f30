import { createHash } from "node:crypto";
import { execute, query, sql } from "../../extract/query.ts";
import { rememberLoads, unbuiltLoads } from "../models/landing-changes.ts";
import { landingObjectOf } from "../models/order.ts";
import type { Model } from "../models/project.ts";
import { seedFingerprint } from "../models/publish-seed.ts";
import type { RunningBuild } from "../models/running-build.ts";
import type { Since } from "./trace-source.ts";

/** All that the rows of a model are made of. */
type Origins = {
  /** Objects of landing. */
  readonly objects: ReadonlySet<string>;
  /** Hash of its text and the texts, functions and mappings behind it. */
  readonly texts: string;
};

/**
 * What came since a guarded model was published last, by that publication itself: a build with
 * `--select` may have published what it reads without it.
 * @returns undefined when it was never published under a guard
 */
export async function sinceLastPublication(
  build: RunningBuild,
  model: Model,
): Promise<Since | undefined> {
  const { objects, texts } = originsOf(build, model);
  const [known] = await query<{ texts: string }>(
    build.client,
    sql`select texts from elt.guarded_models where model = ${model.name}`,
  );
  if (known === undefined) return undefined;
  const loads = await unbuiltLoads(build.client, memoryName(model), objects);
  return { loads, isOnlySource: known.texts === texts };
}

/** Remembers that the rows of a guarded model are about to be published. */
export async function rememberPublication(build: RunningBuild, model: Model): Promise<void> {
  const { objects, texts } = originsOf(build, model);
  await rememberLoads(build.client, memoryName(model), objects);
  await execute(
    build.client,
    sql`
      insert into elt.guarded_models as known (model, texts)
      values (${model.name}, ${texts})
      on conflict (model) do update
      set texts = excluded.texts, updated_at = now()
      where known.texts <> excluded.texts`,
  );
}

/**
 * Forgets models that are guarded no longer, so that their loads may be pruned.
 * @returns their names, and those of models of which something is held all the same
 */
export async function forgetUnguarded(build: RunningBuild): Promise<readonly string[]> {
  const guarded = build.project.models.filter(({ guards }) => guards.length > 0);
  const isUnguarded = sql`model <> all (${guarded.map(({ name }) => name)}::text[])`;
  const gone = await query<{ model: string }>(
    build.client,
    sql`
      with gone as (delete from elt.guarded_models where ${isUnguarded} returning model)
      select model from gone
      union
      select model from elt.kpi_holds where closed_at is null and ${isUnguarded}`,
  );
  if (gone.length === 0) return [];
  await execute(
    build.client,
    sql`
      delete from elt.built_loads
      where relation = any (${gone.map((one) => memoryName({ name: one.model }))}::text[])`,
  );
  return gone.map(({ model }) => model);
}

/** Accounts that an object is still read for the first time of, or was until now. */
export async function firstReadings(
  { client }: Pick<RunningBuild, "client">,
  model: Pick<Model, "name">,
  loads: Since["loads"],
): Promise<ReadonlySet<string>> {
  const contas = new Set<string>();
  for (const [object, ids] of loads) {
    const rows = await query<{ conta: string }>(
      client,
      sql`
        select distinct brought.conta
        from (
          select conta
          from landing.${sql.ident(object)}
          where load_id = any (${ids.map(String)}::bigint[])
        ) as brought
        where not exists (
          select
          from elt.loads
          inner join elt.built_loads using (load_id)
          where relation = ${memoryName(model)} and loads.conta = brought.conta
            and objeto = ${object} and verdict in ('proven', 'unproven') and mode <> 'backfill'
        )`,
    );
    for (const { conta } of rows) contas.add(conta);
  }
  return contas;
}

function memoryName({ name }: Pick<Model, "name">): string {
  return `guard:${name}`;
}

function originsOf({ project, fingerprintOf }: RunningBuild, guarded: Model): Origins {
  const models = new Map(project.models.map((model) => [model.name, model]));
  const seeds = new Map(project.seeds.map((seed) => [seed.name, seed]));
  const objects = new Set<string>();
  const hashes = new Map<string, string>();
  const follow = (model: Model): void => {
    if (hashes.has(model.name)) return;
    hashes.set(model.name, fingerprintOf(model).rows);
    for (const { schema, relation } of model.references) {
      const name = `${schema}.${relation}`;
      const read = models.get(name);
      const seed = seeds.get(name);
      if (schema === "landing") objects.add(landingObjectOf(relation));
      if (seed !== undefined) hashes.set(name, seedFingerprint(seed));
      if (read !== undefined) follow(read);
    }
  };
  follow(guarded);
  const texts = createHash("sha256")
    .update(JSON.stringify([...hashes].sort(([a], [b]) => (a < b ? -1 : 1))))
    .digest("hex");
  return { objects, texts };
}
