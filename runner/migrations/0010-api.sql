-- Keys of the API. A key is shown once, when it is made; here stands only its hash.

create table elt.api_keys (
    key_id bigint generated always as identity primary key,
    name text not null check (length(name) between 1 and 64),
    sha256 text not null unique check (sha256 ~ '^[0-9a-f]{64}$'),
    scopes text[] not null default '{read}' check (scopes <@ '{read,pii}'),
    contas text[] not null default '{}',
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
create unique index on elt.api_keys (name) where revoked_at is null;
comment on table elt.api_keys is 'Who may ask the server. A revoked key stays, so that its name in a log can be explained.';
comment on column elt.api_keys.sha256 is 'SHA-256 of the key, which has 256 random bits: there is nothing to guess.';
comment on column elt.api_keys.contas is 'Accounts whose rows the key shows; empty means all of them.';

-- A server hears of every change, also of one that somebody makes with psql.
create function elt.announce_api_keys() returns trigger
language plpgsql as $function$
begin
    perform pg_notify('elt_api_keys', '');
    return null;
end
$function$;

create trigger announce
after insert or update or delete or truncate on elt.api_keys
for each statement execute function elt.announce_api_keys();
