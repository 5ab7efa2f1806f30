import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exemplo } from "../../../emulator/exemplo.ts";
import { type Emulator, startEmulator } from "../../../emulator/server.ts";
import { projectRoot } from "../../../runner/building.ts";
import { eltHere } from "../../elt-here.ts";
import { createTestDatabase } from "../../postgres.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());

const account = exemplo({ email: "ana@example.com", token: "a-token" });
let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator({ accounts: [account], rateLimit: null });
});
afterAll(() => emulator.close());

const elt = (...args: string[]) =>
  eltHere(args, {
    DATABASE_URL: database.url,
    CVCRM_ACCOUNT: "exemplo",
    CVCRM_API_EMAIL: "ana@example.com",
    CVCRM_API_TOKEN: "a-token",
    CVCRM_API_URL: emulator.url,
    CVCRM_RATE_LIMIT: "1000/60s",
  });

describe("elt drift", () => {
  test("says that nothing is recorded before the first extraction", async () => {
    const { code, out } = await elt("drift", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ days: 30, drift: [], recorded: 0, unread: [] });
  });

  test("shows a field from the run that found it to the line that reads it", async () => {
    expect((await elt("extract", "reservas", "vendas")).code).toBe(0);
    expect((await elt("status")).out).not.toContain("Fields that changed");
    account.addField("reservas", "valor_da_vistoria", (record) => Number(record.idreserva) + 0.25);
    const run = await elt("extract", "--full", "reservas", "vendas");
    expect(run.code).toBe(0);
    const told = run.out
      .split("\n")
      .filter((line) => line.includes("drift-found"))
      .map((line) => JSON.parse(line));
    expect(told).toMatchObject([
      { object: "reservas", drift: [{ field: "valor_da_vistoria", change: "new" }] },
    ]);
    const status = JSON.parse((await elt("status", "--json")).out);
    expect(status.drift).toEqual([{ conta: "exemplo", change: "new", fields: 1 }]);

    const text = await elt("drift", "reservas", "vendas");
    expect(text.code).toBe(0);
    expect(text.out).toMatch(
      /\nvendas: \d+ fields landed, and no staging model reads this object: add models\/staging\/vendas\.sql/,
    );
    expect(text.out).toMatch(
      /above line \d+ \(referencia_data text\):\n( {4}\S+ text,\n)* {4}valor_da_vistoria text,\n/,
    );
    expect(text.out).toMatch(
      /exemplo {2}reservas {2}valor_da_vistoria {2}new: number {2}(\d+) of \1\n$/,
    );
    const { code, out } = await elt("drift", "reservas", "vendas", "--json");
    expect(code).toBe(0);
    const { drift, unread } = JSON.parse(out);
    expect(drift).toMatchObject([
      { conta: "exemplo", object: "reservas", field: "valor_da_vistoria", change: "new" },
    ]);
    expect(
      unread.map(({ object, file }: { object: string; file: string }) => [object, file]),
    ).toEqual([
      ["reservas", "models/staging/reservas.sql"],
      ["vendas", null],
    ]);
    const line = unread[0].fields.find(
      ({ field }: { field: string }) => field === "valor_da_vistoria",
    );
    expect(line).toMatchObject({
      definition: "    valor_da_vistoria text,",
      test: "-- @warn   lossless(valor_da_vistoria, valor_da_vistoria)",
    });
    expect(line.select).toMatch(
      /^ {4}elt\.as_money\(r\.valor_da_vistoria\)::numeric\(15, 2\) as valor_da_vistoria, {2}-- new since \d{4}-\d\d-\d\d$/,
    );
    expect(text.out + out).not.toContain("João Silva Santos");
  });

  test("counts fields where no object is named, and says how to get their lines", async () => {
    const { code, out } = await elt("drift");
    expect(code).toBe(0);
    expect(out).toMatch(/^Fields that no model reads\n {2}object +fields +staging model\n/);
    expect(out).toMatch(/\n {2}reservas +\d+ {2}models\/staging\/reservas\.sql\n/);
    expect(out).toMatch(/\n {2}vendas +\d+ {2}none\n/);
    expect(out).toContain("The lines that would read them: npm run elt -- drift reservas\n");
    expect(out).not.toContain("lossless(");
    expect(out).toContain("valor_da_vistoria");
  });

  test("forgets in the status what an earlier run told, not in the history", async () => {
    expect((await elt("extract", "--full", "reservas")).code).toBe(0);
    expect(JSON.parse((await elt("status", "--json")).out).drift).toEqual([]);
    expect(JSON.parse((await elt("drift", "--json")).out).drift).toHaveLength(1);
    await database.pool.query(
      `insert into elt.drift (conta, objeto, campo, change, types_before, types_now, records,
         of_records, load_id)
       values ('exemplo', 'reservas', 'nome_time', 'vanished', '{string}', '{}', 0, 8, 1)`,
    );
    expect((await elt("drift", "reservas")).out).toMatch(
      /nome_time +vanished \(was string\) +models\/staging\/reservas\.sql/,
    );
    await database.pool.query("update elt.drift set seen_at = seen_at - interval '40 days'");
    expect(JSON.parse((await elt("drift", "--json")).out).drift).toEqual([]);
    expect(JSON.parse((await elt("drift", "--json", "--days", "60")).out).drift).toHaveLength(2);
  });

  test.each([
    ["a misspelt object", ["reserva"], "CVDW has no object reserva. Near it: "],
    [
      "a number of days that is none",
      ["--days", "ontem"],
      '--days is a number of days from 1 to 36500, not "ontem".',
    ],
    ["days before tomorrow", ["--days", "0"], 'not "0"'],
  ])("refuses %s with exit 2", async (_, args, sentence) => {
    const { code, err } = await elt("drift", ...args);
    expect(code).toBe(2);
    expect(err).toContain(sentence);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test("points at a staging model that cannot be parsed instead of guessing what it reads", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "elt-project-"));
    try {
      for (const part of ["models", "views"]) {
        await cp(path.join(projectRoot, part), path.join(folder, part), { recursive: true });
      }
      await writeFile(
        path.join(folder, "models/staging/reservas.sql"),
        "-- R.\n-- @key chave\nselec 1",
      );
      const { code, err } = await elt("drift", "--project", folder);
      expect(code).toBe(1);
      expect(err).toContain("models/staging/reservas.sql:3:1");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
