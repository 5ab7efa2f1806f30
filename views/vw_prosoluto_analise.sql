-- Pró-soluto por mês da venda: o mês atual e os 11 anteriores, também os meses sem venda.
-- @column mes                             primeiro dia do mês
-- @column quantidade_prosoluto            quantidade de vendas com pró-soluto
-- @column valor_total_prosoluto           soma do pró-soluto, em reais
-- @column media_prosoluto                 pró-soluto médio dessas vendas, em reais
-- @column percentual_prosoluto_sobre_venda  pró-soluto sobre o valor de todas as vendas do mês: 12,50 = 12,5 %
-- @column conta                           conta da CV
with contas as (
    select * from marts.contas
),

vendas as (
    select * from marts.vendas
),

meses as (
    select
        (date_trunc('month', elt.hoje()::timestamp) - atras * interval '1 month')::date as mes
    from generate_series(0, 11) as atras
),

por_mes as (
    select
        vendas.conta,
        date_trunc('month', vendas.data_venda::timestamp)::date as mes,
        count(*) filter (where vendas.valor_prosoluto > 0) as quantidade,
        sum(vendas.valor_prosoluto) filter (where vendas.valor_prosoluto > 0) as prosoluto,
        sum(vendas.valor) as valor
    from vendas
    where vendas.data_venda
            >= (date_trunc('month', elt.hoje()::timestamp) - interval '11 months')::date
        and vendas.data_venda <= elt.hoje()
    group by vendas.conta, date_trunc('month', vendas.data_venda::timestamp)::date
)

select
    meses.mes,
    coalesce(por_mes.quantidade, 0)::integer as quantidade_prosoluto,
    elt.fit_sum(coalesce(por_mes.prosoluto, 0))::numeric(18, 2) as valor_total_prosoluto,
    (por_mes.prosoluto / nullif(por_mes.quantidade, 0))::numeric(15, 2) as media_prosoluto,
    elt.fit_percent(100 * coalesce(por_mes.prosoluto, 0) / nullif(por_mes.valor, 0))
        ::numeric(7, 2) as percentual_prosoluto_sobre_venda,
    contas.conta
from contas
cross join meses
left join por_mes
    on por_mes.conta = contas.conta
    and por_mes.mes = meses.mes
