-- Este ano e o passado: quantidade, valor e comissões das vendas, no ano inteiro e no mesmo período.
-- @column periodo                   Ano Atual ou Ano Passado
-- @column ano                       ano
-- @column quantidade_vendas         quantidade de vendas do ano até hoje
-- @column valor_total               soma dos valores das vendas, em reais
-- @column ticket_medio              valor médio por venda, em reais
-- @column total_comissoes           soma das comissões, em reais
-- @column media_comissoes           comissão média das vendas com comissão, em reais
-- @column quantidade_mesmo_periodo  quantidade de vendas até o dia e mês de hoje
-- @column valor_mesmo_periodo       soma dos valores das vendas até o dia e mês de hoje, em reais
-- @column conta                     conta da CV
with contas as (
    select * from marts.contas
),

vendas as (
    select * from marts.vendas
),

periodos as (
    select
        periodos.periodo,
        (extract(year from elt.hoje()) - periodos.anos_atras)::integer as ano
    from (values ('Ano Atual', 0), ('Ano Passado', 1)) as periodos (periodo, anos_atras)
),

-- O mesmo período: deste ano, tudo até hoje; do passado, até o mesmo dia, que o intervalo de um ano
-- acerta também em 29 de fevereiro.
recentes as (
    select
        vendas.conta,
        extract(year from vendas.data_venda)::integer as ano,
        vendas.valor,
        vendas.comissao_valor,
        vendas.quantidade_comissoes > 0 as com_comissao,
        vendas.data_venda >= date_trunc('year', elt.hoje()::timestamp)::date
            or vendas.data_venda <= (elt.hoje() - interval '1 year')::date as mesmo_periodo
    from vendas
    where vendas.data_venda >= (date_trunc('year', elt.hoje()::timestamp) - interval '1 year')::date
        and vendas.data_venda <= elt.hoje()
),

por_ano as (
    select
        recentes.conta,
        recentes.ano,
        count(*) as quantidade,
        sum(recentes.valor) as valor,
        sum(recentes.comissao_valor) as comissoes,
        count(*) filter (where recentes.com_comissao) as com_comissao,
        count(*) filter (where recentes.mesmo_periodo) as quantidade_mesmo_periodo,
        sum(recentes.valor) filter (where recentes.mesmo_periodo) as valor_mesmo_periodo
    from recentes
    group by recentes.conta, recentes.ano
)

select
    periodos.periodo,
    periodos.ano,
    coalesce(por_ano.quantidade, 0)::integer as quantidade_vendas,
    elt.fit_sum(coalesce(por_ano.valor, 0))::numeric(18, 2) as valor_total,
    (por_ano.valor / por_ano.quantidade)::numeric(15, 2) as ticket_medio,
    elt.fit_sum(coalesce(por_ano.comissoes, 0))::numeric(18, 2) as total_comissoes,
    (por_ano.comissoes / nullif(por_ano.com_comissao, 0))::numeric(15, 2) as media_comissoes,
    coalesce(por_ano.quantidade_mesmo_periodo, 0)::integer as quantidade_mesmo_periodo,
    elt.fit_sum(coalesce(por_ano.valor_mesmo_periodo, 0))::numeric(18, 2) as valor_mesmo_periodo,
    contas.conta
from contas
cross join periodos
left join por_ano
    on por_ano.conta = contas.conta
    and por_ano.ano = periodos.ano
