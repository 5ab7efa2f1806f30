-- Tests: where they are written, how many rows they allow, and every failing row that was kept;
-- runs: with which options, so that they can be tried again.

alter table elt.test_results
    add column allowed bigint not null default 0,
    add column place text;
comment on column elt.test_results.allowed is 'So many rows may fail before the test does.';
comment on column elt.test_results.place is 'File, line and column of the test.';
comment on column elt.test_results.sample is
    'Up to a hundred failing rows: keys and columns that are not personal.';

alter table elt.runs add column options jsonb not null default '{}';
comment on column elt.runs.options is 'The options of the command, as it was called.';

create view elt.failing_rows as
select
    test_results.run_id,
    runs.started_at,
    test_results.model,
    test_results.test,
    test_results.severity,
    test_results.failures,
    failing.fields
from elt.test_results
inner join elt.runs on runs.run_id = test_results.run_id
cross join lateral jsonb_array_elements(test_results.sample) as failing(fields)
where test_results.failures > test_results.allowed;
comment on view elt.failing_rows is
    'One line per kept row that failed a test: its key and the columns that are not personal.';
