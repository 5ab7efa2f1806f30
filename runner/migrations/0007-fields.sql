-- The fields that the source's records carry, and how they change.

create table elt.fields (
    conta text not null,
    objeto text not null,
    campo text not null,
    strings bigint not null,
    numbers bigint not null,
    booleans bigint not null,
    nulls bigint not null,
    arrays bigint not null,
    objects bigint not null,
    first_load_id bigint not null,
    first_seen_at timestamptz not null default now(),
    last_load_id bigint not null,
    last_seen_at timestamptz not null default now(),
    vanished_in bigint,
    primary key (conta, objeto, campo)
);
comment on table elt.fields is
    'Top-level fields of the records read, with how often each JSON type was seen. A record that is '
    'read again counts again.';
comment on column elt.fields.vanished_in is
    'The load that read the whole object without it; null while the source sends it.';

-- The JSON types that a field had when it was not null.
create function elt.field_types(
    strings bigint, numbers bigint, booleans bigint, arrays bigint, objects bigint
) returns text[]
language sql immutable parallel safe
return array_remove(
    array[
        case when strings > 0 then 'string' end,
        case when numbers > 0 then 'number' end,
        case when booleans > 0 then 'boolean' end,
        case when arrays > 0 then 'array' end,
        case when objects > 0 then 'object' end
    ],
    null
);

create table elt.drift (
    drift_id bigint generated always as identity primary key,
    conta text not null,
    objeto text not null,
    campo text not null,
    change text not null check (change in ('new', 'vanished', 'returned', 'retyped')),
    types_before text[] not null,
    types_now text[] not null,
    records bigint not null,
    of_records bigint not null,
    load_id bigint not null,
    seen_at timestamptz not null default now()
);
create index on elt.drift (seen_at);
create index on elt.drift (load_id);
comment on table elt.drift is 'Fields that appeared, went, came back, or came with a type of JSON never seen before.';
comment on column elt.drift.records is
    'Of of_records that the load read, those that had the field, or had it with the new type.';
