import { type CvdwObject, findObject } from "../../extract/catalogue.ts";
import { type Queryable, query, sql } from "../../extract/query.ts";
import type { PageReader } from "../../extract/read-page.ts";
import type { RunEvent } from "../events.ts";

/** A reader of pages whose progress is told like that of a run. */
export type SourceReader = Omit<PageReader, "emit"> & { readonly emit: (event: RunEvent) => void };

/** What landing has of an object. */
export type Landed = {
  readonly object: string;
  readonly live: number;
  readonly held: number;
  readonly watched: number;
  readonly proven: boolean;
  readonly since: string | null;
};

/** Objects that are still in the catalogue and have been read by a daily extraction. */
export async function landedObjects(
  database: Queryable,
  conta: string,
): Promise<readonly CvdwObject[]> {
  const rows = await query<{ objeto: string }>(
    database,
    sql`
      select distinct objeto
      from elt.loads
      where conta = ${conta} and mode in ('full', 'incremental')
      order by objeto`,
  );
  return rows.flatMap(({ objeto }) => findObject(objeto) ?? []);
}

export async function readLanded(
  database: Queryable,
  conta: string,
  { name }: CvdwObject,
): Promise<Landed> {
  const current = sql`landing.${sql.ident(`${name}_atual`)}`;
  const [row] = await query<Landed>(
    database,
    sql`
      select
        ${name}::text as object,
        (select count(*)::int from ${current} where conta = ${conta}) as live,
        (
          select count(distinct coalesce(chave, hash::text))::int
          from elt.open_quarantine as held
          where conta = ${conta} and objeto = ${name} and not repaired
            and not exists (
              select from ${current} as landed
              where landed.conta = held.conta and landed.chave = held.chave
            )
        ) as held,
        (
          select count(*)::int
          from elt.removals
          where conta = ${conta} and objeto = ${name} and removed_in is null
        ) as watched,
        exists (
          select from elt.loads
          where conta = ${conta} and objeto = ${name} and verdict = 'proven'
        ) as proven,
        (
          select
            to_char(cursor_at, case when date_only then 'YYYY-MM-DD' else 'YYYY-MM-DD HH24:MI:SS' end)
          from elt.cursors
          where conta = ${conta} and objeto = ${name}
        ) as since`,
  );
  return row ?? { object: name, live: 0, held: 0, watched: 0, proven: false, since: null };
}
