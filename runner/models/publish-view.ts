import { DatabaseError, type PoolClient } from "pg";
import { visibleAccountText } from "./access.ts";
import type { Model } from "./project.ts";
import { runModel } from "./run-model.ts";

/** PostgreSQL's answer when a replaced view would get other columns than new ones at the end. */
const COLUMNS_DIFFER = "42P16";

/**
 * Creates a view model, or replaces it in place, which keeps the grants on it and the views that
 * people built on it. A view of marts shows each login only the accounts it may read.
 * @returns `columns differ` when it can only be created anew
 * @throws ModelError when the text fails
 */
export async function createOrReplaceView(
  client: PoolClient,
  model: Model,
): Promise<"done" | "columns differ"> {
  const target = `"${model.schema}"."${model.relation.replaceAll('"', '""')}"`;
  try {
    if (model.schema === "marts") {
      await runModel(client, model, {
        before: `create or replace view ${target} with (security_barrier) as select * from (`,
        after: `) as kpi where ${visibleAccountText}`,
      });
    } else await runModel(client, model, { before: `create or replace view ${target} as` });
    return "done";
  } catch (error) {
    if (error instanceof DatabaseError && error.code === COLUMNS_DIFFER) return "columns differ";
    throw error;
  }
}
