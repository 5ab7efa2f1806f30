import { type FieldObserver, type JsonType, observedFields } from "./fields.ts";
import { execute, type Queryable, query, sql } from "./query.ts";

/** How a field of an object is not what it was before. */
export type FieldDrift = {
  readonly field: string;
  /** `retyped`: its value has a JSON type, other than null, that it never had. */
  readonly change: "new" | "vanished" | "returned" | "retyped";
  /** Types other than null, before the load and in it. */
  readonly typesBefore: readonly JsonType[];
  readonly typesNow: readonly JsonType[];
  /** Of the `ofRecords` that the load read, those with the field, or with the new type. */
  readonly records: number;
  readonly ofRecords: number;
};

/**
 * Merges the fields that a load saw into `elt.fields`, and writes what differs from the loads before
 * into `elt.drift`. Call it after `finishLoad`, whatever the verdict, in the same transaction.
 *
 * Until a full scan is proven nobody knows which fields are old, so nothing is new or retyped. A
 * field vanishes only in a proven full scan.
 */
export async function recordFields(
  client: Queryable,
  load: { readonly conta: string; readonly object: string; readonly loadId: bigint },
  observer: FieldObserver,
): Promise<readonly FieldDrift[]> {
  if (observer.records === 0) return [];
  // A backfill may end at the same moment: both would find the same field new, or wait for each other.
  const lock = `fields ${load.conta} ${load.object}`;
  await execute(client, sql`select pg_advisory_xact_lock(hashtextextended(${lock}, 0))`);
  const arrived = await mergeFields(client, load, observer);
  const gone = await fieldsNotSeen(client, load);
  if (gone.length === 0) return arrived;
  return [...arrived, ...(await markVanished(client, load, gone, observer.records))];
}

type LoadOfFields = Parameters<typeof recordFields>[1];

/** One statement, so that its parts see the same fields as they were before. */
async function mergeFields(
  client: Queryable,
  { conta, object, loadId }: LoadOfFields,
  observer: FieldObserver,
): Promise<readonly FieldDrift[]> {
  const fields = observedFields(observer);
  const counts = (type: JsonType) => fields.map((field) => field.counts[type]);
  return query<FieldDrift>(
    client,
    sql`
      with seen as (
        select
          seen.*,
          elt.field_types(strings, numbers, booleans, arrays, objects) as types,
          strings + numbers + booleans + nulls + arrays + objects as records
        from unnest(
          ${fields.map(({ name }) => name)}::text[],
          ${counts("string")}::bigint[],
          ${counts("number")}::bigint[],
          ${counts("boolean")}::bigint[],
          ${counts("null")}::bigint[],
          ${counts("array")}::bigint[],
          ${counts("object")}::bigint[]
        ) as seen (campo, strings, numbers, booleans, nulls, arrays, objects)
      ),
      known as (
        select
          fields.*,
          elt.field_types(strings, numbers, booleans, arrays, objects) as types
        from elt.fields
        where conta = ${conta} and objeto = ${object}
      ),
      compared as (
        select
          seen.campo,
          case
            when known.campo is null then 'new'
            when known.vanished_in is not null then 'returned'
            when known.types <> '{}' and not known.types @> seen.types then 'retyped'
          end as change,
          coalesce(known.types, '{}') as types_before,
          seen.types as types_now,
          case
            when known.campo is null or known.vanished_in is not null then seen.records
            else
              case when 'string' <> all (known.types) then seen.strings else 0 end
              + case when 'number' <> all (known.types) then seen.numbers else 0 end
              + case when 'boolean' <> all (known.types) then seen.booleans else 0 end
              + case when 'array' <> all (known.types) then seen.arrays else 0 end
              + case when 'object' <> all (known.types) then seen.objects else 0 end
          end as records
        from seen
        left join known on known.campo = seen.campo
      ),
      merged as (
        insert into elt.fields as before (
          conta, objeto, campo, strings, numbers, booleans, nulls, arrays, objects,
          first_load_id, last_load_id
        )
        select
          ${conta}, ${object}, campo, strings, numbers, booleans, nulls, arrays, objects,
          ${loadId}::bigint, ${loadId}::bigint
        from seen
        order by campo
        on conflict (conta, objeto, campo) do update set
          strings = before.strings + excluded.strings,
          numbers = before.numbers + excluded.numbers,
          booleans = before.booleans + excluded.booleans,
          nulls = before.nulls + excluded.nulls,
          arrays = before.arrays + excluded.arrays,
          objects = before.objects + excluded.objects,
          last_load_id = greatest(before.last_load_id, excluded.last_load_id),
          last_seen_at = excluded.last_seen_at,
          vanished_in = null
      )
      insert into elt.drift (
        conta, objeto, campo, change, types_before, types_now, records, of_records, load_id
      )
      select
        ${conta}, ${object}, campo, change, types_before, types_now, records,
        ${observer.records}::bigint, ${loadId}::bigint
      from compared
      where change is not null and exists (
        select
        from elt.loads
        where conta = ${conta} and objeto = ${object} and mode = 'full' and verdict = 'proven'
          and load_id < ${loadId} and load_id >= (select min(first_load_id) from known)
      )
      order by change, campo
      returning ${driftColumns}`,
  );
}

const driftColumns = sql`
  campo as field, change, types_before as "typesBefore", types_now as "typesNow",
  records::float8 as records, of_records::float8 as "ofRecords"`;

/**
 * The fields that a proven full scan did not bring. What this load did not see, an earlier one of
 * the same scan may have: then landing, which now is what the source has, tells.
 */
async function fieldsNotSeen(
  client: Queryable,
  { conta, object, loadId }: LoadOfFields,
): Promise<readonly string[]> {
  const rows = await query<{ campo: string; went_on: boolean }>(
    client,
    sql`
      select
        fields.campo,
        coalesce(
          (
            select earlier.verdict not in ('proven', 'unproven')
            from elt.loads as earlier
            where earlier.conta = this.conta and earlier.objeto = this.objeto
              and earlier.load_id < this.load_id and earlier.mode in ('full', 'incremental')
            order by earlier.load_id desc
            limit 1
          ),
          false
        ) as went_on
      from elt.loads as this
      inner join elt.fields on fields.conta = this.conta and fields.objeto = this.objeto
      where this.load_id = ${loadId} and this.mode = 'full' and this.verdict = 'proven'
        and fields.last_load_id < this.load_id and fields.vanished_in is null`,
  );
  const missing = rows.map(({ campo }) => campo);
  if (rows[0]?.went_on !== true) return missing;
  const landed = await query<{ campo: string }>(
    client,
    sql`
      select distinct field.campo
      from landing.${sql.ident(`${object}_atual`)} as newest
      inner join unnest(${missing}::text[]) as field (campo) on newest.payload ? field.campo
      where newest.conta = ${conta}`,
  );
  const still = new Set(landed.map(({ campo }) => campo));
  return missing.filter((campo) => !still.has(campo));
}

async function markVanished(
  client: Queryable,
  { conta, object, loadId }: LoadOfFields,
  fields: readonly string[],
  ofRecords: number,
): Promise<readonly FieldDrift[]> {
  return query<FieldDrift>(
    client,
    sql`
      with vanished as (
        update elt.fields
        set vanished_in = ${loadId}
        where conta = ${conta} and objeto = ${object} and campo = any (${fields}::text[])
        returning campo, elt.field_types(strings, numbers, booleans, arrays, objects) as types
      )
      insert into elt.drift (
        conta, objeto, campo, change, types_before, types_now, records, of_records, load_id
      )
      select
        ${conta}, ${object}, campo, 'vanished', types, '{}', 0, ${ofRecords}::bigint,
        ${loadId}::bigint
      from vanished
      order by campo
      returning ${driftColumns}`,
  );
}
