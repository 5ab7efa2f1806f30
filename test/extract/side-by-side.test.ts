import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Emulator, startEmulator } from "../../emulator/server.ts";
import { sleepUntil } from "../../extract/limits.ts";
import { createTestDatabase } from "../postgres.ts";
import { type EmulatedAccount, emulatedAccount, extractEmulated } from "./emulated-extraction.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());
const { pool } = database;

/** Half an hour may pass before an answer counts as slow. */
const PATIENT = { requests: 1_000, windowMs: 2_000_000_000 };
const names = ["reservas", "comissoes", "unidades", "corretores"];
let accounts = 0;
let source: EmulatedAccount;
let emulator: Emulator;

beforeEach(async () => {
  const reservas = Array.from({ length: 10 }, (_, i) => ({
    idreserva: i + 1,
    referencia_data: `2026-01-0${1 + Math.floor(i / 2)} 10:00:00`,
  }));
  source = emulatedAccount(`conta${++accounts}`, { reservas, comissoes: [], corretores: [] });
  emulator = await startEmulator({ accounts: [source.account], rateLimit: null });
});

afterEach(() => emulator.close());

function extract(objects: readonly string[], options: Parameters<typeof extractEmulated>[3] = {}) {
  return extractEmulated(pool, { ...source, url: emulator.url }, objects, {
    pageSize: 4,
    limit: PATIENT,
    ...options,
  });
}

describe("the objects of a run", () => {
  test("are all asked for when one was read in part, though others are refused", async () => {
    emulator.fault({ object: "reservas", page: 2, times: 100, kind: "500" });
    for (const object of ["comissoes", "unidades"]) {
      emulator.fault({ object, times: 100, kind: "401" });
    }
    const { results } = await extract(names);
    expect(results).toMatchObject([
      { object: "reservas", verdict: "failed", fault: "server" },
      { object: "comissoes", fault: "unauthorized" },
      { object: "unidades", fault: "unauthorized" },
      { object: "corretores", verdict: "proven" },
    ]);
  });

  test("do not wait while one waits to be asked again", async () => {
    emulator.fault({ object: "reservas", page: 2, times: 1, kind: "500" });
    let othersDone: () => void = () => undefined;
    const others = new Promise<void>((resolve) => {
      othersDone = resolve;
    });
    const { results } = await extract(["reservas", "corretores"], {
      pause: () => others,
      onEvent: (event) => {
        if (event.type === "object-finished" && event.object === "corretores") othersDone();
      },
    });
    expect(results).toMatchObject([{ verdict: "proven" }, { verdict: "proven" }]);
  });

  test("are asked for nothing more once the database fails, and wait no longer", async () => {
    emulator.fault({ object: "reservas", page: 1, times: 1, kind: "500" });
    await pool.query(`
      create function full_disk() returns trigger language plpgsql as $$
      begin
        if new.objeto = 'corretores' then raise exception 'disk full' using errcode = '53100'; end if;
        return new;
      end $$;
      create trigger full_disk before update on elt.loads for each row execute function full_disk()`);
    try {
      // The first object waits to be asked again, without an end; the second one fails meanwhile.
      const extracting = extract(["reservas", "corretores"], {
        pause: (stop) => sleepUntil(stop)(PATIENT.windowMs),
      });
      await expect(extracting).rejects.toThrow("disk full");
    } finally {
      await pool.query("drop function full_disk() cascade");
    }
    const asked = emulator.requests.map(({ path, status }) => `${path} ${status}`);
    expect(asked).toEqual(["/reservas 500", "/corretores 200"]);
  });
});
