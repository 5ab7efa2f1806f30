-- Comissões, tipadas: uma linha por comissão, na versão mais nova.
-- @build  table
-- @key    conta, chave
-- @index  conta, comissao_id
-- @fresh  warn 12h, error 2d
-- @warn   lossless(comissao_id, idcomissao)
-- @warn   lossless(reserva_id, idreserva)
-- @warn   lossless(situacao_id, idsituacao)
-- @warn   lossless(percentual, porcentagem_comissao)
-- @warn   lossless(valor_contrato, valor_contrato)
-- @warn   lossless(valor_comissao, valor_comissao)
-- @warn   lossless(valor_a_pagar, valor_comissao_apagar)
-- @warn   lossless(valor_pago, valor_pagamento)
-- @warn   lossless(data_pagamento, data_pagamento)
-- @warn   lossless(data_cadastro, data_cad)
select
    l.conta,
    l.chave,
    elt.as_bigint(r.idcomissao) as comissao_id,
    elt.as_bigint(r.idreserva) as reserva_id,
    elt.as_bigint(r.idsituacao) as situacao_id,
    elt.as_text(r.empreendimento) as empreendimento,
    elt.as_text(r.corretor) as corretor,
    elt.as_text(r.imobiliaria) as imobiliaria,
    elt.as_text(r.situacao) as situacao,
    elt.as_text(r.nota_fiscal) as nota_fiscal,
    elt.as_text(r.ativo) as ativo,
    elt.as_percent(r.porcentagem_comissao)::numeric(7, 2) as percentual,
    elt.as_money(r.valor_contrato)::numeric(15, 2) as valor_contrato,
    elt.as_money(r.valor_comissao)::numeric(15, 2) as valor_comissao,
    elt.as_money(r.valor_comissao_apagar)::numeric(15, 2) as valor_a_pagar,
    elt.as_money(r.valor_pagamento)::numeric(15, 2) as valor_pago,
    elt.as_date(r.data_pagamento) as data_pagamento,
    elt.as_timestamp(r.data_cad) as data_cadastro
from landing.comissoes_atual as l
cross join lateral jsonb_to_record(l.payload) as r(
    idcomissao text,
    idreserva text,
    idsituacao text,
    empreendimento text,
    corretor text,
    imobiliaria text,
    situacao text,
    nota_fiscal text,
    ativo text,
    porcentagem_comissao text,
    valor_contrato text,
    valor_comissao text,
    valor_comissao_apagar text,
    valor_pagamento text,
    data_pagamento text,
    data_cad text
)
