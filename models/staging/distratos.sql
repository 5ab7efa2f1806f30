-- Distratos, tipados: uma linha por reserva desfeita, na versão mais nova.
-- @build  table
-- @key    conta, chave
-- @index  conta, reserva_id
-- @fresh  warn 12h, error 2d
-- @warn   lossless(reserva_id, idreserva)
-- @warn   lossless(empreendimento_id, idempreendimento)
-- @warn   lossless(unidade_id, idunidade)
-- @warn   lossless(corretor_id, idcorretor)
-- @warn   lossless(valor_contrato, valor_contrato)
-- @warn   lossless(situacao_data, situacao_data)
-- @warn   lossless(data_sincronizacao, data_sincronizacao)
-- @warn   lossless(data_cadastro, data_cad)
select
    l.conta,
    l.chave,
    elt.as_bigint(r.idreserva) as reserva_id,
    elt.as_bigint(r.idempreendimento) as empreendimento_id,
    elt.as_bigint(r.idunidade) as unidade_id,
    elt.as_bigint(r.idcorretor) as corretor_id,
    elt.as_text(r.empreendimento) as empreendimento,
    elt.as_text(r.unidade) as unidade,
    elt.as_text(r.corretor) as corretor,
    elt.as_text(r.motivo_distrato) as motivo,
    elt.as_text(r.situacao_atual) as situacao,
    elt.as_text(r.ativo) as ativo,
    elt.as_money(r.valor_contrato)::numeric(15, 2) as valor_contrato,
    elt.as_date(r.situacao_data) as situacao_data,
    elt.as_date(r.data_sincronizacao) as data_sincronizacao,
    elt.as_date(r.data_cad) as data_cadastro
from landing.distratos_atual as l
cross join lateral jsonb_to_record(l.payload) as r(
    idreserva text,
    idempreendimento text,
    idunidade text,
    idcorretor text,
    empreendimento text,
    unidade text,
    corretor text,
    motivo_distrato text,
    situacao_atual text,
    ativo text,
    valor_contrato text,
    situacao_data text,
    data_sincronizacao text,
    data_cad text
)
