import type { Pool } from "pg";
import { sql } from "../../extract/query.ts";
import { type Publication, type PublicationWatch, publicationTag } from "../publication.ts";
import { readPublished, type Snapshot } from "../read-published.ts";
import { type Reader, seesPersonalData } from "../reader.ts";
import { type ColumnType, columnOf } from "../result-set.ts";

/** A column that can be asked for. */
export type MartColumn = {
  readonly name: string;
  readonly type: ColumnType;
  /** As PostgreSQL writes it, e.g. `numeric(15,2)`. */
  readonly sqlType: string;
  readonly comment: string | null;
  readonly nullable: boolean;
};

/** A published table or view of schema marts. */
export type Relation = {
  readonly name: string;
  readonly kind: "table" | "view";
  readonly comment: string | null;
  readonly columns: readonly MartColumn[];
  /** Columns of the primary key; a view has none. */
  readonly key: readonly string[];
  /** As of the last analyze; null when nobody counted. */
  readonly rowEstimate: number | null;
  /** Where the clear values of its masked columns stand, when it has any. */
  readonly clear: ClearSource | undefined;
};

/** A table of schema marts_pii, and how its rows are found. */
export type ClearSource = {
  readonly relation: string;
  /** Masked column → column with the clear value. */
  readonly columns: ReadonlyMap<string, string>;
  /** Column of the masked relation → column of the clear one. */
  readonly key: ReadonlyMap<string, string>;
};

/** All that can be asked for, as one publication has it. */
export type Catalogue = {
  readonly publication: Publication;
  readonly relations: ReadonlyMap<string, Relation>;
  /** Roles that the server may take on to read no more than they may; absent when it may not. */
  readonly roles: { readonly masked: string | undefined; readonly clear: string | undefined };
  /** Whether the database's system can notice that a reader is gone while it computes. */
  readonly noticesLoss: boolean;
};

/** Masked columns of views: which mart they come from, and by which columns. */
const clearOfViews: ReadonlyMap<string, ClearSource> = new Map([
  [
    "vw_tabela_geral_vendas",
    {
      relation: "vendas",
      columns: new Map([["cliente", "cliente"]]),
      key: new Map([
        ["conta", "conta"],
        ["cvcrm_id", "reserva_id"],
      ]),
    },
  ],
]);

export type CatalogueSource = {
  /**
   * The catalogue of the publication in force, read once for each.
   * @throws Problem when nothing is published; pg's errors when the database fails
   */
  current(): Promise<Catalogue>;
  /** What is in memory is older than what the database shows: read it again. */
  forget(): void;
};

/** Keeps the catalogue of the publication in force in memory. */
export function createCatalogueSource(pool: Pool, watch: PublicationWatch): CatalogueSource {
  let known: Catalogue | undefined;
  let reading: Promise<Catalogue> | undefined;
  return {
    current: async () => {
      const publication = watch.current();
      if (known !== undefined && publication !== undefined) {
        if (publicationTag(known.publication) === publicationTag(publication)) return known;
      }
      reading ??= readPublished(pool, { contas: undefined }, readCatalogue).finally(() => {
        reading = undefined;
      });
      known = await reading;
      return known;
    },
    forget: () => {
      known = undefined;
    },
  };
}

/** The relation of a name, when this reader may ask for it at all. */
export function visibleRelation(
  catalogue: Catalogue,
  reader: Reader,
  name: string,
): Relation | undefined {
  const relation = catalogue.relations.get(name);
  return relation !== undefined && isVisible(relation, reader) ? relation : undefined;
}

/** All relations that this reader may ask for, by name. */
export function visibleRelations(catalogue: Catalogue, reader: Reader): readonly Relation[] {
  return [...catalogue.relations.values()].filter((relation) => isVisible(relation, reader));
}

/** What has no account cannot be narrowed to the accounts of a reader. */
function isVisible({ columns }: Relation, { contas }: Reader): boolean {
  return contas.length === 0 || columns.some(({ name }) => name === "conta");
}

/** Where this reader's clear values come from; undefined when it sees masks. */
export function clearSourceFor(relation: Relation, reader: Reader): ClearSource | undefined {
  return seesPersonalData(reader) ? relation.clear : undefined;
}

type RawRelation = {
  readonly name: string;
  readonly kind: "table" | "view";
  readonly comment: string | null;
  readonly rows: number | null;
  readonly key: readonly string[];
  readonly columns: readonly {
    readonly name: string;
    readonly typeId: number;
    readonly modifier: number;
    readonly sqlType: string;
    readonly comment: string | null;
    readonly nullable: boolean;
  }[];
  readonly clearKey: readonly string[];
  readonly clearColumns: readonly string[] | null;
};

async function readCatalogue({ publication, select }: Snapshot): Promise<Catalogue> {
  // Only what a build published: a view that somebody else put here shows what its owner may see.
  const found = await select(sql`
    with primary_keys as (
        select indrelid, json_agg(attname order by place) as columns
        from pg_index
        cross join unnest(indkey::smallint[]) with ordinality as part (attnum, place)
        inner join pg_attribute
            on pg_attribute.attrelid = indrelid and pg_attribute.attnum = part.attnum
        where indisprimary
        group by indrelid
    ),

    relations as (
        select pg_class.*, twin.oid as clear_oid
        from elt.relations
        inner join pg_class on 'marts.' || pg_class.relname = relations.relation
        inner join pg_namespace
            on pg_namespace.oid = pg_class.relnamespace and pg_namespace.nspname = 'marts'
        left join pg_class as twin
            on twin.relname = pg_class.relname
            and twin.relnamespace = to_regnamespace('marts_pii')
        where pg_class.relkind in ('r', 'p', 'v')
    )

    select json_build_object(
        'name', relations.relname,
        'kind', case relations.relkind when 'v' then 'view' else 'table' end,
        'comment', obj_description(relations.oid, 'pg_class'),
        'rows', case when relkind <> 'v' and reltuples >= 0 then reltuples::bigint end,
        'key', coalesce(primary_keys.columns, '[]'),
        'columns', (
            select json_agg(
                json_build_object(
                    'name', attname,
                    'typeId', atttypid::bigint,
                    'modifier', atttypmod,
                    'sqlType', format_type(atttypid, atttypmod),
                    'comment', col_description(attrelid, attnum),
                    'nullable', not attnotnull
                )
                order by attnum
            )
            from pg_attribute
            where attrelid = relations.oid and attnum > 0 and not attisdropped
        ),
        'clearKey', coalesce(clear_keys.columns, '[]'),
        'clearColumns', (
            select json_agg(attname order by attnum)
            from pg_attribute
            where attrelid = relations.clear_oid and attnum > 0 and not attisdropped
        )
    )::text
    from relations
    left join primary_keys on primary_keys.indrelid = relations.oid
    left join primary_keys as clear_keys on clear_keys.indrelid = relations.clear_oid
    order by relations.relname`);
  const relations = found.rows.map(([text]) => relationOf(JSON.parse(text ?? "") as RawRelation));
  // A superuser may take on every role; others only those that were given to them with SET.
  const [capabilities] = (
    await select(sql`
      select
          max(rolname) filter (where rolname = 'bi_reader' and may_set),
          max(rolname) filter (where rolname = 'bi_reader_pii' and may_set),
          version() ~ 'linux'
      from (
          select
              rolname,
              case
                  when current_setting('server_version_num')::integer >= 160000
                      then pg_has_role(current_user, oid, 'SET')
                  else pg_has_role(current_user, oid, 'MEMBER')
              end as may_set
          from pg_roles
          where rolname in ('bi_reader', 'bi_reader_pii')
      ) as roles`)
  ).rows;
  const [masked, clear, noticesLoss] = capabilities ?? [];
  return {
    publication,
    relations: new Map(relations.map((relation) => [relation.name, relation])),
    roles: { masked: masked ?? undefined, clear: clear ?? undefined },
    noticesLoss: noticesLoss === "t",
  };
}

function relationOf(raw: RawRelation): Relation {
  return {
    name: raw.name,
    kind: raw.kind,
    comment: raw.comment,
    rowEstimate: raw.rows,
    key: raw.key,
    columns: raw.columns.map(({ typeId, modifier, ...column }) => ({
      ...column,
      type: columnOf({ name: column.name, dataTypeID: typeId, dataTypeModifier: modifier }).type,
    })),
    clear: clearSourceOf(raw),
  };
}

function clearSourceOf({
  name,
  key,
  clearKey,
  clearColumns,
}: RawRelation): ClearSource | undefined {
  if (clearColumns === null) return clearOfViews.get(name);
  if (clearKey.length === 0 || !clearKey.every((column) => key.includes(column))) return undefined;
  return {
    relation: name,
    columns: new Map(
      clearColumns.filter((column) => !clearKey.includes(column)).map((column) => [column, column]),
    ),
    key: new Map(clearKey.map((column) => [column, column])),
  };
}
