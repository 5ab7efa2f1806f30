import { DatabaseError, type PoolClient } from "pg";
import { execute, sql } from "../../extract/query.ts";
import { forgetGrants, visibleAccountText } from "./access.ts";
import { startOfSelect } from "./position.ts";
import { ModelError } from "./problem.ts";
import type { Model } from "./project.ts";
import { commentRelation, isUnchanged, rememberText } from "./relation-record.ts";
import { runModel } from "./run-model.ts";
import { columnsOf } from "./table-diff.ts";
import { withLockTimeout } from "./with-lock-timeout.ts";

const COLUMNS_DIFFER = "42P16";
const DEPENDENTS_EXIST = "2BP01";

/**
 * Publishes a view model, touching the database only when its text changed. It is replaced in
 * place, which keeps the grants and the views that people built on it; only other columns than
 * before force it to be created anew. A view of marts shows each login only the accounts it may
 * read.
 * @throws ModelError when the text fails, or other views stand on columns that change
 */
export async function publishView(client: PoolClient, model: Model): Promise<void> {
  if (await isUnchanged(client, model)) return;
  await withLockTimeout(client, model.name, async () => {
    await client.query("savepoint replace");
    try {
      await createOrReplace(client, model);
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== COLUMNS_DIFFER) throw error;
      await client.query("rollback to savepoint replace");
      await dropView(client, model);
      await createOrReplace(client, model);
    }
  });
  await commentRelation(client, model, model.schema, await columnsOf(client, model.name));
  await rememberText(client, model);
}

async function createOrReplace(client: PoolClient, model: Model): Promise<void> {
  const target = `"${model.schema}"."${model.relation.replaceAll('"', '""')}"`;
  if (model.schema !== "marts") {
    await runModel(client, model, { before: `create or replace view ${target} as` });
    return;
  }
  await runModel(client, model, {
    before: `create or replace view ${target} with (security_barrier) as select * from (`,
    after: `) as kpi where ${visibleAccountText}`,
  });
}

async function dropView(client: PoolClient, model: Model): Promise<void> {
  try {
    await execute(client, sql`drop view ${sql.ident(model.schema, model.relation)}`);
    await forgetGrants(client, model.name);
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== DEPENDENTS_EXIST) throw error;
    throw new ModelError([
      {
        file: model.file,
        text: model.text,
        position: startOfSelect(model.text),
        message: `the columns of ${model.name} change, and other views stand on it`,
        hint: `${error.detail ?? ""} Keep the columns that exist and add new ones at the end, or drop those views first.`,
      },
    ]);
  }
}
