-- Repasses: uma linha por repasse do financiamento, que o banco paga à incorporadora. Não é comissão.
-- @key    conta, repasse_id
-- @warn   references(reserva_id, marts.reservas)
-- @warn   accepted(ativo, S, N)
-- @column conta                  conta da CV
-- @column repasse_id             número do repasse
-- @column reserva_id             número da reserva
-- @column empreendimento_id      número do empreendimento
-- @column empreendimento         nome do empreendimento
-- @column unidade                nome da unidade
-- @column situacao               situação do repasse
-- @column ativo                  S ou N
-- @column banco                  banco que financia
-- @column valor_previsto         valor previsto, em reais
-- @column valor_financiado       valor financiado, em reais
-- @column valor_subsidio         subsídio, em reais
-- @column valor_fgts             FGTS, em reais
-- @column saldo_devedor          saldo devedor, em reais
-- @column data_assinatura        dia da assinatura do contrato com o banco
-- @column data_registro          dia do registro do contrato
-- @column data_recurso_liberado  dia em que o recurso foi liberado
-- @column atualizado_em          instante da última alteração na CV
with repasses as (
    select * from staging.repasses
)

select
    repasses.conta,
    repasses.repasse_id,
    coalesce(repasses.reserva_id, repasses.reserva) as reserva_id,
    repasses.empreendimento_id,
    repasses.empreendimento,
    repasses.unidade,
    repasses.situacao,
    repasses.ativo,
    repasses.banco,
    repasses.valor_previsto,
    repasses.valor_financiado,
    repasses.valor_subsidio,
    repasses.valor_fgts,
    repasses.saldo_devedor,
    repasses.data_assinatura,
    repasses.data_registro,
    repasses.data_recurso_liberado,
    coalesce(repasses.data_modificacao, repasses.referencia_data) as atualizado_em
from repasses
where repasses.repasse_id is not null
