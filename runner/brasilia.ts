import { type SQLQuery, sql } from "../extract/query.ts";

/**
 * SQL for an instant as Brasília wall clock, the zone of everything else that the source says:
 * `YYYY-MM-DD HH:MM`.
 * @param instant an expression of type timestamptz
 */
export function brasilia(instant: SQLQuery): SQLQuery {
  return sql`to_char(${instant} at time zone 'America/Sao_Paulo', 'YYYY-MM-DD HH24:MI')`;
}
