-- Repasses do financiamento bancário, tipados: uma linha por repasse, na versão mais nova.
-- @build  table
-- @key    conta, chave
-- @index  conta, repasse_id
-- @fresh  warn 12h, error 2d
-- @warn   lossless(repasse_id, idrepasse)
-- @warn   lossless(reserva_id, idreserva)
-- @warn   lossless(reserva, reserva)
-- @warn   lossless(empreendimento_id, idempreendimento)
-- @warn   lossless(unidade_id, idunidade)
-- @warn   lossless(valor_previsto, valor_previsto)
-- @warn   lossless(valor_financiado, valor_financiado)
-- @warn   lossless(valor_subsidio, valor_subsidio)
-- @warn   lossless(valor_fgts, valor_fgts)
-- @warn   lossless(saldo_devedor, saldo_devedor)
-- @warn   lossless(data_assinatura, data_assinatura_de_contrato)
-- @warn   lossless(data_registro, data_registro)
-- @warn   lossless(data_recurso_liberado, data_recurso_liberado)
-- @warn   lossless(data_modificacao, data_modificacao)
-- @warn   lossless(referencia_data, referencia_data)
select
    l.conta,
    l.chave,
    elt.as_bigint(r.idrepasse) as repasse_id,
    elt.as_bigint(r.idreserva) as reserva_id,
    elt.as_bigint(r.reserva) as reserva,
    elt.as_bigint(r.idempreendimento) as empreendimento_id,
    elt.as_bigint(r.idunidade) as unidade_id,
    elt.as_text(r.empreendimento) as empreendimento,
    elt.as_text(r.unidade) as unidade,
    elt.as_text(r.situacao) as situacao,
    elt.as_text(r.banco) as banco,
    elt.as_text(r.ativo) as ativo,
    elt.as_money(r.valor_previsto)::numeric(15, 2) as valor_previsto,
    elt.as_money(r.valor_financiado)::numeric(15, 2) as valor_financiado,
    elt.as_money(r.valor_subsidio)::numeric(15, 2) as valor_subsidio,
    elt.as_money(r.valor_fgts)::numeric(15, 2) as valor_fgts,
    elt.as_money(r.saldo_devedor)::numeric(15, 2) as saldo_devedor,
    elt.as_date(r.data_assinatura_de_contrato) as data_assinatura,
    elt.as_date(r.data_registro) as data_registro,
    elt.as_date(r.data_recurso_liberado) as data_recurso_liberado,
    elt.as_timestamp(r.data_modificacao) as data_modificacao,
    elt.as_timestamp(r.referencia_data) as referencia_data
from landing.repasses_atual as l
cross join lateral jsonb_to_record(l.payload) as r(
    idrepasse text,
    idreserva text,
    reserva text,
    idempreendimento text,
    idunidade text,
    empreendimento text,
    unidade text,
    situacao text,
    banco text,
    ativo text,
    valor_previsto text,
    valor_financiado text,
    valor_subsidio text,
    valor_fgts text,
    saldo_devedor text,
    data_assinatura_de_contrato text,
    data_registro text,
    data_recurso_liberado text,
    data_modificacao text,
    referencia_data text
)
