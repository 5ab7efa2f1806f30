-- KPIs that moved further than their guard allows: what was held back, and who let it through.

create table elt.kpi_holds (
    run_id bigint not null,
    model text not null,
    kpi text not null,
    conta text not null,
    before numeric not null,
    after numeric not null,
    explained numeric not null,
    share_percent numeric not null,
    rows_percent numeric not null,
    rows_before bigint not null,
    rows_touched bigint,
    reason text not null check (reason in ('unexplained', 'too-many-rows')),
    held_at timestamptz not null default now(),
    last_run_id bigint not null,
    last_held_at timestamptz not null default now(),
    closed_at timestamptz,
    closed_in bigint,
    outcome text check (outcome in ('accepted', 'within-limits', 'replaced')),
    accepted_by text,
    accepted_why text,
    primary key (run_id, model, kpi, conta),
    check ((closed_at is null) = (outcome is null)),
    check ((outcome is not distinct from 'accepted') = (accepted_by is not null)),
    check ((accepted_by is null) = (accepted_why is null))
);
create unique index on elt.kpi_holds (model, kpi, conta) where closed_at is null;
comment on table elt.kpi_holds is
    'One row per KPI and account that kept a build from being published. No personal data.';
comment on column elt.kpi_holds.run_id is
    'The first run that was held back with these numbers: the one to accept.';
comment on column elt.kpi_holds.explained is
    'What the KPI would be with nothing but what changed in the source.';
comment on column elt.kpi_holds.rows_touched is
    'Rows behind the KPI that differ; null where rows cannot be told apart.';
comment on column elt.kpi_holds.last_run_id is 'The last run that was held back with the same numbers.';
comment on column elt.kpi_holds.closed_in is 'The run that published, or was held back with other numbers.';

-- What guarded numbers were published with, so that a change of a text or mapping is told from one
-- of the source. Loads that are in them are rows of elt.built_loads of a relation guard:<model>.
create table elt.guarded_models (
    model text primary key,
    texts text not null,
    updated_at timestamptz not null default now()
);
comment on column elt.guarded_models.texts is
    'Hash of the model, all that it reads, their functions and the mappings.';
