-- Vendas por mês: o mês atual e os 23 anteriores, também os meses sem venda.
-- @column mes                 primeiro dia do mês
-- @column ano                 ano
-- @column mes_numero          número do mês, de 1 a 12
-- @column quantidade_vendas   quantidade de vendas do mês
-- @column valor_total_vendas  soma dos valores das vendas, em reais
-- @column ticket_medio        valor médio por venda, em reais
-- @column vgv_total           valor geral de venda do mês, em reais
-- @column total_comissoes     soma das comissões, em reais
-- @column media_comissoes     comissão média das vendas com comissão, em reais
-- @column conta               conta da CV
with contas as (
    select * from marts.contas
),

vendas as (
    select * from marts.vendas
),

meses as (
    select
        (date_trunc('month', elt.hoje()::timestamp) - atras * interval '1 month')::date as mes
    from generate_series(0, 23) as atras
),

por_mes as (
    select
        vendas.conta,
        date_trunc('month', vendas.data_venda::timestamp)::date as mes,
        count(*) as quantidade,
        sum(vendas.valor) as valor,
        sum(vendas.vgv) as vgv,
        sum(vendas.comissao_valor) as comissoes,
        count(*) filter (where vendas.quantidade_comissoes > 0) as com_comissao
    from vendas
    where vendas.data_venda
            >= (date_trunc('month', elt.hoje()::timestamp) - interval '23 months')::date
        and vendas.data_venda <= elt.hoje()
    group by vendas.conta, date_trunc('month', vendas.data_venda::timestamp)::date
)

select
    meses.mes,
    extract(year from meses.mes)::integer as ano,
    extract(month from meses.mes)::integer as mes_numero,
    coalesce(por_mes.quantidade, 0)::integer as quantidade_vendas,
    elt.fit_sum(coalesce(por_mes.valor, 0))::numeric(18, 2) as valor_total_vendas,
    (por_mes.valor / por_mes.quantidade)::numeric(15, 2) as ticket_medio,
    elt.fit_sum(coalesce(por_mes.vgv, 0))::numeric(18, 2) as vgv_total,
    elt.fit_sum(coalesce(por_mes.comissoes, 0))::numeric(18, 2) as total_comissoes,
    (por_mes.comissoes / nullif(por_mes.com_comissao, 0))::numeric(15, 2) as media_comissoes,
    contas.conta
from contas
cross join meses
left join por_mes
    on por_mes.conta = contas.conta
    and por_mes.mes = meses.mes
