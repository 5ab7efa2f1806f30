-- Environments: what analysts build beside what is published, in schemas of their own.

create table elt.environments (
    name text primary key check (name ~ '^[a-z][a-z0-9_]{0,20}$'),
    as_of date,
    schemas text[] not null default '{}',
    created_by text not null default session_user,
    created_at timestamptz not null default now(),
    built_at timestamptz not null default now(),
    host text not null
);
comment on table elt.environments is
    'Schemas beside the published ones, made by elt build --env and dropped by elt env drop.';
comment on column elt.environments.as_of is
    'The day whose end it shows the source at, Brasília; null for what is landed now.';
comment on column elt.environments.schemas is 'Those that it made; no other is ever touched.';

-- What stands in an environment, so that a build there computes only what changed since.
create table elt.environment_relations (
    environment text not null references elt.environments on delete cascade,
    relation text not null,
    fingerprint text not null,
    rows_fingerprint text not null,
    changed_in bigint not null,
    inputs jsonb not null default '{}',
    row_count bigint not null,
    day text not null,
    primary key (environment, relation)
);
comment on column elt.environment_relations.relation is
    'The published name: marts.vendas stands in schema <environment>_marts.';
comment on column elt.environment_relations.changed_in is
    'The last run that changed its rows: what was computed from them then is still right.';
comment on column elt.environment_relations.inputs is
    'Where each input stood and which rows it had when this was computed.';
