-- Valores das reservas: uma linha por reserva, com o valor e a sua composição pelas condições de
-- pagamento ativas.
-- @key    conta, reserva_id
-- @test   references(reserva_id, marts.reservas)
-- @warn   check(valor >= 0)
-- @column conta                   conta da CV
-- @column reserva_id              número da reserva
-- @column valor                   valor do contrato, em reais; se for zero, financiamento + subsídio + FGTS da reserva
-- @column valor_entrada           soma das condições da classe entrada, em reais
-- @column valor_parcelas          soma das condições da classe parcelas, em reais
-- @column valor_financiamento     soma das condições de financiamento, senão o campo da reserva, em reais
-- @column valor_fgts              soma das condições de FGTS, senão o campo da reserva, em reais
-- @column valor_subsidio          soma das condições de subsídio, senão o campo da reserva, em reais
-- @column valor_fora_do_preco     soma das condições que não fazem parte do preço, em reais
-- @column valor_nao_classificado  soma das condições cuja série nenhum mapa conhece, em reais
-- @column numero_parcelas         quantidade de parcelas das classes entrada e parcelas
-- @column condicoes_ativas        quantidade de condições ativas, de qualquer classe
with reservas as (
    select * from staging.reservas
),

condicoes as (
    select * from marts.condicoes
),

somas as (
    select
        condicoes.conta,
        condicoes.reserva_id,
        sum(condicoes.valor_total) filter (where condicoes.classe = 'entrada') as entrada,
        sum(condicoes.valor_total) filter (where condicoes.classe = 'parcelas') as parcelas,
        sum(condicoes.valor_total) filter (where condicoes.classe = 'financiamento')
            as financiamento,
        sum(condicoes.valor_total) filter (where condicoes.classe = 'fgts') as fgts,
        sum(condicoes.valor_total) filter (where condicoes.classe = 'subsidio') as subsidio,
        sum(condicoes.valor_total) filter (where condicoes.classe = 'fora_do_preco')
            as fora_do_preco,
        sum(condicoes.valor_total) filter (where condicoes.classe = 'nao_classificada')
            as nao_classificado,
        sum(condicoes.quantidade_parcelas) filter (
            where condicoes.classe in ('entrada', 'parcelas')
        ) as numero_parcelas,
        count(*) as condicoes_ativas,
        bool_or(condicoes.classe = 'financiamento') as tem_financiamento,
        bool_or(condicoes.classe = 'fgts') as tem_fgts,
        bool_or(condicoes.classe = 'subsidio') as tem_subsidio
    from condicoes
    where condicoes.ativo = 'S'
    group by condicoes.conta, condicoes.reserva_id
),

valores as (
    select
        reservas.conta,
        reservas.reserva_id,
        case
            when coalesce(reservas.valor_contrato, 0) <> 0 then reservas.valor_contrato
            else coalesce(
                nullif(
                    coalesce(reservas.valor_financiamento, 0)
                    + coalesce(reservas.valor_subsidio, 0)
                    + coalesce(reservas.valor_fgts, 0),
                    0
                ),
                reservas.valor_contrato
            )
        end as valor,
        coalesce(somas.entrada, 0) as entrada,
        coalesce(somas.parcelas, 0) as parcelas,
        case
            when somas.tem_financiamento then coalesce(somas.financiamento, 0)
            else coalesce(reservas.valor_financiamento, 0)
        end as financiamento,
        case
            when somas.tem_fgts then coalesce(somas.fgts, 0)
            else coalesce(reservas.valor_fgts, 0)
        end as fgts,
        case
            when somas.tem_subsidio then coalesce(somas.subsidio, 0)
            else coalesce(reservas.valor_subsidio, 0)
        end as subsidio,
        coalesce(somas.fora_do_preco, 0) as fora_do_preco,
        coalesce(somas.nao_classificado, 0) as nao_classificado,
        coalesce(somas.numero_parcelas, 0) as numero_parcelas,
        coalesce(somas.condicoes_ativas, 0) as condicoes_ativas
    from reservas
    left join somas
        on somas.conta = reservas.conta
        and somas.reserva_id = reservas.reserva_id
    where reservas.reserva_id is not null
)

select
    valores.conta,
    valores.reserva_id,
    elt.fit_money(valores.valor)::numeric(15, 2) as valor,
    elt.fit_money(valores.entrada)::numeric(15, 2) as valor_entrada,
    elt.fit_money(valores.parcelas)::numeric(15, 2) as valor_parcelas,
    elt.fit_money(valores.financiamento)::numeric(15, 2) as valor_financiamento,
    elt.fit_money(valores.fgts)::numeric(15, 2) as valor_fgts,
    elt.fit_money(valores.subsidio)::numeric(15, 2) as valor_subsidio,
    elt.fit_money(valores.fora_do_preco)::numeric(15, 2) as valor_fora_do_preco,
    elt.fit_money(valores.nao_classificado)::numeric(15, 2) as valor_nao_classificado,
    elt.fit_integer(valores.numero_parcelas) as numero_parcelas,
    valores.condicoes_ativas::integer as condicoes_ativas
from valores
