-- Leitura das condições: o campo valor de uma condição é uma parcela ou a linha inteira? A CVDW não
-- diz. Para cada conta, compara as duas somas com o valor de contrato das vendas; a mais próxima
-- vence. Com menos de 20 vendas comparáveis, ou no empate, vale a linha inteira.
-- @key    conta
-- @test   accepted(leitura, total, parcela)
-- @test   check((select bool_and(m.leitura in ('total', 'parcela')) from seeds.leitura_condicoes as m) is not false)
-- @warn   check(least(diferenca_total, diferenca_parcela) <= 0.02 * valor_contratos)
-- @column conta              conta da CV
-- @column leitura            total: valor é a linha inteira; parcela: valor é uma parcela
-- @column forcada            a leitura vem do mapa leitura_condicoes.csv, não da medição
-- @column vendas_comparadas  vendas com valor de contrato e ao menos uma condição do preço
-- @column valor_contratos    soma dos valores de contrato dessas vendas, em reais
-- @column diferenca_total    soma das diferenças lendo valor como a linha inteira, em reais
-- @column diferenca_parcela  soma das diferenças lendo valor como uma parcela, em reais
with vendas as (
    select * from marts.leituras_por_reserva
),

mapa as (
    select * from seeds.leitura_condicoes
),

contas as (
    select * from marts.contas
),

medidas as (
    select
        vendas.conta,
        count(*) as vendas_comparadas,
        sum(vendas.valor_contrato) as valor_contratos,
        sum(vendas.diferenca_total) as diferenca_total,
        sum(vendas.diferenca_parcela) as diferenca_parcela
    from vendas
    group by vendas.conta
),

regras as (
    select
        coalesce(mapa.conta, '*') as conta,
        elt.fold(mapa.leitura) as leitura,
        case
            when mapa.origem = 'padrao' then 3
            when coalesce(mapa.conta, '*') = '*' then 2
            else 1
        end as ordem
    from mapa
    where elt.fold(mapa.leitura) in ('total', 'parcela')
)

select distinct on (contas.conta)
    contas.conta,
    coalesce(
        regras.leitura,
        case
            when medidas.vendas_comparadas >= 20
                and medidas.diferenca_parcela < medidas.diferenca_total
                then 'parcela'
            else 'total'
        end
    ) as leitura,
    regras.leitura is not null as forcada,
    coalesce(medidas.vendas_comparadas, 0)::integer as vendas_comparadas,
    elt.fit_sum(coalesce(medidas.valor_contratos, 0))::numeric(18, 2) as valor_contratos,
    elt.fit_sum(coalesce(medidas.diferenca_total, 0))::numeric(18, 2) as diferenca_total,
    elt.fit_sum(coalesce(medidas.diferenca_parcela, 0))::numeric(18, 2) as diferenca_parcela
from contas
left join medidas
    on medidas.conta = contas.conta
left join regras
    on regras.conta in (contas.conta, '*')
order by contas.conta, regras.ordem, regras.leitura
