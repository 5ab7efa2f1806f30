-- Leituras por reserva: quanto as condições de cada venda se afastam do valor de contrato, lendo o
-- campo valor das duas formas. leitura_condicoes soma estas diferenças por conta.
-- @key    conta, reserva_id
-- @column conta              conta da CV
-- @column reserva_id         número da reserva
-- @column valor_contrato     valor do contrato da venda, em reais
-- @column diferenca_total    diferença lendo valor como a linha inteira, em reais
-- @column diferenca_parcela  diferença lendo valor como uma parcela, em reais
with condicoes as (
    select * from staging.reservas_condicoes
),

classes as (
    select * from marts.classes_de_serie
),

reservas as (
    select * from marts.reservas
),

somas as (
    select
        condicoes.conta,
        condicoes.reserva_id,
        coalesce(sum(condicoes.valor), 0) as soma_total,
        coalesce(sum(condicoes.valor * coalesce(condicoes.quantidade_parcelas, 1)), 0)
            as soma_parcela
    from condicoes
    inner join classes
        on classes.conta = condicoes.conta
        and classes.serie = condicoes.serie
    where condicoes.ativo = 'S'
        and classes.classe in ('entrada', 'parcelas', 'financiamento', 'fgts', 'subsidio')
    group by condicoes.conta, condicoes.reserva_id
)

select
    reservas.conta,
    reservas.reserva_id,
    reservas.valor_contrato,
    abs(somas.soma_total - reservas.valor_contrato)::numeric(38, 2) as diferenca_total,
    abs(somas.soma_parcela - reservas.valor_contrato)::numeric(38, 2) as diferenca_parcela
from reservas
inner join somas
    on somas.conta = reservas.conta
    and somas.reserva_id = reservas.reserva_id
where reservas.eh_venda and reservas.valor_contrato > 0
