import { afterAll, beforeAll, expect, test } from "vitest";
import { loadProject } from "../../../runner/models/project.ts";
import { projectRoot } from "../../../runner/open-project.ts";
import { type Documented, readDocumented } from "../../../server/docs/documented.ts";
import { modelPage } from "../../../server/docs/model-page.ts";
import type { TestDatabase } from "../../postgres.ts";
import { createPublishedDatabase } from "../published.ts";

let database: TestDatabase;
let documented: Documented;
beforeAll(async () => {
  database = await createPublishedDatabase();
  documented = await readDocumented(database.pool, await loadProject(projectRoot));
});
afterAll(() => database.drop());

function textOf(name: string): string {
  const model = documented.order.find((one) => one.name === name);
  if (model === undefined) throw new Error(`there is no ${name}`);
  return modelPage(documented, model)
    .markup.replace(/<[^>]*>/g, " ")
    .replaceAll(/[\s\u00a0]+/g, " ");
}

test("the page of a guarded mart tells how far each number may move", () => {
  expect(textOf("marts.vendas")).toMatch(
    /Indicadores vigiados .* valor_total sum\(valor\) filter \(where [^)]*\(\)\) 10 % 25 % 20 ticket_medio/,
  );
});

test("a model without guards has no such part", () => {
  expect(textOf("marts.contas")).not.toContain("Indicadores vigiados");
});
