import { DatabaseError, type PoolClient } from "pg";
import { query, sql } from "../../extract/query.ts";
import { quoted } from "./draft.ts";
import { startOfSelect } from "./position.ts";
import { ModelError } from "./problem.ts";
import type { Model } from "./project.ts";
import { standInSchema } from "./running-build.ts";

/** Integrity constraint violations, NOT NULL and CHECK among them. */
const VIOLATION = /^23/;

/**
 * Puts the constraints that people gave the published table on the one that takes its place, before
 * readers have to wait for anything.
 * @returns the constraints that name a column which is gone
 * @throws ModelError when the new rows do not meet one
 */
export async function carryConstraints(
  client: PoolClient,
  schema: string,
  model: Model,
): Promise<readonly string[]> {
  const next = standInSchema(schema);
  const { relation } = model;
  const constraints = await query<{ name: string; fits: boolean; clause: string }>(
    client,
    sql`
      with published as (
        select to_regclass(format('%I.%I', ${schema}::text, ${relation}::text)) as oid
      ),
      kept as (
        select attname
        from pg_attribute
        where attrelid = to_regclass(format('%I.%I', ${next}::text, ${relation}::text))
          and attnum > 0 and not attisdropped
      )
      select
        'constraint ' || conname as name,
        not exists (
          select
          from pg_attribute
          where attrelid = conrelid and attnum = any (conkey)
            and attname not in (select attname from kept)
        ) and confrelid <> conrelid as fits,
        format('add constraint %I %s', conname, pg_get_constraintdef(pg_constraint.oid)) as clause
      from published
      inner join pg_constraint on conrelid = published.oid
      where contype in ('c', 'u', 'x', 'f') and coninhcount = 0
      union all
      select
        'not null of ' || attname,
        attname in (select attname from kept),
        format('alter column %I set not null', attname)
      from published
      inner join pg_attribute on attrelid = published.oid
      where attnotnull and attnum > 0 and not attisdropped
        and not exists (
          select
          from pg_constraint
          where conrelid = attrelid and contype = 'p' and attnum = any (conkey)
        )
      order by 1`,
  );
  for (const { name, fits, clause } of constraints) {
    if (!fits) continue;
    try {
      await client.query(`alter table ${quoted(next, relation)} ${clause}`);
    } catch (error) {
      throw refusedBy(model, error, name);
    }
  }
  return constraints.filter(({ fits }) => !fits).map(({ name }) => name);
}

/**
 * The ModelError of rows that a constraint refuses which is not the model's own; any other error as
 * it is.
 * @param name of the constraint, when it is known
 */
export function refusedBy(model: Model, error: unknown, name?: string): unknown {
  if (!(error instanceof DatabaseError) || !VIOLATION.test(error.code ?? "")) return error;
  const known = error.constraint === undefined ? undefined : `constraint ${error.constraint}`;
  const refuser = name ?? known ?? `not null of ${error.column ?? "a column"}`;
  return new ModelError([
    {
      file: model.file,
      text: model.text,
      position: startOfSelect(model.text),
      message: `${refuser}, which somebody put on ${model.name}, refuses rows of the model`,
      hint: "drop it in the database, or make it a line @test of the model",
    },
  ]);
}
