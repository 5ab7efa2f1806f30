-- Unidades, tipadas: uma linha por unidade, na versão mais nova.
-- @build  table
-- @key    conta, chave
-- @index  conta, unidade_id
-- @fresh  warn 12h, error 2d
-- @warn   lossless(unidade_id, idunidade)
-- @warn   lossless(empreendimento_id, idempreendimento)
-- @warn   lossless(reserva_vendida_id, situacao_vendida)
-- @warn   lossless(reserva_viva_id, situacao_reservada)
-- @warn   lossless(situacao_codigo, situacao_mapa_disponibilidade)
-- @warn   lossless(area_privativa, area_privativa)
-- @warn   lossless(valor_tabela, valor)
-- @warn   lossless(data_entrega, data_entrega)
-- @warn   lossless(atualizado_em, referencia_data)
select
    l.conta,
    l.chave,
    elt.as_bigint(r.idunidade) as unidade_id,
    elt.as_bigint(r.idempreendimento) as empreendimento_id,
    elt.as_bigint(r.situacao_vendida) as reserva_vendida_id,
    elt.as_bigint(r.situacao_reservada) as reserva_viva_id,
    elt.as_text(r.nome_empreendimento) as empreendimento,
    elt.as_text(r.tipo_empreendimento) as tipo_empreendimento,
    elt.as_text(r.etapa) as etapa,
    elt.as_text(r.bloco) as bloco,
    elt.as_text(r.nome) as unidade,
    elt.as_text(r.andar) as andar,
    elt.as_text(r.tipologia) as tipologia,
    elt.as_text(r.tipo) as tipo,
    elt.as_text(r.vagas_garagem) as vagas,
    elt.as_integer(r.situacao_mapa_disponibilidade) as situacao_codigo,
    elt.as_numeric(r.area_privativa)::numeric(12, 2) as area_privativa,
    elt.as_money(r.valor)::numeric(15, 2) as valor_tabela,
    elt.as_date(r.data_entrega) as data_entrega,
    elt.as_timestamp(r.referencia_data) as atualizado_em
from landing.unidades_atual as l
cross join lateral jsonb_to_record(l.payload) as r(
    idunidade text,
    idempreendimento text,
    situacao_vendida text,
    situacao_reservada text,
    nome_empreendimento text,
    tipo_empreendimento text,
    etapa text,
    bloco text,
    nome text,
    andar text,
    tipologia text,
    tipo text,
    vagas_garagem text,
    situacao_mapa_disponibilidade text,
    area_privativa text,
    valor text,
    data_entrega text,
    referencia_data text
)
