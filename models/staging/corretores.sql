-- Corretores, tipados: uma linha por corretor, na versão mais nova.
-- @build  table
-- @key    conta, chave
-- @fresh  warn 1d, error 4d
-- @warn   lossless(corretor_id, idcorretor)
-- @warn   lossless(imobiliaria_id, idimobiliaria)
-- @warn   lossless(data_cadastro, data_cad)
select
    l.conta,
    l.chave,
    elt.as_bigint(r.idcorretor) as corretor_id,
    elt.as_bigint(r.idimobiliaria) as imobiliaria_id,
    elt.as_text(r.nome) as corretor,
    elt.as_text(r.apelido) as apelido,
    elt.as_text(r.imobiliaria) as imobiliaria,
    elt.as_text(r.cidade) as cidade,
    elt.as_text(r.estado) as estado,
    elt.as_text(r.categoria) as categoria,
    elt.as_text(r.ativo) as ativo,
    elt.as_text(r.ativo_login) as ativo_login,
    elt.as_timestamp(r.data_cad) as data_cadastro
from landing.corretores_atual as l
cross join lateral jsonb_to_record(l.payload) as r(
    idcorretor text,
    idimobiliaria text,
    nome text,
    apelido text,
    imobiliaria text,
    cidade text,
    estado text,
    categoria text,
    ativo text,
    ativo_login text,
    data_cad text
)
