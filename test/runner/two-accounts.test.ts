import { afterAll, expect, test } from "vitest";
import type { Account } from "../../emulator/account.ts";
import { generateAccount } from "../../emulator/generate-account.ts";
import { startEmulator } from "../../emulator/server.ts";
import { defaultObjects } from "../../extract/catalogue.ts";
import { startElt } from "../elt-process.ts";
import { createTestDatabase } from "../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());

/** Records as texts that do not depend on the order of fields or of records. */
function asTexts(records: Iterable<Readonly<Record<string, unknown>>>): readonly string[] {
  return [...records].map((record) => JSON.stringify(sortedFields(record))).sort();
}

function sortedFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedFields);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, field]) => [name, sortedFields(field)]),
  );
}

async function landed(object: string, conta: string): Promise<readonly string[]> {
  const { rows } = await database.pool.query(
    `select payload from landing.${object}_atual where conta = $1`,
    [conta],
  );
  return asTexts(rows.map((row) => row.payload));
}

test("two accounts that are extracted at the same time into one database keep to themselves", async () => {
  // The same ids mean different records in each.
  const accounts: readonly Account[] = [
    generateAccount({ conta: "norte", email: "n@example.com", token: "n", seed: 1, reservas: 150 }),
    generateAccount({ conta: "sul", email: "s@example.com", token: "s", seed: 2, reservas: 100 }),
  ];
  const emulator = await startEmulator({ accounts, rateLimit: null });
  try {
    for (const round of ["first", "again, after changes"]) {
      const runs = accounts.map(({ conta, email, token }) =>
        startElt(["extract", "--page-size", "20", "--full"], {
          DATABASE_URL: database.url,
          CVCRM_ACCOUNT: conta,
          CVCRM_API_EMAIL: email,
          CVCRM_API_TOKEN: token,
          CVCRM_API_URL: emulator.url,
          CVCRM_RATE_LIMIT: "10000/1s",
        }),
      );
      const outcomes = await Promise.all(runs.map((run) => run.outcome));
      expect([round, ...outcomes.map(({ code, err }) => [code, err])]).toEqual([
        round,
        [0, ""],
        [0, ""],
      ]);
      for (const account of accounts) {
        for (const { name } of defaultObjects) {
          const place = [account.conta, name];
          expect([place, await landed(name, account.conta)]).toEqual([
            place,
            asTexts(account.records(name)),
          ]);
        }
      }
      const [norte, sul] = accounts;
      norte?.edit("reservas", firstKey(norte), { situacao: "só no norte" });
      sul?.edit("reservas", firstKey(sul), { situacao: "só no sul" });
    }
  } finally {
    await emulator.close();
  }
});

function firstKey(account: Account): string {
  const [first] = account.records("reservas");
  return String(first?.idreserva);
}
