-- Distratos: uma linha por reserva desfeita depois da venda. As vendas já não as contêm: nunca
-- subtraia distratos de vendas.
-- @key    conta, reserva_id
-- @warn   references(reserva_id, marts.reservas)
-- @column conta              conta da CV
-- @column reserva_id         número da reserva
-- @column empreendimento_id  número do empreendimento
-- @column empreendimento     nome do empreendimento
-- @column unidade_id         número da unidade
-- @column unidade            nome da unidade
-- @column corretor_id        número do corretor
-- @column corretor           nome do corretor
-- @column motivo             motivo do distrato
-- @column situacao           situação do distrato
-- @column valor_contrato     valor do contrato, em reais
-- @column data_distrato      dia do distrato: da situação, senão da sincronização, senão do cadastro
-- @column ativo              S ou N
with distratos as (
    select * from staging.distratos
)

select
    distratos.conta,
    distratos.reserva_id,
    distratos.empreendimento_id,
    distratos.empreendimento,
    distratos.unidade_id,
    distratos.unidade,
    distratos.corretor_id,
    distratos.corretor,
    distratos.motivo,
    distratos.situacao,
    distratos.valor_contrato,
    coalesce(
        distratos.situacao_data,
        distratos.data_sincronizacao,
        distratos.data_cadastro
    ) as data_distrato,
    distratos.ativo
from distratos
where distratos.reserva_id is not null
