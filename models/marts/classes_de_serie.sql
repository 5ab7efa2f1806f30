-- Classes: em que classe o mapa series.csv põe cada texto de série das condições de pagamento.
-- Vale o prefixo mais longo que termina no fim de uma palavra.
-- @key    conta, serie
-- @test   accepted(classe, entrada, parcelas, financiamento, fgts, subsidio, fora_do_preco, nao_classificada)
-- @column conta    conta da CV
-- @column serie    texto da série, como veio
-- @column classe   entrada, parcelas, financiamento, fgts, subsidio, fora_do_preco ou nao_classificada
-- @column prefixo  prefixo do mapa que decidiu
-- @column origem   mapa que decidiu: cliente ou padrao
with condicoes as (
    select * from staging.reservas_condicoes
),

mapa as (
    select * from seeds.series
),

textos as (
    select distinct
        condicoes.conta,
        condicoes.serie
    from condicoes
    where condicoes.serie is not null
),

dobrados as (
    select
        textos.conta,
        textos.serie,
        elt.fold(textos.serie) as texto
    from textos
),

-- Ordem: a própria conta, depois as linhas do cliente para todas, depois as de fábrica.
regras as (
    select
        coalesce(mapa.conta, '*') as conta,
        elt.fold(mapa.prefixo) as prefixo,
        elt.fold(mapa.classe) as classe,
        mapa.origem,
        case
            when mapa.origem = 'padrao' then 3
            when coalesce(mapa.conta, '*') = '*' then 2
            else 1
        end as ordem
    from mapa
    where elt.fold(mapa.prefixo) <> '' and elt.fold(mapa.classe) <> ''
)

select distinct on (dobrados.conta, dobrados.serie)
    dobrados.conta,
    dobrados.serie,
    coalesce(regras.classe, 'nao_classificada') as classe,
    regras.prefixo,
    regras.origem
from dobrados
left join regras
    on regras.conta in (dobrados.conta, '*')
    and starts_with(dobrados.texto, regras.prefixo)
    and substr(dobrados.texto, length(regras.prefixo) + 1, 1) !~ '[[:alnum:]]'
order by
    dobrados.conta,
    dobrados.serie,
    regras.ordem,
    length(regras.prefixo) desc,
    regras.classe
