-- Tipologias: uma linha por empreendimento e tipologia das suas unidades.
-- @key    conta, empreendimento_id, tipologia
-- @warn   references(empreendimento_id, marts.empreendimentos)
-- @column conta              conta da CV
-- @column empreendimento_id  número do empreendimento
-- @column tipologia          tipologia; texto vazio quando a unidade não tem
-- @column empreendimento     nome do empreendimento
-- @column total_unidades     quantidade de unidades
-- @column unidades_vendidas  quantidade de unidades na situação vendida
-- @column area_media         média da área privativa, em metros quadrados
-- @column area_minima        menor área privativa, em metros quadrados
-- @column area_maxima        maior área privativa, em metros quadrados
-- @column valor_medio        média do preço de tabela, em reais
with unidades as (
    select * from marts.unidades
),

empreendimentos as (
    select * from marts.empreendimentos
),

tipologias as (
    select
        unidades.conta,
        unidades.empreendimento_id,
        coalesce(unidades.tipologia, '') as tipologia,
        count(*) as total_unidades,
        count(*) filter (where unidades.situacao_codigo = 3) as unidades_vendidas,
        avg(unidades.area_privativa) as area_media,
        min(unidades.area_privativa) as area_minima,
        max(unidades.area_privativa) as area_maxima,
        avg(unidades.valor_tabela) as valor_medio
    from unidades
    where unidades.empreendimento_id is not null
    group by unidades.conta, unidades.empreendimento_id, coalesce(unidades.tipologia, '')
)

select
    tipologias.conta,
    tipologias.empreendimento_id,
    tipologias.tipologia,
    empreendimentos.empreendimento,
    tipologias.total_unidades::integer as total_unidades,
    tipologias.unidades_vendidas::integer as unidades_vendidas,
    tipologias.area_media::numeric(12, 2) as area_media,
    tipologias.area_minima::numeric(12, 2) as area_minima,
    tipologias.area_maxima::numeric(12, 2) as area_maxima,
    tipologias.valor_medio::numeric(15, 2) as valor_medio
from tipologias
left join empreendimentos
    on empreendimentos.conta = tipologias.conta
    and empreendimentos.empreendimento_id = tipologias.empreendimento_id
