-- What a build remembers, so that the next one computes only what changed.

alter table elt.relations
    add column rows_fingerprint text,
    add column version bigint not null default 0,
    add column inputs jsonb not null default '{}',
    add column row_count bigint,
    add column day text;
comment on column elt.relations.fingerprint is
    'Hash of everything that the relation was made with: another one means a changed model.';
comment on column elt.relations.rows_fingerprint is
    'The same without comments, tests and indexes: what the rows follow from.';
comment on column elt.relations.version is 'Raised by every build that changed a row.';
comment on column elt.relations.inputs is
    'Version of each input that the rows were computed from.';
comment on column elt.relations.day is
    'The day it was computed on, for a model that asks for the date.';

-- Loads whose rows are all in a relation. A load is entered once the build's own snapshot shows it
-- ended, so a load under way, or begun by a transaction that the snapshot does not see yet, is
-- looked at again by the next build: no order of numbers is relied on.
create table elt.built_loads (
    relation text not null,
    load_id bigint not null,
    primary key (relation, load_id)
);

alter table elt.model_results
    add column mode text
        check (mode in ('first', 'whole', 'incremental', 'unchanged', 'view', 'seed')),
    add column because text;
comment on column elt.model_results.because is 'Why it was computed whole, or for how many keys.';

-- Every difference that a build applied to a mart, but for its first build.
create table elt.changes (
    change_id bigint generated always as identity primary key,
    run_id bigint not null,
    model text not null,
    key jsonb not null,
    action text not null check (action in ('added', 'changed', 'removed')),
    column_name text,
    old jsonb,
    new jsonb,
    changed_at timestamptz not null default now()
);
create index on elt.changes (model, run_id);
create index on elt.changes using brin (changed_at);
comment on table elt.changes is
    'One row per changed cell; one per added or removed row, with its values.';
comment on column elt.changes.column_name is 'Null for an added or removed row.';
comment on column elt.changes.old is
    'Personal columns are told without values: here and in new they are null or left out.';
