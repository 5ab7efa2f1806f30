-- What went wrong and lasts, and who was told of it.

create table elt.incidents (
    incident_id bigint generated always as identity primary key,
    conta text,
    kind text not null check (kind in (
        'run-failed', 'tests-failing', 'stale-data', 'object-failed', 'mass-removal', 'quarantine',
        'drift', 'kpi-moved', 'database-lost', 'digest'
    )),
    subject text not null default '',
    details jsonb not null default '{}',
    notice boolean not null default false,
    opened_at timestamptz not null,
    last_seen_at timestamptz not null,
    closed_at timestamptz,
    replaced boolean not null default false,
    notified_at timestamptz
);
create unique index on elt.incidents ((coalesce(conta, '')), kind, subject)
    where closed_at is null;
create index on elt.incidents (opened_at);
comment on table elt.incidents is
    'One row from the moment that something is wrong until it is no longer. No personal data.';
comment on column elt.incidents.conta is 'Null: of the whole database, like a failing test.';
comment on column elt.incidents.subject is 'Which object, test or view; empty where there is one only.';
comment on column elt.incidents.details is 'As it was when it was opened.';
comment on column elt.incidents.notice is 'It is told once and has no end, like a field that is new.';
comment on column elt.incidents.replaced is
    'It ended because a worse one of the same subject took its place: no recovery is told.';
comment on column elt.incidents.notified_at is 'When somebody was first told of it.';

-- A message of one incident on one way to somebody: its beginning, or its end.
create table elt.incident_messages (
    incident_id bigint not null references elt.incidents on delete cascade,
    phase text not null check (phase in ('opened', 'closed')),
    channel text not null,
    attempts integer not null default 0,
    attempted_at timestamptz not null,
    sent_at timestamptz,
    error text,
    primary key (incident_id, phase, channel)
);
comment on column elt.incident_messages.channel is
    'Kind of the way and a hash of where it leads: another recipient is another channel.';
