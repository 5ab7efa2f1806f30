-- Um mapeamento não diz duas coisas do mesmo texto: vale uma linha só por conta em cada arquivo.
-- @warn
with linhas as (
    select 'series' as mapeamento, s.conta, elt.fold(s.prefixo) as texto, elt.fold(s.classe) as vale, s.origem
    from seeds.series as s
    union all
    select 'situacoes', s.conta, elt.fold(s.situacao), elt.fold(s.estagio), s.origem
    from seeds.situacoes as s
    union all
    select 'times', t.conta, t.corretor_id::text, t.time, t.origem
    from seeds.times as t
    union all
    select 'leitura_condicoes', l.conta, '', l.leitura, l.origem
    from seeds.leitura_condicoes as l
)

select
    linhas.mapeamento,
    coalesce(linhas.conta, '*') as conta,
    linhas.texto,
    string_agg(distinct linhas.vale, ', ' order by linhas.vale) as valem
from linhas
group by linhas.mapeamento, coalesce(linhas.conta, '*'), linhas.texto, linhas.origem
having count(distinct linhas.vale) > 1
