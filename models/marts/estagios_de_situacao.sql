-- Estágios: em que estágio o mapa situacoes.csv põe cada texto de situação das reservas.
-- @key    conta, situacao
-- @test   accepted(estagio, distrato, cancelada)
-- @column conta     conta da CV
-- @column situacao  texto da situação, como veio
-- @column estagio   distrato ou cancelada; vazio quando nenhum mapa conhece a situação
-- @column origem    mapa que decidiu: cliente ou padrao
with reservas as (
    select * from staging.reservas
),

mapa as (
    select * from seeds.situacoes
),

textos as (
    select distinct
        reservas.conta,
        reservas.situacao
    from reservas
    where reservas.situacao is not null
),

-- Ordem: a própria conta, depois as linhas do cliente para todas, depois as de fábrica.
regras as (
    select
        coalesce(mapa.conta, '*') as conta,
        elt.fold(mapa.situacao) as situacao,
        elt.fold(mapa.estagio) as estagio,
        mapa.origem,
        case
            when mapa.origem = 'padrao' then 3
            when coalesce(mapa.conta, '*') = '*' then 2
            else 1
        end as ordem
    from mapa
    where elt.fold(mapa.situacao) <> '' and elt.fold(mapa.estagio) <> ''
)

select distinct on (textos.conta, textos.situacao)
    textos.conta,
    textos.situacao,
    regras.estagio,
    regras.origem
from textos
left join regras
    on regras.conta in (textos.conta, '*')
    and regras.situacao = elt.fold(textos.situacao)
order by textos.conta, textos.situacao, regras.ordem, regras.estagio
