-- Tabela geral: uma linha por venda dos últimos 24 meses.
-- @column cvcrm_id              número da reserva
-- @column empreendimento        nome do empreendimento
-- @column corretor              nome do corretor
-- @column time_corretor         time do corretor
-- @column cliente               nome do cliente, mascarado (dado pessoal)
-- @column data_venda            dia da venda
-- @column valor                 valor da venda, em reais
-- @column valor_financiamento   financiamento, em reais
-- @column valor_entrada         entrada, em reais
-- @column numero_parcelas       quantidade de parcelas das classes entrada e parcelas
-- @column vgv                   valor geral de venda, em reais
-- @column comissao_valor        soma das comissões ativas, em reais
-- @column valor_prosoluto       pró-soluto, em reais
-- @column percentual_prosoluto  pró-soluto sobre o valor da venda: 12,50 = 12,5 %
-- @column status                situação da reserva, como a conta a chama
-- @column conta                 conta da CV
with vendas as (
    select * from marts.vendas
)

select
    vendas.reserva_id as cvcrm_id,
    vendas.empreendimento,
    vendas.corretor,
    vendas.time_corretor,
    vendas.cliente,
    vendas.data_venda,
    vendas.valor,
    vendas.valor_financiamento,
    vendas.valor_entrada,
    vendas.numero_parcelas,
    vendas.vgv,
    vendas.comissao_valor,
    vendas.valor_prosoluto,
    elt.fit_percent(100 * vendas.valor_prosoluto / nullif(vendas.valor, 0))::numeric(7, 2)
        as percentual_prosoluto,
    vendas.status,
    vendas.conta
from vendas
where vendas.data_venda >= (elt.hoje() - interval '24 months')::date
    and vendas.data_venda <= elt.hoje()
