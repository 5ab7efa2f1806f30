-- Contas: uma linha por conta da CV que tem ao menos uma reserva. Cada visão tem as suas linhas
-- para cada uma delas.
-- @key    conta
-- @column conta     conta da CV
-- @column reservas  reservas da conta
with reservas as (
    select * from marts.reservas
)
select
    reservas.conta,
    count(*)::integer as reservas
from reservas
group by reservas.conta
