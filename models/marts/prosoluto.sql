-- Pró-soluto: uma linha por venda de pé em que o cliente paga algo direto à incorporadora em parcelas.
-- @key    conta, reserva_id
-- @index  data_venda
-- @test   references(reserva_id, marts.vendas)
-- @test   check(valor_prosoluto > 0)
-- @warn   check(percentual_prosoluto <= 100)
-- @column conta                 conta da CV
-- @column reserva_id            número da reserva
-- @column empreendimento_id     número do empreendimento
-- @column empreendimento        nome do empreendimento
-- @column corretor_id           número do corretor
-- @column corretor              nome do corretor
-- @column valor_venda           valor da venda, em reais
-- @column valor_prosoluto       pró-soluto, em reais
-- @column percentual_prosoluto  pró-soluto sobre o valor da venda: 12,50 = 12,5 %
-- @column origem                condicoes: somado das condições; diferenca: valor menos os recursos de terceiros
-- @column numero_parcelas       quantidade de parcelas das classes entrada e parcelas
-- @column data_venda            dia da venda
with vendas as (
    select * from marts.vendas
)

select
    vendas.conta,
    vendas.reserva_id,
    vendas.empreendimento_id,
    vendas.empreendimento,
    vendas.corretor_id,
    vendas.corretor,
    vendas.valor as valor_venda,
    vendas.valor_prosoluto,
    elt.fit_percent(100 * vendas.valor_prosoluto / nullif(vendas.valor, 0))::numeric(7, 2)
        as percentual_prosoluto,
    vendas.prosoluto_origem as origem,
    vendas.numero_parcelas,
    vendas.data_venda
from vendas
where vendas.valor_prosoluto > 0
