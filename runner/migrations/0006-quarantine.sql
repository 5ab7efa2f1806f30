-- Records that cannot land as the source sent them: kept raw, listed, tried again.

create table elt.quarantine (
    quarantine_id bigint generated always as identity,
    conta text not null,
    objeto text not null,
    hash uuid not null,
    load_id bigint not null,
    seq bigint not null,
    page integer not null,
    page_size integer not null,
    position integer not null,
    reason text not null check (reason in (
        'not-an-object', 'broken-json', 'no-key', 'unusable-key', 'invalid-utf8', 'nul-character',
        'lone-surrogate', 'control-character', 'number-out-of-range', 'too-deep', 'too-large',
        'refused-value'
    )),
    sqlstate text,
    chave text,
    raw bytea not null,
    repaired boolean not null,
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    times_seen bigint not null default 1,
    resolved_at timestamptz,
    primary key (conta, objeto, hash)
);
create index on elt.quarantine (conta, objeto, load_id, seq, quarantine_id)
    where resolved_at is null;
create index on elt.quarantine (quarantine_id);
comment on table elt.quarantine is
    'One row per text of a record: what is read again in the same form is counted, not added.';
comment on column elt.quarantine.hash is
    'Of the raw bytes; a repaired version in landing has the same one.';
comment on column elt.quarantine.load_id is
    'With seq: when it was read last, among the versions that landing has of its key.';
comment on column elt.quarantine.position is 'Place in the page, from 1.';
comment on column elt.quarantine.sqlstate is
    'What PostgreSQL said to the raw text; null when it was not asked.';
comment on column elt.quarantine.raw is 'Personal data, as the source sent it.';
comment on column elt.quarantine.repaired is
    'It landed, with U+FFFD or a text where the source sent what jsonb cannot hold.';
comment on column elt.quarantine.resolved_at is
    'It landed later, or a newer version did: nothing is left to do.';

-- The SQLSTATE with which PostgreSQL refuses a text as jsonb; null when it takes it.
create function elt.json_problem(raw bytea) returns text
language plpgsql stable as $function$
begin
    perform convert_from(raw, 'UTF8')::jsonb;
    return null;
exception
    when data_exception or program_limit_exceeded then
        return sqlstate;
end
$function$;

-- Whether landing has a version of the key that was read after the record in quarantine, or the
-- source no longer has the record. `apart_from` is a load whose versions do not count.
create function elt.is_superseded(
    of_conta text, of_objeto text, of_chave text, of_load bigint, of_seq bigint,
    apart_from bigint default null
) returns boolean
language plpgsql stable as $function$
declare
    superseded boolean := false;
begin
    if of_chave is null then
        return false;
    end if;
    if to_regclass(format('landing.%I', of_objeto)) is not null then
        execute format(
            'select exists (
                select
                from landing.%I as versao
                where versao.conta = $1 and versao.chave = $2
                    and (versao.load_id, versao.seq) > ($3, $4)
                    and versao.load_id is distinct from $5
            )', of_objeto
        ) into superseded using of_conta, of_chave, of_load, of_seq, apart_from;
    end if;
    return superseded or exists (
        select
        from elt.removals as removal
        where removal.conta = of_conta and removal.objeto = of_objeto and removal.chave = of_chave
            and removal.removed_in > of_load and removal.returned_in is null
    );
end
$function$;

-- What is in quarantine and still stands: not resolved, no newer version in landing, and, unless its
-- repaired form landed, read by the last full reading that brought everything.
create view elt.open_quarantine as
select preso.*
from elt.quarantine as preso
where preso.resolved_at is null
    and not elt.is_superseded(
        preso.conta, preso.objeto, preso.chave, preso.load_id, preso.seq
    )
    and (
        preso.repaired
        or not exists (
            select
            from elt.loads as later
            where later.conta = preso.conta and later.objeto = preso.objeto
                and later.load_id > preso.load_id
                and later.mode = 'full' and later.verdict = 'proven'
                -- A scan that was resumed has read pages in earlier loads, too.
                and not exists (
                    select
                    from elt.loads as part
                    where part.conta = later.conta and part.objeto = later.objeto
                        and part.scan_id = later.scan_id and part.load_id <= preso.load_id
                )
        )
    );
