-- A soma das vendas por mês, dos dois anos, é a mesma da tabela geral no mesmo período.
-- @test
with mensais as (
    select
        mensais.conta,
        sum(mensais.quantidade_vendas) as quantidade,
        sum(mensais.valor_total_vendas) as valor
    from marts.vw_vendas_mensais as mensais
    group by mensais.conta
),

vendas as (
    select
        vendas.conta,
        count(*) as quantidade,
        coalesce(sum(vendas.valor), 0) as valor
    from marts.vendas as vendas
    where vendas.data_venda
            >= (date_trunc('month', elt.hoje()::timestamp) - interval '23 months')::date
        and vendas.data_venda <= elt.hoje()
    group by vendas.conta
)

select
    mensais.conta,
    mensais.quantidade,
    vendas.quantidade as quantidade_em_vendas,
    mensais.valor,
    vendas.valor as valor_em_vendas
from mensais
left join vendas on vendas.conta = mensais.conta
where mensais.quantidade <> coalesce(vendas.quantidade, 0)
    or mensais.valor <> coalesce(vendas.valor, 0)
