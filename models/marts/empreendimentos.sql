-- Empreendimentos: uma linha por empreendimento que aparece nas unidades ou nas reservas; a CVDW não
-- tem um cadastro deles.
-- @key    conta, empreendimento_id
-- @column conta                 conta da CV
-- @column empreendimento_id     número do empreendimento
-- @column empreendimento        nome nas unidades, senão na reserva mais nova
-- @column tipo                  tipo do empreendimento
-- @column total_unidades        quantidade de unidades
-- @column unidades_disponiveis  quantidade de unidades na situação disponivel
-- @column unidades_vendidas     quantidade de unidades na situação vendida
-- @column vgv_tabela            soma dos preços de tabela das unidades, em reais
-- @column valor_vendido         soma dos valores das vendas de pé, em reais
with unidades as (
    select * from staging.unidades
),

reservas as (
    select * from marts.reservas
),

vendas as (
    select * from marts.vendas
),

nas_unidades as (
    select
        unidades.conta,
        unidades.empreendimento_id,
        (
            array_agg(
                unidades.empreendimento
                order by unidades.atualizado_em desc nulls last, unidades.unidade_id desc
            ) filter (where unidades.empreendimento is not null)
        )[1] as empreendimento,
        (
            array_agg(
                unidades.tipo_empreendimento
                order by unidades.atualizado_em desc nulls last, unidades.unidade_id desc
            ) filter (where unidades.tipo_empreendimento is not null)
        )[1] as tipo,
        count(*) as total_unidades,
        count(*) filter (where unidades.situacao_codigo = 1) as unidades_disponiveis,
        count(*) filter (where unidades.situacao_codigo = 3) as unidades_vendidas,
        coalesce(sum(unidades.valor_tabela), 0) as vgv_tabela
    from unidades
    where unidades.unidade_id is not null and unidades.empreendimento_id is not null
    group by unidades.conta, unidades.empreendimento_id
),

-- Só dos empreendimentos que as unidades não têm ou não nomeiam: ordenar todas as reservas custa.
nas_reservas as (
    select distinct on (reservas.conta, reservas.empreendimento_id)
        reservas.conta,
        reservas.empreendimento_id,
        reservas.empreendimento
    from reservas
    where reservas.empreendimento_id is not null
        and not exists (
            select
            from nas_unidades
            where nas_unidades.conta = reservas.conta
                and nas_unidades.empreendimento_id = reservas.empreendimento_id
                and nas_unidades.empreendimento is not null
        )
    order by
        reservas.conta,
        reservas.empreendimento_id,
        reservas.empreendimento is null,
        reservas.data_reserva desc nulls last,
        reservas.reserva_id desc
),

vendido as (
    select
        vendas.conta,
        vendas.empreendimento_id,
        sum(vendas.valor) as valor
    from vendas
    group by vendas.conta, vendas.empreendimento_id
),

empreendimentos as (
    select
        coalesce(nas_unidades.conta, nas_reservas.conta) as conta,
        coalesce(nas_unidades.empreendimento_id, nas_reservas.empreendimento_id)
            as empreendimento_id,
        coalesce(nas_unidades.empreendimento, nas_reservas.empreendimento) as empreendimento,
        nas_unidades.tipo,
        coalesce(nas_unidades.total_unidades, 0) as total_unidades,
        coalesce(nas_unidades.unidades_disponiveis, 0) as unidades_disponiveis,
        coalesce(nas_unidades.unidades_vendidas, 0) as unidades_vendidas,
        coalesce(nas_unidades.vgv_tabela, 0) as vgv_tabela
    from nas_unidades
    full join nas_reservas
        on nas_reservas.conta = nas_unidades.conta
        and nas_reservas.empreendimento_id = nas_unidades.empreendimento_id
)

select
    empreendimentos.conta,
    empreendimentos.empreendimento_id,
    empreendimentos.empreendimento,
    empreendimentos.tipo,
    empreendimentos.total_unidades::integer as total_unidades,
    empreendimentos.unidades_disponiveis::integer as unidades_disponiveis,
    empreendimentos.unidades_vendidas::integer as unidades_vendidas,
    elt.fit_sum(empreendimentos.vgv_tabela)::numeric(18, 2) as vgv_tabela,
    elt.fit_sum(coalesce(vendido.valor, 0))::numeric(18, 2) as valor_vendido
from empreendimentos
left join vendido
    on vendido.conta = empreendimentos.conta
    and vendido.empreendimento_id = empreendimentos.empreendimento_id
