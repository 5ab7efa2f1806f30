import { type SQLQuery, sql } from "../../extract/query.ts";
import { visibleAccountText } from "../../runner/models/access.ts";
import type { Choice, Filters } from "./filters.ts";
import type { Stretch } from "./stretches.ts";

/** The tables' owner is exempt from row-level access, so it is repeated in every statement. */
const visible = sql`(${sql.__dangerous__rawValue(visibleAccountText)})`;

/** The condition on rows of `marts.vendas` that count; every value is cast, so that it serves COPY. */
export function salesCondition(filters: Filters, stretch: Stretch): SQLQuery {
  const { empreendimento, corretor, time } = filters;
  return sql.join(
    [
      accountCondition(filters),
      sql`data_venda >= ${stretch.de}::date and data_venda <= ${stretch.ate}::date`,
      ...(empreendimento === undefined ? [] : [isChoice("empreendimento_id", empreendimento)]),
      ...(corretor === undefined ? [] : [isChoice("corretor_id", corretor)]),
      ...(time === undefined ? [] : [sql`coalesce(time_corretor, 'Sem Time') = ${time}::text`]),
    ],
    " AND ",
  );
}

/** The condition on rows of `marts.unidades`: who sells them does not change the offer. */
export function unitsCondition(filters: Filters): SQLQuery {
  const { empreendimento } = filters;
  return empreendimento === undefined
    ? accountCondition(filters)
    : sql`${accountCondition(filters)} and ${isChoice("empreendimento_id", empreendimento)}`;
}

/** The condition on rows of any mart: the accounts that the reader may see, or the one chosen. */
export function accountCondition({ conta }: Pick<Filters, "conta">): SQLQuery {
  return conta === undefined ? visible : sql`${visible} and conta = ${conta}::text`;
}

function isChoice(column: string, { conta, id }: Choice): SQLQuery {
  const same = sql`${sql.ident(column)} = ${id}::bigint`;
  return conta === undefined ? same : sql`(${same} and conta = ${conta}::text)`;
}
