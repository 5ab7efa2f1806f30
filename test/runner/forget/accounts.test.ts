import { afterAll, expect, test } from "vitest";
import { exemplo } from "../../../emulator/exemplo.ts";
import { defaultObjects } from "../../../extract/catalogue.ts";
import { runElt } from "../../elt-process.ts";
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
  const { code, out } = await runElt(
    ["forget", "--documento", zuleide.documento, "--conta", "norte", "--apply"],
    { DATABASE_URL: database.url },
  );
  expect([code, JSON.parse(out.trim().split("\n").at(-1) ?? "")]).toEqual([
    0,
    expect.objectContaining({ status: "done", left: [], finished: ["1"] }),
  ]);
  const kept = await pool.query(
    "select conta from marts_pii.reservas where documento_cliente like '%345%678%90'",
  );
  expect(kept.rows).toEqual([{ conta: "sul" }]);
});
