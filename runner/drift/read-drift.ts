import type { Pool } from "pg";
import type { JsonType } from "../../extract/fields.ts";
import { query, sql } from "../../extract/query.ts";
import type { FieldDrift } from "../../extract/record-fields.ts";
import { brasilia } from "../brasilia.ts";

/** A drift as it was found. */
export type PastDrift = FieldDrift & {
  readonly conta: string;
  readonly object: string;
  readonly loadId: number;
  /** Brasília wall clock. */
  readonly seenAt: string;
};

/** Which drift: of these objects, or of all when there is none; of the last so many days. */
export type DriftSelection = { readonly objects: readonly string[]; readonly days: number };

/** What drifted, the newest first. */
export async function readDrift(
  pool: Pool,
  { objects, days }: DriftSelection,
): Promise<readonly PastDrift[]> {
  return query<PastDrift>(
    pool,
    sql`
      select
        ${brasilia(sql`seen_at`)} as "seenAt",
        conta,
        objeto as object,
        campo as field,
        change,
        types_before as "typesBefore",
        types_now as "typesNow",
        records::float8 as records,
        of_records::float8 as "ofRecords",
        load_id::float8 as "loadId"
      from elt.drift
      where seen_at > now() - make_interval(days => ${days}::integer)
        and (${objects.length === 0} or objeto = any (${objects}::text[]))
      order by elt.drift.seen_at desc, conta, objeto, drift_id`,
  );
}

/** How many fields of an account changed in its last run, by the kind of change. */
export type LastDrift = {
  readonly conta: string;
  readonly change: FieldDrift["change"];
  readonly fields: number;
};

/** What drifted in the last run of each account; nothing of accounts where nothing did. */
export async function driftOfLastRuns(pool: Pool): Promise<readonly LastDrift[]> {
  return query(
    pool,
    sql`
      select drift.conta, drift.change, count(*)::integer as fields
      from (
        select conta, max(run_id) as run_id
        from elt.loads
        group by conta
      ) as last
      inner join elt.loads on loads.conta = last.conta and loads.run_id = last.run_id
      inner join elt.drift on drift.load_id = loads.load_id
      group by drift.conta, drift.change
      order by drift.conta, drift.change`,
  );
}

/** A field that the source sends, over all accounts. */
export type LandedField = {
  readonly object: string;
  readonly name: string;
  readonly contas: readonly string[];
  /** Types that it had when it was not null. */
  readonly types: readonly JsonType[];
  /** Day since which it is there, when it was not there from the beginning. */
  readonly newSince: string | null;
  /** Its name as SQL writes it: as an identifier and as a text. */
  readonly identifier: string;
  readonly literal: string;
};

/** Every field that the records of these objects, or of all, carry now. */
export async function landedFields(
  pool: Pool,
  objects: readonly string[],
): Promise<readonly LandedField[]> {
  return query<LandedField>(
    pool,
    sql`
      select
        fields.objeto as object,
        fields.campo as name,
        array_agg(fields.conta order by fields.conta) as contas,
        elt.field_types(
          sum(strings)::bigint, sum(numbers)::bigint, sum(booleans)::bigint,
          sum(arrays)::bigint, sum(objects)::bigint
        ) as types,
        left(${brasilia(sql`max(arrival.seen_at)`)}, 10) as "newSince",
        quote_ident(fields.campo) as identifier,
        quote_literal(fields.campo) as literal
      from elt.fields
      left join lateral (
        select max(drift.seen_at) as seen_at
        from elt.drift
        where drift.conta = fields.conta and drift.objeto = fields.objeto
          and drift.campo = fields.campo and drift.change in ('new', 'returned')
      ) as arrival on true
      where fields.vanished_in is null
        and (${objects.length === 0} or fields.objeto = any (${objects}::text[]))
      group by fields.objeto, fields.campo
      order by fields.objeto, fields.campo`,
  );
}
