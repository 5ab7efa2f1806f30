import { readdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../../runner/open-project.ts";
import { eltHere } from "../elt-here.ts";
import { createEmptyDatabase } from "../postgres.ts";

const files = readdirSync(path.join(projectRoot, "runner/migrations")).sort();

test("elt migrate tells what is missing, applies it once, and refuses a newer database", async () => {
  const database = await createEmptyDatabase();
  const elt = (...args: string[]) =>
    eltHere(["migrate", "--json", ...args], { DATABASE_URL: database.url });
  try {
    const pending = await elt("--pending");
    expect(JSON.parse(pending.out)).toEqual({ pending: files, applied: [] });
    const { rows } = await database.pool.query("select to_regnamespace('elt') as schema");
    expect(rows).toEqual([{ schema: null }]);

    const both = await Promise.all([elt(), elt()]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    const applied = both.flatMap(({ out }) => JSON.parse(out).applied);
    expect(applied.sort()).toEqual(files);
    expect(JSON.parse((await elt()).out)).toEqual({ pending: [], applied: [] });

    await database.pool.query("insert into elt.migrations (name) values ('9999-future.sql')");
    for (const args of [[], ["--pending"]]) {
      const newer = await elt(...args);
      expect(newer.code).toBe(2);
      expect(newer.err).toContain(
        "was migrated by a newer version of the program (it has 9999-future.sql)",
      );
    }
  } finally {
    await database.drop();
  }
});
