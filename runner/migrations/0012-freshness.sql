-- How old what was read of an object may be, as the models declare it.

create table elt.freshness (
    objeto text primary key,
    models text[] not null,
    warn_seconds bigint,
    error_seconds bigint,
    blocks boolean not null default false,
    feeds text[] not null default '{}'
);
comment on table elt.freshness is
    'One row per object that a model declares @fresh for, as of the last build.';
comment on column elt.freshness.models is 'The staging models that declare it.';
comment on column elt.freshness.warn_seconds is
    'Told when the last proven reading is as old; the same for error_seconds.';
comment on column elt.freshness.blocks is
    'At error_seconds what the object feeds stays as it was published.';
comment on column elt.freshness.feeds is 'Every table and view that its rows flow into.';
