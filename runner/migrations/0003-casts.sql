-- Casts from the text of a CVDW field to a typed value. Staging calls nothing else.
--
-- A cast never raises: it looks at shape and arithmetic first, and what is not a value is null.
-- A model's lossless test lists what became null without being blank or a zero date. Exception
-- blocks would cost a subtransaction per cell and forbid parallel plans.
--
-- Each as_ function is one small expression for the form that CVDW nearly always sends, and the
-- planner inlines it into the model's SELECT. Other forms go to a read_ function: PL/pgSQL, which
-- keeps its plan for the session, where a SQL function called from another is planned on every call.
-- CASE, and not AND, where one check must come before another: only CASE promises an order.

-- Text -----------------------------------------------------------------------------------------

create or replace function elt.decode_entities(value text) returns text
language sql immutable parallel safe
return
    replace(replace(replace(replace(replace(replace(replace(replace(
    replace(replace(replace(replace(replace(replace(replace(replace(
    replace(replace(replace(replace(replace(replace(replace(replace(
    replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(
        value,
        '&aacute;', 'á'), '&agrave;', 'à'), '&acirc;', 'â'), '&atilde;', 'ã'),
        '&ccedil;', 'ç'), '&eacute;', 'é'), '&ecirc;', 'ê'), '&iacute;', 'í'),
        '&oacute;', 'ó'), '&ocirc;', 'ô'), '&otilde;', 'õ'), '&uacute;', 'ú'),
        '&Aacute;', 'Á'), '&Agrave;', 'À'), '&Acirc;', 'Â'), '&Atilde;', 'Ã'),
        '&Ccedil;', 'Ç'), '&Eacute;', 'É'), '&Ecirc;', 'Ê'), '&Iacute;', 'Í'),
        '&Oacute;', 'Ó'), '&Ocirc;', 'Ô'), '&Otilde;', 'Õ'), '&Uacute;', 'Ú'),
        '&ordm;', 'º'), '&ordf;', 'ª'), '&nbsp;', ' '), '&quot;', '"'), '&#34;', '"'),
        '&#39;', ''''), '&#039;', ''''), '&apos;', ''''), '&lt;', '<'), '&gt;', '>'),
        '&amp;', '&');
comment on function elt.decode_entities(text) is
    'The characters that HTML entities stand for: markup, quotes and Portuguese letters.';

create or replace function elt.as_text(value text) returns text
language sql immutable parallel safe
return
    case
        when strpos(value, '&') > 0
            then nullif(btrim(elt.decode_entities(value), e' \t\r\n'), '')
        else nullif(btrim(value, e' \t\r\n'), '')
    end;
comment on function elt.as_text(text) is
    'Text without surrounding blanks and HTML entities; blank is null.';

create or replace function elt.fold(value text) returns text
language sql immutable parallel safe
return
    btrim(regexp_replace(
        lower(regexp_replace(normalize(value, nfkd), '[\u0300-\u036f]', '', 'g') collate "C"),
        '[ \t\r\n]+', ' ', 'g'
    ));
comment on function elt.fold(text) is
    'Text for comparing: lower case, no accents, single blanks, trimmed.';

create or replace function elt.as_flag(value text) returns boolean
language sql immutable parallel safe
return
    case
        when value in ('S', 'Sim', 'true') then true
        when value in ('N', 'Não', 'Nao', 'false') then false
        when elt.fold(value) in ('s', 'sim', 'true') then true
        when elt.fold(value) in ('n', 'nao', 'false') then false
    end;
comment on function elt.as_flag(text) is
    'S, Sim and true; N, Não and false; anything else is null.';

-- Numbers --------------------------------------------------------------------------------------

create or replace function elt.read_decimal(value text) returns numeric
language plpgsql immutable strict parallel safe cost 1 as $function$
declare
    digits text := btrim(value, e' \t\r\n');
begin
    if digits ~ '^[-+]?([0-9]{1,60}\.?[0-9]{0,60}|\.[0-9]{1,60})$' then
        return digits::numeric;
    elsif digits ~ '^[-+]?([0-9]{1,60}|[0-9]{1,3}(\.[0-9]{3}){1,19}),[0-9]{0,60}$' then
        return replace(replace(digits, '.', ''), ',', '.')::numeric;
    end if;
    return null;
end
$function$;
comment on function elt.read_decimal(text) is
    'A number of any size: with a comma it is Brazilian (1.234,56), else the dot is decimal. '
    'Exponents, NaN and infinity are refused.';

create or replace function elt.fit_money(value numeric) returns numeric
language sql immutable parallel safe
return
    case
        when abs(value) < 9999999999999.995 then value::numeric(15, 2)
        else null::numeric(15, 2)
    end;
comment on function elt.fit_money(numeric) is
    'The amount in numeric(15,2), rounded half away from zero; null if it does not fit.';

create or replace function elt.fit_sum(value numeric) returns numeric
language sql immutable parallel safe
return
    case
        when abs(value) < 9999999999999999.995 then value::numeric(18, 2)
        else null::numeric(18, 2)
    end;
comment on function elt.fit_sum(numeric) is
    'The sum in numeric(18,2), rounded half away from zero; null if it does not fit.';

create or replace function elt.fit_measure(value numeric) returns numeric
language sql immutable parallel safe
return
    case
        when abs(value) < 9999999999.995 then value::numeric(12, 2)
        else null::numeric(12, 2)
    end;
comment on function elt.fit_measure(numeric) is
    'The measure in numeric(12,2), rounded half away from zero; null if it does not fit.';

create or replace function elt.fit_percent(value numeric) returns numeric
language sql immutable parallel safe
return
    case
        when abs(value) < 99999.995 then value::numeric(7, 2)
        else null::numeric(7, 2)
    end;
comment on function elt.fit_percent(numeric) is
    'The percentage in numeric(7,2), rounded half away from zero; null if it does not fit.';

create or replace function elt.fit_bigint(value numeric) returns bigint
language sql immutable parallel safe
return
    case
        when value = trunc(value)
            and value between -9223372036854775808 and 9223372036854775807
            then value::bigint
    end;
comment on function elt.fit_bigint(numeric) is
    'The whole number of 64 bits; null if it is not one.';

create or replace function elt.fit_integer(value numeric) returns integer
language sql immutable parallel safe
return
    case
        when value = trunc(value) and value between -2147483648 and 2147483647
            then value::integer
    end;
comment on function elt.fit_integer(numeric) is
    'The whole number of 32 bits; null if it is not one.';

create or replace function elt.as_money(value text) returns numeric
language sql immutable parallel safe
return
    case
        when octet_length(value) <= 13
            and translate(value, '0123456789', '') in ('', '.')
            and value not in ('', '.')
            then value::numeric(15, 2)
        when value <> '' then elt.fit_money(elt.read_decimal(value))
        else null::numeric(15, 2)
    end;
comment on function elt.as_money(text) is
    'An amount in numeric(15,2), rounded half away from zero; what does not fit is null.';

create or replace function elt.as_numeric(value text) returns numeric
language sql immutable parallel safe
return
    case
        when octet_length(value) <= 10
            and translate(value, '0123456789', '') in ('', '.')
            and value not in ('', '.')
            then value::numeric(12, 2)
        when value <> '' then elt.fit_measure(elt.read_decimal(value))
        else null::numeric(12, 2)
    end;
comment on function elt.as_numeric(text) is
    'A measure, such as an area, in numeric(12,2); what does not fit is null.';

create or replace function elt.as_percent(value text) returns numeric
language sql immutable parallel safe
return
    case
        when octet_length(value) <= 5
            and translate(value, '0123456789', '') in ('', '.')
            and value not in ('', '.')
            then value::numeric(7, 2)
        when value <> '' then elt.fit_percent(elt.read_decimal(value))
        else null::numeric(7, 2)
    end;
comment on function elt.as_percent(text) is
    'A percentage in numeric(7,2), 12.50 = 12.5 %; what does not fit is null.';

create or replace function elt.as_bigint(value text) returns bigint
language sql immutable parallel safe
return
    case
        when octet_length(value) <= 18 and translate(value, '0123456789', '') = '' and value <> ''
            then value::bigint
        when value <> '' then elt.fit_bigint(elt.read_decimal(value))
    end;
comment on function elt.as_bigint(text) is
    'A whole number of 64 bits; a list, a fraction or any other text is null.';

create or replace function elt.as_integer(value text) returns integer
language sql immutable parallel safe
return
    case
        when octet_length(value) <= 9 and translate(value, '0123456789', '') = '' and value <> ''
            then value::integer
        when value <> '' then elt.fit_integer(elt.read_decimal(value))
    end;
comment on function elt.as_integer(text) is
    'A whole number of 32 bits; a fraction or any other text is null.';

-- Days and instants ----------------------------------------------------------------------------

-- The parts that a usual date and time is made of. A part is checked by looking it up: the planner
-- makes a constant of the list and the executor hashes it, which is five times faster than a regular
-- expression over the whole.

create or replace function elt.year_parts() returns text[]
language sql immutable parallel safe
return array(select to_char(ano, 'FM0000') || '-' from generate_series(1900, 2100) as ano);
comment on function elt.year_parts() is '1900- to 2100-.';

create or replace function elt.day_parts() returns text[]
language sql immutable parallel safe
return array(
    select to_char(mes, 'FM00') || '-' || to_char(dia, 'FM00')
    from generate_series(1, 12) as mes
    cross join generate_series(1, 31) as dia
    where dia <= case when mes = 2 then 28 when mes in (4, 6, 9, 11) then 30 else 31 end
);
comment on function elt.day_parts() is '01-01 to 12-31, without 02-29.';

create or replace function elt.hour_parts() returns text[]
language sql immutable parallel safe
return array(select to_char(hora, 'FM" "00') from generate_series(0, 23) as hora);
comment on function elt.hour_parts() is 'Blank and 00 to 23.';

create or replace function elt.sixtieth_parts() returns text[]
language sql immutable parallel safe
return array(select to_char(parte, 'FM":"00') from generate_series(0, 59) as parte);
comment on function elt.sixtieth_parts() is ':00 to :59.';

create or replace function elt.read_instant(value text) returns timestamp
language plpgsql immutable strict parallel safe cost 1 as $function$
declare
    parts text[] := regexp_match(
        btrim(value, e' \t\r\n'),
        '^(?:([0-9]{4})-([0-9]{2})-([0-9]{2})|([0-9]{2})/([0-9]{2})/([0-9]{4}))'
            '(?:[ T]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9](?:\.[0-9]{1,6})?)[0-9]{0,3})?)?$'
    );
    ano integer := coalesce(parts[1], parts[6]);
    mes integer := coalesce(parts[2], parts[5]);
    dia integer := coalesce(parts[3], parts[4]);
    ultimo_dia integer;
begin
    ultimo_dia := case
        when mes = 2 and (ano % 400 = 0 or (ano % 4 = 0 and ano % 100 <> 0)) then 29
        when mes = 2 then 28
        when mes in (4, 6, 9, 11) then 30
        else 31
    end;
    if ano >= 1 and mes between 1 and 12 and dia between 1 and ultimo_dia then
        return make_timestamp(
            ano, mes, dia,
            coalesce(parts[7], '0')::integer,
            coalesce(parts[8], '0')::integer,
            coalesce(parts[9], '0')::double precision
        );
    end if;
    return null;
end
$function$;
comment on function elt.read_instant(text) is
    'The wall clock of a YYYY-MM-DD or DD/MM/YYYY text, with or without a time of day after it; a '
    'fraction of a second is cut at six digits.';

-- Stable, as PostgreSQL calls every cast from text to a day; a text that starts with a year of four
-- digits reads the same under all settings.

create or replace function elt.as_date(value text) returns date
language sql stable parallel safe
return
    case
        when left(value, 5) = any (elt.year_parts())
            and substr(value, 6, 5) = any (elt.day_parts())
            and (
                octet_length(value) = 10
                or (
                    substr(value, 11, 3) = any (elt.hour_parts())
                    and substr(value, 14, 3) = any (elt.sixtieth_parts())
                    and substr(value, 17) = any (elt.sixtieth_parts())
                )
            )
            then left(value, 10)::date
        when value <> '' and value not like '0000-00-00%' then elt.read_instant(value)::date
    end;
comment on function elt.as_date(text) is
    'A day from YYYY-MM-DD or DD/MM/YYYY, a time of day after it is dropped; zero dates, days that '
    'do not exist and other shapes are null. The year 0001 is real.';

create or replace function elt.as_timestamp(value text) returns timestamptz
language sql stable parallel safe
return
    case
        when left(value, 5) = any (elt.year_parts())
            and substr(value, 6, 5) = any (elt.day_parts())
            and (
                octet_length(value) = 10
                or (
                    substr(value, 11, 3) = any (elt.hour_parts())
                    and substr(value, 14, 3) = any (elt.sixtieth_parts())
                    and substr(value, 17) = any (elt.sixtieth_parts())
                )
            )
            then value::timestamp
        when value <> '' and value not like '0000-00-00%' then elt.read_instant(value)
    end at time zone 'America/Sao_Paulo';
comment on function elt.as_timestamp(text) is
    'An instant from the same shapes as as_date; the source gives Brasília wall clock, and a text '
    'without a time of day is midnight.';

create or replace function elt.hoje() returns date
language sql stable parallel safe
return (now() at time zone 'America/Sao_Paulo')::date;
comment on function elt.hoje() is
    'Today in Brasília, whatever the time zone of the session.';
