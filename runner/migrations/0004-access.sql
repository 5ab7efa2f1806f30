-- Who sees what: masks for personal data, and rows by account.

-- One salt per database. No bi role can read schema elt.
create table elt.secrets (
    name text primary key,
    value text not null
);
insert into elt.secrets (name, value)
values ('salt', gen_random_uuid()::text || gen_random_uuid()::text);

-- "Maria da Silva" → "M. d. S."
create function elt.mask_nome(nome text) returns text
language sql immutable parallel safe
as $$ select rtrim(regexp_replace(btrim(nome), '(\S)\S*\s*', '\1. ', 'g')) $$;

-- Digits and letters of the document, hashed with the salt: equal documents stay equal.
create function elt.mask_documento(documento text, salt text) returns text
language sql immutable parallel safe
as $$
    select left(
        encode(
            sha256(convert_to(salt || regexp_replace(documento, '[^0-9A-Za-z]', '', 'g'), 'UTF8')),
            'hex'
        ),
        16
    )
$$;

-- "maria@example.com" → "@example.com"
create function elt.mask_email(email text) returns text
language sql immutable parallel safe
as $$ select '@' || substring(email from '@([[:alnum:].-]+)') $$;

-- The accounts whose rows the current user may read; null means all of them.
--
-- The owner of schema marts and superusers see all: whoever creates a role is its member too.
-- A login that is a member of a role bi_conta_<conta> sees only the accounts of such roles. The
-- setting elt.contas (comma list) can only narrow that further: the API sets it from its key.
create function elt.contas_visiveis() returns text[]
language sql stable
as $$
    with granted as (
        select array_agg(substr(papel.rolname, 10)) as contas
        from pg_catalog.pg_roles as papel
        where starts_with(papel.rolname, 'bi_conta_')
            and pg_catalog.pg_has_role(current_user, papel.oid, 'member')
            and not exists (
                select
                from pg_catalog.pg_roles as usuario
                left join pg_catalog.pg_namespace as marts
                    on marts.nspowner = usuario.oid and marts.nspname = 'marts'
                where usuario.rolname = current_user
                    and (usuario.rolsuper or marts.oid is not null)
            )
    ),
    narrowed as (
        select string_to_array(nullif(current_setting('elt.contas', true), ''), ',') as contas
    )
    select case
        when granted.contas is null then narrowed.contas
        when narrowed.contas is null then granted.contas
        else array(
            select conta
            from unnest(granted.contas) as conta
            where conta = any (narrowed.contas)
        )
    end
    from granted
    cross join narrowed
$$;

-- A value that a cast should keep: neither blank nor a zero date.
create function elt.has_value(value text) returns boolean
language sql immutable parallel safe
as $$
    select btrim(value) <> ''
        and btrim(value) !~ '^(0000-00-00|00/00/0000)([ T]00:00(:00)?)?$'
$$;
