-- Reservas como a CVDW as envia, tipadas: uma linha por reserva, na versão mais nova.
-- @build  table
-- @key    conta, chave
-- @index  conta, reserva_id
-- @fresh  warn 12h, error 2d
-- @warn   lossless(reserva_id, idreserva)
-- @warn   lossless(empreendimento_id, idempreendimento)
-- @warn   lossless(unidade_id, idunidade)
-- @warn   lossless(corretor_id, idcorretor)
-- @warn   lossless(imobiliaria_id, idimobiliaria)
-- @warn   lossless(cliente_id, idcliente)
-- @warn   lossless(valor_contrato, valor_contrato)
-- @warn   lossless(valor_proposta, valor_proposta)
-- @warn   lossless(vgv_tabela, vgv_tabela)
-- @warn   lossless(valor_financiamento, valor_financiamento)
-- @warn   lossless(valor_subsidio, valor_subsidio)
-- @warn   lossless(valor_fgts, valor_fgts)
-- @warn   lossless(data_venda, data_venda)
-- @warn   lossless(data_reserva, data_cad)
-- @warn   lossless(data_cancelamento, data_cancelamento)
-- @warn   lossless(vencimento, vencimento)
-- @warn   lossless(data_modificacao, data_modificacao)
-- @warn   lossless(referencia_data, referencia_data)
select
    l.conta,
    l.chave,
    elt.as_bigint(r.idreserva) as reserva_id,
    elt.as_bigint(r.idempreendimento) as empreendimento_id,
    elt.as_bigint(r.idunidade) as unidade_id,
    elt.as_bigint(r.idcorretor) as corretor_id,
    elt.as_bigint(r.idimobiliaria) as imobiliaria_id,
    elt.as_bigint(r.idcliente) as cliente_id,
    elt.as_text(r.situacao) as situacao,
    elt.as_text(r.empreendimento) as empreendimento,
    elt.as_text(r.etapa) as etapa,
    elt.as_text(r.bloco) as bloco,
    elt.as_text(r.unidade) as unidade,
    elt.as_text(r.corretor) as corretor,
    elt.as_text(r.imobiliaria) as imobiliaria,
    elt.as_text(r.nome_time) as nome_time,
    elt.as_text(r.time) as time,
    elt.as_text(r.cliente) as cliente,
    elt.as_text(r.documento_cliente) as documento_cliente,
    elt.as_text(r.email) as email_cliente,
    elt.as_text(r.cidade) as cidade_cliente,
    elt.as_text(r.tipovenda) as tipo_venda,
    elt.as_text(r.midia) as midia,
    elt.as_text(r.campanha) as campanha,
    elt.as_text(r.motivo_cancelamento) as motivo_cancelamento,
    elt.as_text(r.ativo) as ativo,
    elt.as_money(r.valor_contrato)::numeric(15, 2) as valor_contrato,
    elt.as_money(r.valor_proposta)::numeric(15, 2) as valor_proposta,
    elt.as_money(r.vgv_tabela)::numeric(15, 2) as vgv_tabela,
    elt.as_money(r.valor_financiamento)::numeric(15, 2) as valor_financiamento,
    elt.as_money(r.valor_subsidio)::numeric(15, 2) as valor_subsidio,
    elt.as_money(r.valor_fgts)::numeric(15, 2) as valor_fgts,
    elt.as_date(r.data_venda) as data_venda,
    elt.as_timestamp(r.data_cad) as data_reserva,
    elt.as_timestamp(r.data_cancelamento) as data_cancelamento,
    elt.as_timestamp(r.vencimento) as vencimento,
    elt.as_timestamp(r.data_modificacao) as data_modificacao,
    elt.as_timestamp(r.referencia_data) as referencia_data
from landing.reservas_atual as l
cross join lateral jsonb_to_record(l.payload) as r(
    idreserva text,
    idempreendimento text,
    idunidade text,
    idcorretor text,
    idimobiliaria text,
    idcliente text,
    situacao text,
    empreendimento text,
    etapa text,
    bloco text,
    unidade text,
    corretor text,
    imobiliaria text,
    nome_time text,
    "time" text,
    cliente text,
    documento_cliente text,
    email text,
    cidade text,
    tipovenda text,
    midia text,
    campanha text,
    motivo_cancelamento text,
    ativo text,
    valor_contrato text,
    valor_proposta text,
    vgv_tabela text,
    valor_financiamento text,
    valor_subsidio text,
    valor_fgts text,
    data_venda text,
    data_cad text,
    data_cancelamento text,
    vencimento text,
    data_modificacao text,
    referencia_data text
)
