-- Vendas dos últimos 12 meses por empreendimento, também os empreendimentos sem venda.
-- @column cvcrm_id            número do empreendimento
-- @column empreendimento      nome do empreendimento
-- @column quantidade_vendas   quantidade de vendas
-- @column valor_total_vendas  soma dos valores das vendas, em reais
-- @column ticket_medio        valor médio por venda, em reais
-- @column vgv_total           valor geral de venda, em reais
-- @column total_comissoes     soma das comissões, em reais
-- @column media_comissoes     comissão média das vendas com comissão, em reais
-- @column total_corretores    quantidade de corretores com venda
-- @column conta               conta da CV
with empreendimentos as (
    select * from marts.empreendimentos
),

vendas as (
    select * from marts.vendas
),

-- Agrupa antes por corretor: count(distinct) ordenaria todas as vendas.
por_corretor as (
    select
        vendas.conta,
        vendas.empreendimento_id,
        vendas.corretor_id,
        count(*) as quantidade,
        sum(vendas.valor) as valor,
        sum(vendas.vgv) as vgv,
        sum(vendas.comissao_valor) as comissoes,
        count(*) filter (where vendas.quantidade_comissoes > 0) as com_comissao
    from vendas
    where vendas.data_venda >= (elt.hoje() - interval '12 months')::date
        and vendas.data_venda <= elt.hoje()
    group by vendas.conta, vendas.empreendimento_id, vendas.corretor_id
),

por_empreendimento as (
    select
        por_corretor.conta,
        por_corretor.empreendimento_id,
        sum(por_corretor.quantidade) as quantidade,
        sum(por_corretor.valor) as valor,
        sum(por_corretor.vgv) as vgv,
        sum(por_corretor.comissoes) as comissoes,
        sum(por_corretor.com_comissao) as com_comissao,
        count(por_corretor.corretor_id) as corretores
    from por_corretor
    group by por_corretor.conta, por_corretor.empreendimento_id
)

select
    empreendimentos.empreendimento_id as cvcrm_id,
    empreendimentos.empreendimento,
    coalesce(por_empreendimento.quantidade, 0)::integer as quantidade_vendas,
    elt.fit_sum(coalesce(por_empreendimento.valor, 0))::numeric(18, 2) as valor_total_vendas,
    (por_empreendimento.valor / por_empreendimento.quantidade)::numeric(15, 2) as ticket_medio,
    elt.fit_sum(coalesce(por_empreendimento.vgv, 0))::numeric(18, 2) as vgv_total,
    elt.fit_sum(coalesce(por_empreendimento.comissoes, 0))::numeric(18, 2) as total_comissoes,
    (por_empreendimento.comissoes / nullif(por_empreendimento.com_comissao, 0))::numeric(15, 2)
        as media_comissoes,
    coalesce(por_empreendimento.corretores, 0)::integer as total_corretores,
    empreendimentos.conta
from empreendimentos
left join por_empreendimento
    on por_empreendimento.conta = empreendimentos.conta
    and por_empreendimento.empreendimento_id = empreendimentos.empreendimento_id
