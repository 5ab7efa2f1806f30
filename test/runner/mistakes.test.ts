import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { checkProject } from "../../runner/models/check.ts";
import { ModelError } from "../../runner/models/problem.ts";
import { loadProject } from "../../runner/models/project.ts";
import { eltHere } from "../elt-here.ts";
import { createTestDatabase } from "../postgres.ts";
import { goldenFolder, mistakes, mistakesOnRows, sampleProject, withSample } from "./mistakes.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());

const golden = (name: string): string => path.join(goldenFolder, `${name}.txt`);

test("the sample project has 30 models and no mistake", async () => {
  const project = await loadProject(sampleProject);
  expect(project.models).toHaveLength(30);
  expect(await checkProject(database.pool, project)).toEqual({
    problems: [],
    unchecked: [],
    unitTests: 0,
  });
});

test.each(Object.keys(mistakes))("a person reads where and why: %s", async (name) => {
  await withSample(mistakes[name] ?? [], async (folder) => {
    const { problems, unchecked } = await checkProject(database.pool, await loadProject(folder));
    const { message } = new ModelError(problems, unchecked);
    await expect(`${message}\n`).toMatchFileSnapshot(golden(name));
  });
});

test("one pass of elt check tells every mistake of a project, and the exit code is 1", async () => {
  // Together they are in each other's way only where one takes away what another needs.
  const together = Object.entries(mistakes).filter(
    ([name]) => !["syntax", "circle", "two-of-one-name"].includes(name),
  );
  const changes = together
    .flatMap(([, list]) => list)
    .filter(({ file, from }) => !(file.endsWith("metas.sql") && from === "seeds.metas"))
    .filter(
      ({ file, from }) => !(file.endsWith("distratos.sql") && from?.startsWith("from staging")),
    );
  await withSample(changes, async (folder) => {
    const { code, out, err } = await eltHere(["check", "--project", folder], {
      DATABASE_URL: database.url,
    });
    expect(code).toBe(1);
    expect(out).toContain('"type":"failed","exitCode":1');
    await expect(err).toMatchFileSnapshot(golden("all-at-once"));
  });
});

test.each(Object.keys(mistakesOnRows))(
  "elt build tells what is wrong with rows, and publishes nothing: %s",
  async (name) => {
    const { changes = [], land = {} } = mistakesOnRows[name] ?? {};
    const own = await createTestDatabase();
    try {
      for (const [object, records] of Object.entries(land)) {
        await own.pool.query("select landing.create_object($1)", [object]);
        for (const [i, record] of records.entries()) {
          await own.pool.query(
            `insert into landing.${object} (conta, chave, load_id, seq, hash, payload)
             values ('acme', $1, 1, $1::text::bigint, gen_random_uuid(), $2)`,
            [String(i + 1), JSON.stringify(record)],
          );
        }
      }
      await withSample(changes, async (folder) => {
        const { code, err } = await eltHere(["build", "--project", folder], {
          DATABASE_URL: own.url,
        });
        expect(code).toBe(1);
        await expect(err).toMatchFileSnapshot(golden(name));
      });
      const { rows } = await own.pool.query("select to_regclass('marts.vendas') as vendas");
      expect(rows).toEqual([{ vendas: null }]);
    } finally {
      await own.drop();
    }
  },
);
