-- Keeping and forgetting: which backups were made, who was forgotten, and how they stay forgotten.

create table elt.backups (
    backup_id uuid primary key,
    created_at timestamptz not null,
    folder text not null,
    host text not null,
    row_count bigint not null,
    bytes bigint not null
);
comment on table elt.backups is
    'Backups that were finished. Nobody tells when one is deleted: receipts of elt.forgotten name those that may still hold a person.';

create table elt.forgotten (
    receipt_id bigint generated always as identity primary key,
    forgotten_at timestamptz not null default now(),
    receipt jsonb not null
);
comment on table elt.forgotten is
    'One receipt per person forgotten: what was erased, and where. It holds no personal data.';

-- What a forgotten person is recognised by when the source sends it again: keyed hashes of the keys of
-- the records, of the document, of the ids that lead to the person, of names and addresses.
create table elt.tombstones (
    conta text not null,
    mark text not null check (mark ~ '^[0-9a-f]{64}$'),
    receipt_id bigint not null references elt.forgotten,
    primary key (conta, mark)
);
comment on column elt.tombstones.mark is
    'SHA-256 keyed with the secret "tombstones", which no bi role can read: without it, nothing can be guessed.';

insert into elt.secrets (name, value)
values ('tombstones', gen_random_uuid()::text || gen_random_uuid()::text);
