-- Imobiliárias, tipadas: uma linha por imobiliária, na versão mais nova.
-- @build  table
-- @key    conta, chave
-- @fresh  warn 1d, error 4d
-- @warn   lossless(imobiliaria_id, idimobiliaria)
-- @warn   lossless(data_cadastro, data_cad)
-- @warn   lossless(data_modificacao, data_modificacao)
-- @warn   lossless(referencia_data, referencia_data)
select
    l.conta,
    l.chave,
    elt.as_bigint(r.idimobiliaria) as imobiliaria_id,
    elt.as_text(r.nome) as imobiliaria,
    elt.as_text(r.razao_social) as razao_social,
    elt.as_text(r.sigla) as sigla,
    elt.as_text(r.ativo) as ativo,
    elt.as_timestamp(r.data_cad) as data_cadastro,
    elt.as_timestamp(r.data_modificacao) as data_modificacao,
    elt.as_timestamp(r.referencia_data) as referencia_data
from landing.imobiliarias_atual as l
cross join lateral jsonb_to_record(l.payload) as r(
    idimobiliaria text,
    nome text,
    razao_social text,
    sigla text,
    ativo text,
    data_cad text,
    data_modificacao text,
    referencia_data text
)
