-- Vendas sobre oferta (VSO) por mês: o mês atual e os 11 anteriores, também os meses sem venda.
-- Em oferta: as unidades não bloqueadas que não tinham venda antes do primeiro dia do mês.
-- @column mes                     primeiro dia do mês
-- @column quantidade_vendas       quantidade de vendas do mês
-- @column vso_valor               soma dos valores das vendas do mês, em reais
-- @column vso_ticket_medio        valor médio por venda, em reais
-- @column vso_por_empreendimento  valor médio por empreendimento com venda, em reais
-- @column oferta                  quantidade de unidades em oferta no começo do mês
-- @column vso_percentual          vendas do mês com unidade sobre a oferta: 12,50 = 12,5 %
-- @column conta                   conta da CV
with contas as (
    select * from marts.contas
),

vendas as (
    select * from marts.vendas
),

unidades as (
    select * from marts.unidades
),

meses as (
    select
        (date_trunc('month', elt.hoje()::timestamp) - atras * interval '1 month')::date as mes
    from generate_series(0, 11) as atras
),

-- Agrupa antes por empreendimento: count(distinct) ordenaria todas as vendas.
por_empreendimento as (
    select
        vendas.conta,
        date_trunc('month', vendas.data_venda::timestamp)::date as mes,
        vendas.empreendimento_id,
        count(*) as quantidade,
        count(vendas.unidade_id) as com_unidade,
        sum(vendas.valor) as valor
    from vendas
    where vendas.data_venda
            >= (date_trunc('month', elt.hoje()::timestamp) - interval '11 months')::date
        and vendas.data_venda <= elt.hoje()
    group by
        vendas.conta,
        date_trunc('month', vendas.data_venda::timestamp)::date,
        vendas.empreendimento_id
),

por_mes as (
    select
        por_empreendimento.conta,
        por_empreendimento.mes,
        sum(por_empreendimento.quantidade) as quantidade,
        sum(por_empreendimento.com_unidade) as com_unidade,
        sum(por_empreendimento.valor) as valor,
        count(por_empreendimento.empreendimento_id) as empreendimentos
    from por_empreendimento
    group by por_empreendimento.conta, por_empreendimento.mes
),

-- Quantas unidades saíram da oferta em cada mês: poucas linhas, em vez de unidades × meses. Sem venda
-- de pé, o mês é vazio e a unidade está em oferta sempre.
saidas as (
    select
        unidades.conta,
        date_trunc('month', unidades.primeira_venda::timestamp)::date as mes,
        count(*) as quantidade
    from unidades
    where unidades.situacao_codigo is distinct from 4
    group by unidades.conta, date_trunc('month', unidades.primeira_venda::timestamp)::date
),

ofertas as (
    select
        saidas.conta,
        meses.mes,
        sum(saidas.quantidade) as oferta
    from saidas
    cross join meses
    where saidas.mes is null or saidas.mes >= meses.mes
    group by saidas.conta, meses.mes
)

select
    meses.mes,
    coalesce(por_mes.quantidade, 0)::integer as quantidade_vendas,
    elt.fit_sum(coalesce(por_mes.valor, 0))::numeric(18, 2) as vso_valor,
    (por_mes.valor / por_mes.quantidade)::numeric(15, 2) as vso_ticket_medio,
    elt.fit_money(por_mes.valor / nullif(por_mes.empreendimentos, 0))::numeric(15, 2)
        as vso_por_empreendimento,
    coalesce(ofertas.oferta, 0)::integer as oferta,
    elt.fit_percent(100.0 * coalesce(por_mes.com_unidade, 0) / nullif(ofertas.oferta, 0))
        ::numeric(7, 2) as vso_percentual,
    contas.conta
from contas
cross join meses
left join por_mes
    on por_mes.conta = contas.conta
    and por_mes.mes = meses.mes
left join ofertas
    on ofertas.conta = contas.conta
    and ofertas.mes = meses.mes
