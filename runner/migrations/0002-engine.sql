-- What the engine remembers: runs, loads, requests, cursors, models, tests, publications.

create schema if not exists elt;
create schema staging;
create schema seeds;
create schema marts;
create schema marts_pii;

create table elt.runs (
    run_id bigint generated always as identity primary key,
    command text not null,
    conta text,
    pid integer not null,
    host text not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    exit_code integer,
    error text
);

-- One scan of one object: what was read, what it proved.
create table elt.loads (
    load_id bigint generated always as identity primary key,
    run_id bigint references elt.runs on delete set null,
    conta text not null,
    objeto text not null,
    mode text not null check (mode in ('full', 'incremental')),
    since timestamp,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    verdict text not null default 'running'
        check (verdict in ('running', 'proven', 'unproven', 'failed')),
    passes integer not null default 0,
    pages integer not null default 0,
    total bigint,
    distinct_keys bigint,
    records bigint not null default 0,
    new_versions bigint not null default 0,
    error text
);
create index on elt.loads (conta, objeto, load_id desc);

-- The request budget of an account is a window over these rows, shared by every process.
create table elt.requests (
    request_id bigint generated always as identity primary key,
    conta text not null,
    sent_at timestamptz not null,
    objeto text not null,
    pagina integer not null,
    status integer,
    bytes bigint,
    ms integer
);
create index on elt.requests (conta, sent_at desc);

create table elt.accounts (
    conta text primary key,
    blocked_until timestamptz
);
comment on column elt.accounts.blocked_until is 'Set by a 429: no request leaves before.';

-- Takes one request out of the account's sliding window. Returns its id, or how long to wait.
create function elt.take_request(
    account text, max_requests integer, window_ms integer, of_objeto text, of_pagina integer,
    out request_id bigint, out wait_ms integer
)
language plpgsql as $function$
declare
    this_moment timestamptz;
    free_at timestamptz;
begin
    perform pg_advisory_xact_lock(hashtextextended('budget ' || account, 0));
    this_moment := clock_timestamp();
    select a.blocked_until into free_at from elt.accounts as a where a.conta = account;
    if free_at is null or free_at <= this_moment then
        select r.sent_at + make_interval(secs => window_ms / 1000.0) into free_at
        from elt.requests as r
        where r.conta = account
        order by r.sent_at desc
        offset max_requests - 1
        limit 1;
    end if;
    if free_at > this_moment then
        wait_ms := ceil(extract(epoch from free_at - this_moment) * 1000);
        return;
    end if;
    insert into elt.requests as r (conta, sent_at, objeto, pagina)
    values (account, this_moment, of_objeto, of_pagina)
    returning r.request_id into take_request.request_id;
end
$function$;

create table elt.cursors (
    conta text not null,
    objeto text not null,
    cursor_at timestamp,
    date_only boolean not null default false,
    last_full_at timestamptz,
    load_id bigint not null,
    updated_at timestamptz not null default now(),
    primary key (conta, objeto)
);
comment on column elt.cursors.cursor_at is
    'Brasília wall clock: the next scan asks for what was created or altered since.';

create table elt.publications (
    publication_id bigint generated always as identity primary key,
    run_id bigint not null references elt.runs on delete cascade,
    published_at timestamptz not null default now(),
    rows_added bigint not null,
    rows_changed bigint not null,
    rows_removed bigint not null
);

create table elt.model_results (
    run_id bigint not null references elt.runs on delete cascade,
    model text not null,
    status text not null check (status in ('built', 'failed')),
    rows_total bigint,
    rows_added bigint,
    rows_changed bigint,
    rows_removed bigint,
    ms integer,
    error text,
    primary key (run_id, model)
);

create table elt.test_results (
    run_id bigint not null references elt.runs on delete cascade,
    model text not null,
    test text not null,
    severity text not null check (severity in ('error', 'warn')),
    failures bigint not null,
    sample jsonb not null default '[]',
    primary key (run_id, model, test)
);
comment on column elt.test_results.sample is
    'Up to three failing rows: keys and columns that are not personal.';

-- What stands in the database, so that an unchanged view is not created again.
create table elt.relations (
    relation text primary key,
    fingerprint text not null,
    granted_to text[] not null default '{}',
    updated_at timestamptz not null default now()
);
comment on column elt.relations.granted_to is
    'Roles that got select on it once: what an administrator takes away stays taken away.';
