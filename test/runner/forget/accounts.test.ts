import { afterAll, expect, test } from "vitest";
import { exemplo } from "../../../emulator/exemplo.ts";
import { defaultObjects } from "../../../extract/catalogue.ts";
import { eltHere } from "../../elt-here.ts";
import { buildModels, extractAccounts } from "../../pipeline.ts";
import { createTestDatabase } from "../../postgres.ts";
import { addPerson, zuleide } from "./person.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;

test("elt forget --conta is finished with that account, and leaves the other as it is", async () => {
  const { rows } = await pool.query("select elt.hoje()::text as hoje");
  const { hoje } = rows[0];
  const accounts = [
    exemplo({ hoje, conta: "norte" }),
    exemplo({ hoje, conta: "sul", email: "s@example.com", token: "s" }),
  ];
  for (const account of accounts) addPerson(account);
  await extractAccounts(database, accounts, { objects: defaultObjects });
  await buildModels(database);
  await pool.query(
    `insert into elt.changes (run_id, model, key, action, changed_at)
     values (1, 'marts.vendas', '{"id": 1}', 'removed', now() - interval '200 days')`,
  );
  const { code, out } = await eltHere(
    ["forget", "--documento", zuleide.documento, "--conta", "norte", "--apply"],
    { DATABASE_URL: database.url, CHANGES_KEEP_DAYS: "400" },
  );
  expect([code, JSON.parse(out.trim().split("\n").at(-1) ?? "")]).toEqual([
    0,
    expect.objectContaining({ status: "done", left: [], finished: ["1"] }),
  ]);
  const kept = await pool.query(
    "select conta from marts_pii.reservas where documento_cliente like '%345%678%90'",
  );
  expect(kept.rows).toEqual([{ conta: "sul" }]);
  // Its build remembers as long as every other.
  const old = await pool.query(
    "select from elt.changes where changed_at < now() - interval '99 days'",
  );
  expect(old.rowCount).toBe(1);
});
