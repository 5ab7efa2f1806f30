-- The landing zone: one table per CVDW object, created when it is first needed.

create schema landing;

-- Creates the table of an object and the view on its newest versions, unless they exist.
--
-- A row is one version of one record and is never changed by loading. Versions of a key form a
-- chain: each names the version that it supersedes. The newest is the one that nothing supersedes,
-- so a first load writes nothing beside the rows themselves.
--
-- toast_tuple_target keeps payloads up to 8 KB uncompressed in the row: casts read them 12-20 times
-- faster.
create function landing.create_object(objeto text) returns void
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
            primary key (conta, chave, load_id, seq)
        ) with (toast_tuple_target = 8160)
    $ddl$, objeto);
    execute format($ddl$
        create index %2$I on landing.%1$I (conta, chave, supersedes_load_id, supersedes_seq)
        where supersedes_load_id is not null
    $ddl$, objeto, objeto || '_supersedes');
    execute format($ddl$
        create view landing.%2$I as
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
        where not exists (
            select
            from landing.%1$I as nova
            where nova.conta = versao.conta
                and nova.chave = versao.chave
                and nova.supersedes_load_id = versao.load_id
                and nova.supersedes_seq = versao.seq
                and nova.supersedes_load_id is not null
        )
    $ddl$, objeto, objeto || '_atual');
    execute format('comment on table landing.%I is %L', objeto,
        'Todas as versões de cada registro de ' || objeto || ', como a CVDW as enviou.');
    execute format('comment on view landing.%I is %L', objeto || '_atual',
        'A versão mais nova de cada registro de ' || objeto || '.');
end
$function$;
