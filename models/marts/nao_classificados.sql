-- Não classificados: o que nenhum mapa conhece. Complete models/seeds/clientes com o que importa.
-- @key    conta, tipo, texto
-- @test   accepted(tipo, serie, situacao, corretor_sem_time)
-- @column conta   conta da CV
-- @column tipo    serie (series.csv), situacao (situacoes.csv) ou corretor_sem_time (times.csv)
-- @column texto   texto da série ou da situação; no corretor, o número e o nome
-- @column linhas  condições ativas, reservas ou vendas com esse texto
-- @column valor   soma dos valores dessas linhas, em reais
with condicoes as (
    select * from marts.condicoes
),

reservas as (
    select * from marts.reservas
),

vendas as (
    select * from marts.vendas
),

series as (
    select
        condicoes.conta,
        'serie' as tipo,
        coalesce(condicoes.serie, '') as texto,
        count(*) as linhas,
        sum(condicoes.valor_total) as valor
    from condicoes
    where condicoes.ativo = 'S' and condicoes.classe = 'nao_classificada'
    group by condicoes.conta, coalesce(condicoes.serie, '')
),

situacoes as (
    select
        reservas.conta,
        'situacao' as tipo,
        coalesce(reservas.situacao, '') as texto,
        count(*) as linhas,
        sum(reservas.valor_contrato) as valor
    from reservas
    where reservas.estagio is null
    group by reservas.conta, coalesce(reservas.situacao, '')
),

corretores as (
    select
        vendas.conta,
        vendas.corretor_id,
        max(vendas.corretor) as corretor,
        count(*) as linhas,
        sum(vendas.valor) as valor
    from vendas
    where vendas.corretor_id is not null and vendas.time_corretor is null
    group by vendas.conta, vendas.corretor_id
),

todos as (
    select
        series.conta,
        series.tipo,
        series.texto,
        series.linhas,
        series.valor
    from series
    union all
    select
        situacoes.conta,
        situacoes.tipo,
        situacoes.texto,
        situacoes.linhas,
        situacoes.valor
    from situacoes
    union all
    select
        corretores.conta,
        'corretor_sem_time' as tipo,
        concat_ws(' ', corretores.corretor_id, corretores.corretor) as texto,
        corretores.linhas,
        corretores.valor
    from corretores
)

select
    todos.conta,
    todos.tipo,
    todos.texto,
    todos.linhas::integer as linhas,
    elt.fit_sum(coalesce(todos.valor, 0))::numeric(18, 2) as valor
from todos
