-- Atendimentos, tipados: uma linha por atendimento, na versão mais nova.
-- @build  table
-- @key    conta, chave
-- @index  conta, atendimento_id
-- @fresh  warn 1d, error 4d
-- @warn   lossless(atendimento_id, idatendimento)
-- @warn   lossless(empreendimento_id, idempreendimento)
-- @warn   lossless(avaliacao, avaliacao)
-- @warn   lossless(tempo_resposta, tempo_resposta)
-- @warn   lossless(data_cadastro, data_cad)
-- @warn   lossless(data_situacao, data_situacao)
-- @warn   lossless(data_modificacao, data_modificacao)
-- @warn   lossless(referencia_data, referencia_data)
select
    l.conta,
    l.chave,
    elt.as_bigint(r.idatendimento) as atendimento_id,
    elt.as_bigint(r.idempreendimento) as empreendimento_id,
    elt.as_text(r.protocolo) as protocolo,
    elt.as_text(r.empreendimento) as empreendimento,
    elt.as_text(r.unidade) as unidade,
    elt.as_text(r.cliente) as cliente,
    elt.as_text(r.corretor) as corretor,
    elt.as_text(r.responsavel) as responsavel,
    elt.as_text(r.canal) as canal,
    elt.as_text(r.tipo) as tipo,
    elt.as_text(r.assunto) as assunto,
    elt.as_text(r.situacao) as situacao,
    elt.as_text(r.prioridade) as prioridade,
    elt.as_text(r.ativo) as ativo,
    elt.as_integer(r.avaliacao) as avaliacao,
    elt.as_integer(r.tempo_resposta) as tempo_resposta,
    elt.as_timestamp(r.data_cad) as data_cadastro,
    elt.as_timestamp(r.data_situacao) as data_situacao,
    elt.as_timestamp(r.data_modificacao) as data_modificacao,
    elt.as_timestamp(r.referencia_data) as referencia_data
from landing.atendimentos_atual as l
cross join lateral jsonb_to_record(l.payload) as r(
    idatendimento text,
    idempreendimento text,
    protocolo text,
    empreendimento text,
    unidade text,
    cliente text,
    corretor text,
    responsavel text,
    canal text,
    tipo text,
    assunto text,
    situacao text,
    prioridade text,
    ativo text,
    avaliacao text,
    tempo_resposta text,
    data_cad text,
    data_situacao text,
    data_modificacao text,
    referencia_data text
)
