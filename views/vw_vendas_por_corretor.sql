-- Vendas dos últimos 12 meses por corretor: uma linha por número de corretor, porque nomes se repetem.
-- @column corretor                  nome do corretor na venda mais nova
-- @column time_corretor             time do corretor na venda mais nova
-- @column quantidade_vendas         quantidade de vendas
-- @column valor_total_vendas        soma dos valores das vendas, em reais
-- @column ticket_medio              valor médio por venda, em reais
-- @column total_comissoes           soma das comissões, em reais
-- @column media_comissoes           comissão média das vendas com comissão, em reais
-- @column empreendimentos_vendidos  quantidade de empreendimentos com venda
-- @column corretor_id               número do corretor
-- @column conta                     conta da CV
with vendas as (
    select * from marts.vendas
),

recentes as (
    select
        vendas.conta,
        vendas.corretor_id,
        vendas.reserva_id,
        vendas.empreendimento_id,
        vendas.corretor,
        vendas.time_corretor,
        vendas.valor,
        vendas.comissao_valor,
        vendas.quantidade_comissoes,
        vendas.data_venda
    from vendas
    where vendas.corretor_id is not null
        and vendas.data_venda >= (elt.hoje() - interval '12 months')::date
        and vendas.data_venda <= elt.hoje()
),

por_corretor as (
    select
        recentes.conta,
        recentes.corretor_id,
        count(*) as quantidade,
        sum(recentes.valor) as valor,
        sum(recentes.comissao_valor) as comissoes,
        count(*) filter (where recentes.quantidade_comissoes > 0) as com_comissao,
        count(distinct recentes.empreendimento_id) as empreendimentos
    from recentes
    group by recentes.conta, recentes.corretor_id
),

mais_novas as (
    select distinct on (recentes.conta, recentes.corretor_id)
        recentes.conta,
        recentes.corretor_id,
        recentes.corretor,
        recentes.time_corretor
    from recentes
    order by
        recentes.conta,
        recentes.corretor_id,
        recentes.data_venda desc,
        recentes.reserva_id desc
)

select
    mais_novas.corretor,
    mais_novas.time_corretor,
    por_corretor.quantidade::integer as quantidade_vendas,
    elt.fit_sum(coalesce(por_corretor.valor, 0))::numeric(18, 2) as valor_total_vendas,
    (por_corretor.valor / por_corretor.quantidade)::numeric(15, 2) as ticket_medio,
    elt.fit_sum(coalesce(por_corretor.comissoes, 0))::numeric(18, 2) as total_comissoes,
    (por_corretor.comissoes / nullif(por_corretor.com_comissao, 0))::numeric(15, 2)
        as media_comissoes,
    por_corretor.empreendimentos::integer as empreendimentos_vendidos,
    por_corretor.corretor_id,
    por_corretor.conta
from por_corretor
inner join mais_novas
    on mais_novas.conta = por_corretor.conta
    and mais_novas.corretor_id = por_corretor.corretor_id
