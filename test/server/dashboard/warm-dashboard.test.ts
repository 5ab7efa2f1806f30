import { afterAll, beforeAll, expect, test } from "vitest";
import { exemplo } from "../../../emulator/exemplo.ts";
import { firstRequest } from "../../../server/dashboard/filters.ts";
import { createDashboardMemory, readDashboard } from "../../../server/dashboard/read-dashboard.ts";
import { readForVisitors, warmDashboard } from "../../../server/dashboard/warm-dashboard.ts";
import { createKeyRing } from "../../../server/key-ring.ts";
import { readPublished } from "../../../server/read-published.ts";
import { accountsTag } from "../../../server/reader.ts";
import { runPipeline } from "../../pipeline.ts";
import { createTestDatabase, type TestDatabase } from "../../postgres.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await runPipeline(database, [
    exemplo(),
    exemplo({ conta: "outra", email: "outra@example.com", token: "other-token" }),
  ]);
});
afterAll(() => database.drop());

test.each([
  { page: "all accounts", conta: undefined },
  { page: "one account alone", conta: "exemplo" },
])(
  "a visitor of $page finds the figures made: only the table's rows are asked for",
  async ({ conta }) => {
    const memory = createDashboardMemory();
    await readForVisitors(
      database.pool,
      memory,
      createKeyRing([], () => new Date()),
    );
    const asked: string[] = [];
    await readPublished(database.pool, { contas: undefined }, (snapshot) =>
      readDashboard(
        {
          ...snapshot,
          select: (statement) => {
            const { text } = statement.format({
              escapeIdentifier: (name) => name,
              formatValue: (_value, index) => ({ placeholder: `$${index + 1}`, value: undefined }),
            });
            asked.push(text);
            return snapshot.select(statement);
          },
        },
        { ...firstRequest, filters: { ...firstRequest.filters, conta } },
        { seesClients: false, memory, scope: accountsTag({ contas: [] }) },
      ),
    );
    expect(asked.filter((text) => text.includes("from marts."))).toEqual([
      expect.stringContaining("as lugar"),
    ]);
  },
);

test("they are made once for each publication and each day", async () => {
  let publication: { readonly id: string; readonly em: string } | undefined;
  let hoje = "2026-03-30";
  let made = 0;
  let looks = 0;
  const warmer = warmDashboard({
    watch: {
      current: () => {
        looks += 1;
        return publication;
      },
    },
    hoje: () => hoje,
    make: async () => {
      made += 1;
      if (made === 1) throw new Error("the database is away");
    },
    everyMs: 1,
  });
  const lookedAgain = async () => {
    const before = looks;
    await expect.poll(() => looks).toBeGreaterThan(before + 2);
  };
  await lookedAgain();
  expect(made).toBe(0);
  publication = { id: "1", em: "2026-03-30T12:00:00.000Z" };
  await lookedAgain();
  expect(made).toBe(1);
  publication = { id: "2", em: "2026-03-30T13:00:00.000Z" };
  await lookedAgain();
  expect(made).toBe(2);
  hoje = "2026-03-31";
  await lookedAgain();
  expect(made).toBe(3);
  await warmer.close();
  const after = looks;
  await new Promise((resolve) => setImmediate(resolve));
  expect(looks).toBe(after);
});
