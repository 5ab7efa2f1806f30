-- Condições de pagamento das reservas, tipadas: uma linha por condição, na versão mais nova.
-- @build  table
-- @key    conta, chave
-- @index  conta, condicao_id
-- @index  conta, reserva_id
-- @fresh  warn 12h, error 2d
-- @warn   lossless(condicao_id, idreservascondicoes)
-- @warn   lossless(reserva_id, idreserva)
-- @warn   lossless(serie_id, idserie)
-- @warn   lossless(quantidade_parcelas, parcela_quantidade)
-- @warn   lossless(valor, valor)
-- @warn   lossless(valor_com_juros, valor_com_juros)
-- @warn   lossless(vencimento, vencimento)
-- @warn   lossless(data_modificacao, data_modificacao)
-- @warn   lossless(referencia_data, referencia_data)
select
    l.conta,
    l.chave,
    elt.as_bigint(r.idreservascondicoes) as condicao_id,
    elt.as_bigint(r.idreserva) as reserva_id,
    elt.as_bigint(r.idserie) as serie_id,
    elt.as_text(r.serie) as serie,
    elt.as_text(r.portador) as portador,
    elt.as_text(r.indexador) as indexador,
    elt.as_text(r.ativo) as ativo,
    elt.as_integer(r.parcela_quantidade) as quantidade_parcelas,
    elt.as_money(r.valor)::numeric(15, 2) as valor,
    elt.as_money(r.valor_com_juros)::numeric(15, 2) as valor_com_juros,
    elt.as_date(r.vencimento) as vencimento,
    elt.as_timestamp(r.data_modificacao) as data_modificacao,
    elt.as_timestamp(r.referencia_data) as referencia_data
from landing.reservas_condicoes_atual as l
cross join lateral jsonb_to_record(l.payload) as r(
    idreservascondicoes text,
    idreserva text,
    idserie text,
    serie text,
    portador text,
    indexador text,
    ativo text,
    parcela_quantidade text,
    valor text,
    valor_com_juros text,
    vencimento text,
    data_modificacao text,
    referencia_data text
)
