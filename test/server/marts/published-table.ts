import type { TestDatabase } from "../../postgres.ts";

/**
 * Puts a table beside the published ones, as a build does with a new model: known to the engine,
 * readable by BI. `definition` is what stands behind its name in `create table`.
 */
export async function publishTable(
  { pool }: TestDatabase,
  name: string,
  definition: string,
): Promise<void> {
  await pool.query(
    `create table marts.${name} ${definition};
     grant select on marts.${name} to bi_reader, bi_reader_pii;
     insert into elt.relations (relation, fingerprint) values ('marts.${name}', '')`,
  );
}
