-- Vendas dos últimos 12 meses por time de corretores.
-- @column time_corretor             time do corretor; Sem Time quando não há
-- @column quantidade_vendas         quantidade de vendas
-- @column valor_total_vendas        soma dos valores das vendas, em reais
-- @column ticket_medio              valor médio por venda, em reais
-- @column total_comissoes           soma das comissões, em reais
-- @column media_comissoes           comissão média das vendas com comissão, em reais
-- @column total_corretores          quantidade de corretores com venda
-- @column empreendimentos_vendidos  quantidade de empreendimentos com venda
-- @column conta                     conta da CV
with vendas as (
    select * from marts.vendas
)

select
    coalesce(vendas.time_corretor, 'Sem Time') as time_corretor,
    count(*)::integer as quantidade_vendas,
    elt.fit_sum(coalesce(sum(vendas.valor), 0))::numeric(18, 2) as valor_total_vendas,
    (sum(vendas.valor) / count(*))::numeric(15, 2) as ticket_medio,
    elt.fit_sum(coalesce(sum(vendas.comissao_valor), 0))::numeric(18, 2) as total_comissoes,
    (
        sum(vendas.comissao_valor)
        / nullif(count(*) filter (where vendas.quantidade_comissoes > 0), 0)
    )::numeric(15, 2) as media_comissoes,
    count(distinct vendas.corretor_id)::integer as total_corretores,
    count(distinct vendas.empreendimento_id)::integer as empreendimentos_vendidos,
    vendas.conta
from vendas
where vendas.data_venda >= (elt.hoje() - interval '12 months')::date
    and vendas.data_venda <= elt.hoje()
group by vendas.conta, coalesce(vendas.time_corretor, 'Sem Time')
