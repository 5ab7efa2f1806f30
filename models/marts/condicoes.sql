-- Condições de pagamento: uma linha por condição de uma reserva, ativa ou não, com a classe da série
-- e o valor total pela leitura da conta.
-- @key    conta, condicao_id
-- @index  conta, reserva_id
-- @index  conta, classe
-- @warn   references(reserva_id, marts.reservas)
-- @warn   accepted(ativo, S, N)
-- @warn   check(classe <> 'nao_classificada')
-- @column conta                conta da CV
-- @column condicao_id          número da condição
-- @column reserva_id           número da reserva
-- @column serie                série de pagamento, como a conta a chama
-- @column classe               entrada, parcelas, financiamento, fgts, subsidio, fora_do_preco ou nao_classificada
-- @column ativo                S ou N: só as linhas S contam em somas
-- @column quantidade_parcelas  quantidade de parcelas da condição
-- @column valor                campo valor da CVDW, em reais: uma parcela ou a linha inteira, conforme a conta
-- @column valor_parcela        valor de uma parcela, em reais
-- @column valor_total          valor da linha inteira, em reais
-- @column valor_com_juros      valor com juros, em reais
-- @column portador             portador
-- @column indexador            indexador de correção
-- @column vencimento           dia do primeiro vencimento
-- @column atualizado_em        instante da última alteração na CV
with condicoes as (
    select * from staging.reservas_condicoes
),

classes as (
    select * from marts.classes_de_serie
),

leituras as (
    select * from marts.leitura_condicoes
),

lidas as (
    select
        condicoes.*,
        coalesce(classes.classe, 'nao_classificada') as classe,
        coalesce(leituras.leitura, 'total') as leitura,
        coalesce(condicoes.quantidade_parcelas, 1) as quantidade
    from condicoes
    left join classes
        on classes.conta = condicoes.conta
        and classes.serie = condicoes.serie
    left join leituras
        on leituras.conta = condicoes.conta
    where condicoes.condicao_id is not null
)

select
    lidas.conta,
    lidas.condicao_id,
    lidas.reserva_id,
    lidas.serie,
    lidas.classe,
    lidas.ativo,
    lidas.quantidade_parcelas,
    lidas.valor,
    case
        when lidas.leitura = 'parcela' then lidas.valor
        else (lidas.valor / nullif(lidas.quantidade, 0))::numeric(15, 2)
    end as valor_parcela,
    case
        when lidas.leitura = 'total' then lidas.valor
        when abs(lidas.valor * lidas.quantidade) < 9999999999999.995
            then (lidas.valor * lidas.quantidade)::numeric(15, 2)
    end::numeric(15, 2) as valor_total,
    lidas.valor_com_juros,
    lidas.portador,
    lidas.indexador,
    lidas.vencimento,
    coalesce(lidas.data_modificacao, lidas.referencia_data) as atualizado_em
from lidas
