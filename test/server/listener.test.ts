import { afterAll, beforeAll, expect, test } from "vitest";
import { listen } from "../../server/listener.ts";
import { createTestDatabase, type TestDatabase } from "../postgres.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test("announcements that come while a topic is read lead to one more reading, however many", async () => {
  let heard = 0;
  let readings = 0;
  let last = false;
  let open = () => {};
  let gate = Promise.resolve();
  const listener = await listen(
    database.pool,
    [
      {
        channel: "elt_publication",
        forget: () => {
          heard += 1;
        },
        refresh: async (_on, isCurrent) => {
          readings += 1;
          await gate;
          last = isCurrent();
        },
      },
    ],
    () => {},
  );
  expect(readings).toBe(1);
  gate = new Promise((resolve) => {
    open = resolve;
  });
  // Anybody who may log in may also announce.
  const client = await database.pool.connect();
  for (let each = 0; each < 50; each++) await client.query("notify elt_publication");
  client.release();
  await expect.poll(() => heard).toBe(50);
  expect(readings).toBe(2);
  open();
  await expect.poll(() => last).toBe(true);
  expect(readings).toBe(3);
  await listener.close();
});
