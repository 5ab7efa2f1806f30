-- Vendas: uma linha por reserva vendida que continua de pé. Inclui vendas com data futura, que as
-- visões deixam de fora até o dia chegar.
-- @key    conta, reserva_id
-- @index  data_venda
-- @index  conta, unidade_id
-- @index  empreendimento_id, data_venda
-- @index  corretor_id, data_venda
-- @test   references(reserva_id, marts.reservas)
-- @test   accepted(prosoluto_origem, condicoes, diferenca)
-- @warn   references(empreendimento_id, marts.empreendimentos)
-- @warn   references(unidade_id, marts.unidades)
-- @warn   check(valor >= 0)
-- @warn   check(data_venda >= date '1990-01-01')
-- @guard  quantidade_vendas 10%, rows 25% = count(*) filter (where data_venda <= elt.hoje())
-- @guard  valor_total 10%, rows 25% = sum(valor) filter (where data_venda <= elt.hoje())
-- @guard  ticket_medio 10%, rows 25% = avg(coalesce(valor, 0)) filter (where data_venda <= elt.hoje())
-- @guard  total_comissoes 10%, rows 25% = sum(comissao_valor) filter (where data_venda <= elt.hoje())
-- @pii    cliente nome
-- @column conta                  conta da CV
-- @column reserva_id             número da reserva
-- @column empreendimento_id      número do empreendimento
-- @column empreendimento         nome do empreendimento
-- @column etapa                  etapa do empreendimento
-- @column bloco                  bloco ou torre
-- @column unidade_id             número da unidade
-- @column unidade                nome da unidade
-- @column corretor_id            número do corretor
-- @column corretor               nome do corretor
-- @column imobiliaria_id         número da imobiliária
-- @column imobiliaria            nome da imobiliária
-- @column time_corretor          time do corretor: do mapa times.csv, senão o da reserva
-- @column cliente_id             número do cliente
-- @column cliente                nome do cliente (dado pessoal)
-- @column valor                  valor do contrato, em reais; se for zero, financiamento + subsídio + FGTS
-- @column data_venda             dia da venda
-- @column ativo                  sempre S: reservas apagadas não são vendas
-- @column status                 situação da reserva, como a conta a chama
-- @column comissao_valor         soma das comissões ativas, em reais
-- @column comissao_percentual    comissão sobre o valor: 5,00 = 5 %
-- @column valor_financiamento    financiamento, em reais
-- @column valor_entrada          entrada, em reais
-- @column valor_fgts             FGTS, em reais
-- @column valor_subsidio         subsídio, em reais
-- @column valor_prosoluto        pró-soluto, o que o cliente paga direto à incorporadora em parcelas, em reais
-- @column prosoluto_origem       condicoes: somado das condições; diferenca: valor menos os recursos de terceiros
-- @column numero_parcelas        quantidade de parcelas das classes entrada e parcelas
-- @column vgv                    valor geral de venda: o valor da venda, em reais
-- @column vgv_tabela             preço de tabela da unidade, em reais
-- @column tipo_venda             tipo da venda
-- @column midia                  mídia de origem
-- @column data_reserva           instante em que a reserva foi criada
-- @column atualizado_em          instante da última alteração na CV
-- @column quantidade_comissoes   quantidade de comissões ativas
with reservas as (
    select * from marts.reservas
),

-- O nome do cliente sai mascarado de marts.reservas; o claro, só de staging.
originais as (
    select * from staging.reservas
),

valores as (
    select * from marts.valores_reservas
),

comissoes as (
    select * from marts.comissoes
),

comissoes_por_reserva as (
    select
        comissoes.conta,
        comissoes.reserva_id,
        coalesce(sum(comissoes.valor_comissao), 0) as valor,
        count(*) as quantidade
    from comissoes
    where comissoes.ativo = 'S'
    group by comissoes.conta, comissoes.reserva_id
),

vendas as (
    select
        reservas.*,
        originais.cliente as cliente_claro,
        valores.valor,
        valores.valor_financiamento,
        valores.valor_entrada,
        valores.valor_fgts,
        valores.valor_subsidio,
        valores.numero_parcelas,
        valores.condicoes_ativas,
        case
            when valores.condicoes_ativas > 0 then valores.valor_parcelas
            else greatest(
                0,
                coalesce(valores.valor, 0)
                - valores.valor_financiamento
                - valores.valor_subsidio
                - valores.valor_fgts
            )
        end as prosoluto,
        coalesce(comissoes_por_reserva.valor, 0) as comissao,
        coalesce(comissoes_por_reserva.quantidade, 0) as quantidade_comissoes,
        100 * coalesce(comissoes_por_reserva.valor, 0) / nullif(valores.valor, 0)
            as percentual
    from reservas
    inner join originais
        on originais.conta = reservas.conta
        and originais.reserva_id = reservas.reserva_id
    inner join valores
        on valores.conta = reservas.conta
        and valores.reserva_id = reservas.reserva_id
    left join comissoes_por_reserva
        on comissoes_por_reserva.conta = reservas.conta
        and comissoes_por_reserva.reserva_id = reservas.reserva_id
    where reservas.eh_venda
)

select
    vendas.conta,
    vendas.reserva_id,
    vendas.empreendimento_id,
    vendas.empreendimento,
    vendas.etapa,
    vendas.bloco,
    vendas.unidade_id,
    vendas.unidade,
    vendas.corretor_id,
    vendas.corretor,
    vendas.imobiliaria_id,
    vendas.imobiliaria,
    vendas.time_corretor,
    vendas.cliente_id,
    vendas.cliente_claro as cliente,
    vendas.valor,
    vendas.data_venda,
    vendas.ativo,
    vendas.situacao as status,
    elt.fit_money(vendas.comissao)::numeric(15, 2) as comissao_valor,
    elt.fit_percent(vendas.percentual)::numeric(7, 2) as comissao_percentual,
    vendas.valor_financiamento,
    vendas.valor_entrada,
    vendas.valor_fgts,
    vendas.valor_subsidio,
    elt.fit_money(vendas.prosoluto)::numeric(15, 2) as valor_prosoluto,
    case when vendas.condicoes_ativas > 0 then 'condicoes' else 'diferenca' end
        as prosoluto_origem,
    vendas.numero_parcelas,
    vendas.valor as vgv,
    vendas.vgv_tabela,
    vendas.tipo_venda,
    vendas.midia,
    vendas.data_reserva,
    vendas.atualizado_em,
    vendas.quantidade_comissoes::integer as quantidade_comissoes
from vendas
