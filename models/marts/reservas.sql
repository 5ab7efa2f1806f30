-- Reservas: uma linha por reserva, vendida ou não, com o estágio e o time que os mapas dão.
-- @key    conta, reserva_id
-- @index  conta, unidade_id
-- @warn   accepted(estagio, distrato, cancelada)
-- @warn   accepted(ativo, S, N)
-- @warn   check(valor_contrato >= 0)
-- @pii    cliente nome
-- @pii    documento_cliente documento
-- @pii    email_cliente email
-- @column conta                conta da CV
-- @column reserva_id           número da reserva
-- @column empreendimento_id    número do empreendimento
-- @column empreendimento       nome do empreendimento
-- @column etapa                etapa do empreendimento
-- @column bloco                bloco ou torre
-- @column unidade_id           número da unidade
-- @column unidade              nome da unidade
-- @column corretor_id          número do corretor
-- @column corretor             nome do corretor
-- @column imobiliaria_id       número da imobiliária
-- @column imobiliaria          nome da imobiliária
-- @column time_corretor        time do corretor: do mapa times.csv, senão o da reserva
-- @column cliente_id           número do cliente
-- @column cliente              nome do cliente (dado pessoal)
-- @column documento_cliente    CPF ou CNPJ do cliente (dado pessoal)
-- @column email_cliente        e-mail do cliente (dado pessoal)
-- @column cidade_cliente       cidade do cliente
-- @column situacao             situação da reserva, como a conta a chama
-- @column estagio              distrato ou cancelada, pelo mapa situacoes.csv; vazio nas demais
-- @column ativo                S ou N: N é uma reserva apagada na CV
-- @column eh_venda             é uma venda: ativa, com data de venda, nem distrato nem cancelada
-- @column valor_contrato       valor do contrato, em reais
-- @column valor_proposta       valor da proposta, em reais
-- @column vgv_tabela           preço de tabela da unidade, em reais
-- @column tipo_venda           tipo da venda
-- @column midia                mídia de origem
-- @column campanha             campanha de origem
-- @column motivo_cancelamento  motivo do cancelamento
-- @column data_venda           dia da venda
-- @column data_reserva         instante em que a reserva foi criada
-- @column data_cancelamento    instante do cancelamento
-- @column vencimento           instante em que a reserva vence
-- @column atualizado_em        instante da última alteração na CV
-- @column eh_venda_bruta       é uma venda ou um distrato que chegou a ser venda
with reservas as (
    select * from staging.reservas
),

estagios as (
    select * from marts.estagios_de_situacao
),

times as (
    select * from seeds.times
),

times_da_conta as (
    select distinct on (times.conta, times.corretor_id)
        times.conta,
        times.corretor_id,
        elt.as_text(times.time) as time_corretor
    from times
    where times.conta <> '*' and elt.as_text(times.time) is not null
    order by times.conta, times.corretor_id, times.origem, times.time
),

times_gerais as (
    select distinct on (times.corretor_id)
        times.corretor_id,
        elt.as_text(times.time) as time_corretor
    from times
    where coalesce(times.conta, '*') = '*' and elt.as_text(times.time) is not null
    order by times.corretor_id, times.origem, times.time
),

classificadas as (
    select
        reservas.*,
        coalesce(
            times_da_conta.time_corretor,
            times_gerais.time_corretor,
            reservas.nome_time,
            reservas.time
        ) as time_corretor,
        estagios.estagio,
        coalesce(reservas.ativo = 'S', false) and reservas.data_venda is not null as vendida
    from reservas
    left join estagios
        on estagios.conta = reservas.conta
        and estagios.situacao = reservas.situacao
    left join times_da_conta
        on times_da_conta.conta = reservas.conta
        and times_da_conta.corretor_id = reservas.corretor_id
    left join times_gerais
        on times_gerais.corretor_id = reservas.corretor_id
    where reservas.reserva_id is not null
)

-- A CVDW também diz 0 onde não há corretor, unidade…: nenhum registro tem esse número.
select
    classificadas.conta,
    classificadas.reserva_id,
    nullif(classificadas.empreendimento_id, 0) as empreendimento_id,
    classificadas.empreendimento,
    classificadas.etapa,
    classificadas.bloco,
    nullif(classificadas.unidade_id, 0) as unidade_id,
    classificadas.unidade,
    nullif(classificadas.corretor_id, 0) as corretor_id,
    classificadas.corretor,
    nullif(classificadas.imobiliaria_id, 0) as imobiliaria_id,
    classificadas.imobiliaria,
    classificadas.time_corretor,
    nullif(classificadas.cliente_id, 0) as cliente_id,
    classificadas.cliente,
    classificadas.documento_cliente,
    classificadas.email_cliente,
    classificadas.cidade_cliente,
    classificadas.situacao,
    classificadas.estagio,
    classificadas.ativo,
    classificadas.vendida
        and coalesce(classificadas.estagio not in ('distrato', 'cancelada'), true) as eh_venda,
    classificadas.valor_contrato,
    classificadas.valor_proposta,
    classificadas.vgv_tabela,
    classificadas.tipo_venda,
    classificadas.midia,
    classificadas.campanha,
    classificadas.motivo_cancelamento,
    classificadas.data_venda,
    classificadas.data_reserva,
    classificadas.data_cancelamento,
    classificadas.vencimento,
    coalesce(classificadas.data_modificacao, classificadas.referencia_data) as atualizado_em,
    classificadas.vendida
        and coalesce(classificadas.estagio <> 'cancelada', true) as eh_venda_bruta
from classificadas
