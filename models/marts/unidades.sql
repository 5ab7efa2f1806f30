-- Unidades: uma linha por unidade, com a situação no mapa de disponibilidade e a venda que está de pé.
-- @key    conta, unidade_id
-- @index  conta, empreendimento_id
-- @warn   accepted(situacao_codigo, 1, 2, 3, 4, 5)
-- @warn   references(reserva_id, marts.reservas)
-- @warn   check(valor_tabela >= 0)
-- @column conta              conta da CV
-- @column unidade_id         número da unidade
-- @column empreendimento_id  número do empreendimento
-- @column empreendimento     nome do empreendimento
-- @column etapa              etapa do empreendimento
-- @column bloco              bloco ou torre
-- @column unidade            nome da unidade
-- @column andar              andar
-- @column tipologia          tipologia
-- @column tipo               tipo da unidade
-- @column area_privativa     área privativa, em metros quadrados
-- @column vagas              vagas de garagem, como a CVDW as descreve
-- @column valor_tabela       preço de tabela, em reais
-- @column situacao_codigo    código no mapa de disponibilidade: 1 a 5
-- @column situacao           disponivel, reservada, vendida, bloqueada ou em_processo
-- @column reserva_id         reserva da venda que está de pé, senão a reserva em aberto
-- @column data_venda         dia da venda que está de pé
-- @column data_entrega       dia da entrega
-- @column atualizado_em      instante da última alteração na CV
-- @column primeira_venda     dia da venda de pé mais antiga: desde então a unidade está fora da oferta
with unidades as not materialized (
    select * from staging.unidades
),

reservas as not materialized (
    select * from marts.reservas
),

vendas as (
    select distinct on (reservas.conta, reservas.unidade_id)
        reservas.conta,
        reservas.unidade_id,
        reservas.reserva_id,
        reservas.data_venda,
        min(reservas.data_venda) over (partition by reservas.conta, reservas.unidade_id)
            as primeira_venda
    from reservas
    where reservas.eh_venda and reservas.unidade_id is not null
    order by
        reservas.conta,
        reservas.unidade_id,
        reservas.data_venda desc,
        reservas.reserva_id desc
),

-- Em aberto: ativa, sem venda, nem distrato nem cancelada. Havendo várias, a que a própria unidade
-- indica, senão a mais nova.
em_aberto as (
    select distinct on (reservas.conta, reservas.unidade_id)
        reservas.conta,
        reservas.unidade_id,
        reservas.reserva_id
    from reservas
    left join unidades
        on unidades.conta = reservas.conta
        and unidades.unidade_id = reservas.unidade_id
        and unidades.reserva_viva_id = reservas.reserva_id
    where reservas.ativo = 'S'
        and reservas.estagio is null
        and reservas.data_venda is null
        and reservas.unidade_id is not null
    order by
        reservas.conta,
        reservas.unidade_id,
        unidades.unidade_id is not null desc,
        reservas.data_reserva desc nulls last,
        reservas.reserva_id desc
)

select
    unidades.conta,
    unidades.unidade_id,
    unidades.empreendimento_id,
    unidades.empreendimento,
    unidades.etapa,
    unidades.bloco,
    unidades.unidade,
    unidades.andar,
    unidades.tipologia,
    unidades.tipo,
    unidades.area_privativa,
    unidades.vagas,
    unidades.valor_tabela,
    unidades.situacao_codigo,
    case unidades.situacao_codigo
        when 1 then 'disponivel'
        when 2 then 'reservada'
        when 3 then 'vendida'
        when 4 then 'bloqueada'
        when 5 then 'em_processo'
    end as situacao,
    coalesce(vendas.reserva_id, em_aberto.reserva_id) as reserva_id,
    vendas.data_venda,
    unidades.data_entrega,
    unidades.atualizado_em,
    vendas.primeira_venda
from unidades
left join vendas
    on vendas.conta = unidades.conta
    and vendas.unidade_id = unidades.unidade_id
left join em_aberto
    on em_aberto.conta = unidades.conta
    and em_aberto.unidade_id = unidades.unidade_id
where unidades.unidade_id is not null
