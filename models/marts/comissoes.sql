-- Comissões: uma linha por comissão de uma reserva; uma reserva pode ter várias.
-- @key    conta, comissao_id
-- @index  conta, reserva_id
-- @warn   references(reserva_id, marts.reservas)
-- @warn   accepted(ativo, S, N)
-- @warn   check(valor_comissao >= 0)
-- @column conta           conta da CV
-- @column comissao_id     número da comissão
-- @column reserva_id      número da reserva
-- @column empreendimento  nome do empreendimento
-- @column corretor        nome do corretor
-- @column imobiliaria     nome da imobiliária
-- @column situacao        situação da comissão
-- @column ativo           S ou N: só as linhas S contam em somas
-- @column percentual      percentual da comissão: 5,00 = 5 %
-- @column valor_contrato  valor do contrato, em reais
-- @column valor_comissao  valor da comissão, em reais
-- @column valor_a_pagar   valor a pagar, em reais
-- @column valor_pago      valor pago, em reais
-- @column nota_fiscal     número da nota fiscal
-- @column data_pagamento  dia do pagamento
-- @column data_cadastro   instante em que a comissão foi criada
with comissoes as (
    select * from staging.comissoes
)
select
    comissoes.conta,
    comissoes.comissao_id,
    comissoes.reserva_id,
    comissoes.empreendimento,
    comissoes.corretor,
    comissoes.imobiliaria,
    comissoes.situacao,
    comissoes.ativo,
    comissoes.percentual,
    comissoes.valor_contrato,
    comissoes.valor_comissao,
    comissoes.valor_a_pagar,
    comissoes.valor_pago,
    comissoes.nota_fiscal,
    comissoes.data_pagamento,
    comissoes.data_cadastro
from comissoes
where comissoes.comissao_id is not null
