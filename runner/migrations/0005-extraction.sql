-- Scans that can be resumed, records that the source no longer has, request times.

-- Creates the table of an object and the view on its newest versions, unless they exist.
--
-- A row is one version of one record and is never changed by loading; only `removed_at` is set when
-- the source no longer has the record, and cleared when it returns. Versions of a key form a chain:
-- each names the version that it supersedes. The newest is the one that nothing supersedes, so a
-- first load writes nothing beside the rows themselves.
--
-- toast_tuple_target keeps payloads up to 8 KB uncompressed in the row: casts read them 12-20 times
-- faster.
create or replace function landing.create_object(objeto text) returns void
language plpgsql as $function$
begin
    perform pg_advisory_xact_lock(hashtext('landing.create_object'));
    if to_regclass(format('landing.%I', objeto || '_atual')) is not null then
        return;
    end if;
    execute format($ddl$
        create table landing.%1$I (
            conta text not null,
            chave text not null,
            load_id bigint not null,
            seq bigint not null,
            supersedes_load_id bigint,
            supersedes_seq bigint,
            referencia_data timestamp,
            hash uuid not null,
            landed_at timestamptz not null default now(),
            payload jsonb not null,
            removed_at timestamptz,
            primary key (conta, chave, load_id, seq)
        ) with (toast_tuple_target = 8160)
    $ddl$, objeto);
    execute format($ddl$
        create index %2$I on landing.%1$I (conta, chave, supersedes_load_id, supersedes_seq)
        where supersedes_load_id is not null
    $ddl$, objeto, objeto || '_supersedes');
    perform landing.finish_object(objeto);
    execute format('comment on table landing.%I is %L', objeto,
        'Todas as versões de cada registro de ' || objeto || ', como a CVDW as enviou.');
    execute format('comment on view landing.%I is %L', objeto || '_atual',
        'A versão mais nova de cada registro de ' || objeto || ' que a CVDW ainda tem.');
end
$function$;

-- What both a new table and one of an earlier release need: the way to a load's rows, and the view.
create function landing.finish_object(objeto text) returns void
language plpgsql as $function$
begin
    execute format('create index %2$I on landing.%1$I (load_id)', objeto, objeto || '_load_id');
    execute format($ddl$
        create or replace view landing.%2$I as
        select
            versao.conta,
            versao.chave,
            versao.load_id,
            versao.seq,
            versao.referencia_data,
            versao.hash,
            versao.landed_at,
            versao.payload
        from landing.%1$I as versao
        where versao.removed_at is null
            and not exists (
                select
                from landing.%1$I as nova
                where nova.conta = versao.conta
                    and nova.chave = versao.chave
                    and nova.supersedes_load_id = versao.load_id
                    and nova.supersedes_seq = versao.seq
                    and nova.supersedes_load_id is not null
            )
    $ddl$, objeto, objeto || '_atual');
end
$function$;

do $migrate$
declare
    objeto text;
begin
    for objeto in
        select tabela.relname
        from pg_catalog.pg_class as tabela
        where tabela.relnamespace = 'landing'::regnamespace and tabela.relkind = 'r'
    loop
        execute format('alter table landing.%I add column removed_at timestamptz', objeto);
        perform landing.finish_object(objeto);
    end loop;
end
$migrate$;

-- A scan of several pages under way: begun by one load and, when that is killed, fails or is stopped,
-- gone on with by the next. It is gone once it ended.
create table elt.scans (
    scan_id bigint generated always as identity primary key,
    conta text not null,
    objeto text not null,
    mode text not null check (mode in ('full', 'incremental', 'backfill')),
    since text,
    until text,
    started_at timestamptz not null,
    pass smallint not null default 1
);
create index on elt.scans (conta, objeto);
comment on column elt.scans.since is 'As sent to the source: a date, or a date and a time, of Brasília.';
comment on column elt.scans.started_at is
    'By the clock of the extraction: what changes later, the next scan sees.';

-- The pages of a scan's current pass that are landed, in the order of their answers.
create table elt.scan_pages (
    scan_id bigint not null references elt.scans on delete cascade,
    ordinal integer not null,
    page integer not null,
    page_size integer not null,
    records integer not null,
    total bigint not null,
    newest timestamp,
    primary key (scan_id, ordinal)
);

-- The keys read in a scan's current pass. Unlogged, because a scan can be read again; one table per
-- scan, so that its end leaves nothing to vacuum.
create function elt.open_scan_keys(of_scan bigint) returns void
language plpgsql as $function$
begin
    execute format(
        'create unlogged table if not exists elt.%I (chave text collate "C" primary key)',
        'scan_keys_' || of_scan
    );
end
$function$;

create function elt.next_scan_pass(of_scan bigint) returns void
language plpgsql as $function$
begin
    execute format('truncate elt.%I', 'scan_keys_' || of_scan);
    delete from elt.scan_pages where scan_id = of_scan;
    update elt.scans set pass = pass + 1 where scan_id = of_scan;
end
$function$;

create function elt.close_scan(of_scan bigint) returns void
language plpgsql as $function$
begin
    execute format('drop table if exists elt.%I', 'scan_keys_' || of_scan);
    delete from elt.scans where scan_id = of_scan;
end
$function$;

alter table elt.loads
    add column scan_id bigint,
    add column page_size integer,
    add column until timestamp,
    drop constraint loads_mode_check,
    add constraint loads_mode_check
        check (mode in ('full', 'incremental', 'backfill', 'quarantine')),
    drop constraint loads_verdict_check,
    add constraint loads_verdict_check
        check (verdict in ('running', 'proven', 'unproven', 'failed', 'stopped'));
comment on column elt.loads.verdict is
    'proven: read whole; unproven: read, but counts disagree; stopped: by a limit, to be resumed.';

alter table elt.cursors
    add column page_size integer,
    alter column load_id drop not null;
comment on column elt.cursors.page_size is
    'Smaller than the one configured after time-outs of the source; it recovers scan by scan.';

-- Records that a full reading did not bring. Missing in one proven full scan, a record is watched;
-- missing in the next one too, it is removed. One that is read again is removed no longer.
create table elt.removals (
    conta text not null,
    objeto text not null,
    chave text not null,
    missing_in bigint not null,
    removed_in bigint,
    removed_at timestamptz,
    returned_in bigint,
    returned_at timestamptz,
    primary key (conta, objeto, chave, missing_in)
);
create index on elt.removals (removed_in) where removed_in is not null;
create index on elt.removals (returned_in) where returned_in is not null;
comment on table elt.removals is
    'Load missing_in did not bring the record, nor did removed_in; load returned_in did again.';

-- The source counts a request when it arrives: at the latest when it answered, and hardly ever more
-- than a quarter of a second after it was taken.
alter table elt.requests add column answered_at timestamptz;

-- Takes one request out of the account's sliding window. Returns its id and how many are left, or
-- how long to wait.
drop function elt.take_request;
create function elt.take_request(
    account text, max_requests integer, window_ms integer, of_objeto text, of_pagina integer,
    out request_id bigint, out wait_ms integer, out requests_left integer
)
language plpgsql as $function$
declare
    window_length constant interval := make_interval(secs => window_ms / 1000.0);
    latest_arrival constant interval := interval '250 milliseconds';
    this_moment timestamptz;
    free_at timestamptz;
    in_window integer;
begin
    perform pg_advisory_xact_lock(hashtextextended('budget ' || account, 0));
    this_moment := clock_timestamp();
    select a.blocked_until into free_at from elt.accounts as a where a.conta = account;
    if free_at is null or free_at <= this_moment then
        select
            count(*),
            case when count(*) >= max_requests then min(arrival.at) + window_length end
        into in_window, free_at
        from (
            select least(r.answered_at, r.sent_at + latest_arrival) as at
            from elt.requests as r
            where r.conta = account
                and r.sent_at > this_moment - window_length - latest_arrival
            order by at desc
            limit max_requests
        ) as arrival
        where arrival.at > this_moment - window_length;
    end if;
    if free_at > this_moment then
        wait_ms := ceil(extract(epoch from free_at - this_moment) * 1000);
        requests_left := 0;
        return;
    end if;
    insert into elt.requests as r (conta, sent_at, objeto, pagina)
    values (account, this_moment, of_objeto, of_pagina)
    returning r.request_id into take_request.request_id;
    requests_left := max_requests - in_window - 1;
end
$function$;
