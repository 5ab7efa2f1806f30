import { afterAll, beforeAll, expect, test } from "vitest";
import { loadProject } from "../../../runner/models/project.ts";
import { projectRoot } from "../../../runner/open-project.ts";
import { readDocumented } from "../../../server/docs/documented.ts";
import { sourcesPage } from "../../../server/docs/sources-page.ts";
import type { TestDatabase } from "../../postgres.ts";
import { createPublishedDatabase } from "../published.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createPublishedDatabase();
});
afterAll(() => database.drop());

test("the page of sources says how old each may be, and which account's is behind", async () => {
  await database.pool.query(
    "update elt.loads set finished_at = finished_at - interval '3 days' where conta = 'outra' and objeto = 'reservas'",
  );
  const documented = await readDocumented(database.pool, await loadProject(projectRoot));
  const { markup } = sourcesPage(documented);
  const card = /<article class="cartao" id="landing\.reservas">.*?<\/article>/s.exec(markup)?.[0];
  const text = card?.replace(/<[^>]*>/g, " ").replaceAll(/[\s\u00a0]+/g, " ");
  expect(text).toContain("Sem leitura completa: aviso depois de 12 horas; erro depois de 2 dias.");
  expect(text).toMatch(/exemplo \S+, \S+ \d+ completa em dia/);
  expect(text).toMatch(/outra \S+, \S+ \d+ completa atrasada: lida até o fim há 3 dias/);
});
