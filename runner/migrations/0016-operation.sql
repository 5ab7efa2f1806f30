-- What operating it has taught: holds that end otherwise, and accounts that are read no longer.

-- A hold also ends when its model is guarded no longer. Who accepted and why are free texts, which
-- elt forget must be able to empty.

alter table elt.kpi_holds
    drop constraint kpi_holds_outcome_check,
    drop constraint kpi_holds_check1,
    drop constraint kpi_holds_check2,
    add constraint kpi_holds_outcome_check
        check (outcome in ('accepted', 'within-limits', 'replaced', 'unguarded')),
    add constraint kpi_holds_accepted_check check (
        outcome is not distinct from 'accepted' or (accepted_by is null and accepted_why is null)
    );
comment on column elt.kpi_holds.accepted_by is
    'Who let it through; null as well when that person was forgotten.';

-- An account that is read no longer, by somebody's word: how old its data are counts no more.
alter table elt.accounts add column retired_at timestamptz;
comment on column elt.accounts.retired_at is
    'Since when it is read no longer; reading it again makes this null.';
