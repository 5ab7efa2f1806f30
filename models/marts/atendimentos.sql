-- Atendimentos: uma linha por atendimento a clientes.
-- @key    conta, atendimento_id
-- @warn   accepted(ativo, S, N)
-- @pii    cliente nome
-- @column conta              conta da CV
-- @column atendimento_id     número do atendimento
-- @column protocolo          protocolo
-- @column empreendimento_id  número do empreendimento
-- @column empreendimento     nome do empreendimento
-- @column unidade            nome da unidade
-- @column cliente            nome do cliente (dado pessoal)
-- @column corretor           nome do corretor
-- @column responsavel        nome do responsável
-- @column canal              canal de entrada
-- @column tipo               tipo do atendimento
-- @column assunto            assunto
-- @column situacao           situação do atendimento
-- @column prioridade         prioridade
-- @column ativo              S ou N
-- @column avaliacao          nota da avaliação
-- @column tempo_resposta     tempo de resposta, na unidade da CVDW
-- @column data_cadastro      instante em que o atendimento foi aberto
-- @column data_situacao      instante da última mudança de situação
-- @column atualizado_em      instante da última alteração na CV
with atendimentos as (
    select * from staging.atendimentos
)

select
    atendimentos.conta,
    atendimentos.atendimento_id,
    atendimentos.protocolo,
    atendimentos.empreendimento_id,
    atendimentos.empreendimento,
    atendimentos.unidade,
    atendimentos.cliente,
    atendimentos.corretor,
    atendimentos.responsavel,
    atendimentos.canal,
    atendimentos.tipo,
    atendimentos.assunto,
    atendimentos.situacao,
    atendimentos.prioridade,
    atendimentos.ativo,
    atendimentos.avaliacao,
    atendimentos.tempo_resposta,
    atendimentos.data_cadastro,
    atendimentos.data_situacao,
    coalesce(atendimentos.data_modificacao, atendimentos.referencia_data) as atualizado_em
from atendimentos
where atendimentos.atendimento_id is not null
