import type { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRandom } from "../../emulator/random.ts";
import { type Emulator, startEmulator } from "../../emulator/server.ts";
import { createTestDatabase, withTestDatabase } from "../postgres.ts";
import {
  accountOf,
  extractOnce,
  extractUntil,
  type Place,
  requestsLeft,
  untilUnlocked,
} from "./crash-run.ts";
import {
  compareWithSource,
  type EmulatedAccount,
  leftovers,
  noDifference,
} from "./emulated-extraction.ts";
import type { StruckObject } from "./fault-cases.ts";

/** Every choice below follows from it; a failure names its point. */
const SEED = 20_261_124;
const RECORDS = 60;
const PAGE_SIZE = 4;
/** Page 1, every page from the last to the first, the end again. */
const REQUESTS = 1 + RECORDS / PAGE_SIZE + 1;
const POINTS_PER_OBJECT = 14;
const LONGEST_AFTER_MS = 40;

type Point = {
  readonly conta: string;
  readonly object: StruckObject;
  readonly source: EmulatedAccount;
  readonly request: number;
  readonly ms: number;
  /** Of the run after it. */
  readonly nextPageSize: number;
};

const objects = ["reservas", "unidades_precos"] as const;
const random = createRandom(SEED);

/** Points spread evenly over the requests of a load, each at a random moment after one of them. */
const points: readonly Point[] = objects.flatMap((object) =>
  Array.from({ length: POINTS_PER_OBJECT }, (_, nth) => {
    const conta = `queda-${objects.indexOf(object) + 1}-${nth + 1}`;
    return {
      conta,
      object,
      source: accountOf(conta, object, RECORDS),
      request: 1 + Math.floor((nth * REQUESTS) / POINTS_PER_OBJECT),
      ms: random.int(LONGEST_AFTER_MS),
      nextPageSize: random.chance(0.5) ? PAGE_SIZE : random.between(2, 11),
    };
  }),
);

/** Killed again and again, with another page size each time. */
const chains = objects.map((object, nth) => {
  const conta = `quedas-${nth + 1}`;
  return {
    conta,
    object,
    source: accountOf(conta, object, RECORDS),
    kills: Array.from({ length: 4 }, () => ({
      request: random.between(2, 4),
      ms: random.int(LONGEST_AFTER_MS),
      pageSize: random.between(3, 6),
    })),
  };
});

/** Connections that the server ends: one of the run's, or all. */
const lostConnections = Array.from({ length: 12 }, (_, nth) => {
  const conta = `conexao-${nth + 1}`;
  return {
    conta,
    object: "comissoes" as const,
    source: accountOf(conta, "comissoes", RECORDS),
    request: 1 + Math.floor((nth * REQUESTS) / 12),
    ms: random.int(LONGEST_AFTER_MS),
    victims: nth % 3 === 0 ? ("all" as const) : random.unit(),
  };
});

const database = await createTestDatabase();
let emulator: Emulator;
let place: Place;

beforeAll(async () => {
  emulator = await startEmulator({
    accounts: [...points, ...chains, ...lostConnections].map(({ source }) => source.account),
    rateLimit: null,
    delayMs: 4,
  });
  place = { database, emulator };
});
afterAll(async () => {
  await emulator.close();
  await database.drop();
});

/** What is left of a run that was killed: answers after the strike never come, so it cannot end before. */
async function kill(
  { source, conta, object }: Pick<Point, "source" | "conta" | "object">,
  {
    request,
    ms,
    pageSize,
  }: { readonly request: number; readonly ms: number; readonly pageSize: number },
): Promise<void> {
  const answered = request + 1 + Math.floor(ms / 8);
  const endSilence = emulator.fault({
    conta,
    call: answered + 1,
    times: 1_000,
    kind: "slow",
    ms: 3_600_000,
  });
  const run = { object, pageSize, strike: { request, ms } };
  const { code, signal, err } = await extractUntil(place, source, run, (killNow) => killNow());
  endSilence();
  // Only the very last moments leave a run the time to end by itself.
  const ended = answered >= REQUESTS && signal === null;
  expect({ code, signal, err }).toEqual(
    ended ? { code: 0, signal: null, err: "" } : { code: null, signal: "SIGKILL", err: "" },
  );
  await untilUnlocked(place, conta);
}

async function expectWhole({ source, conta, object }: Pick<Point, "source" | "conta" | "object">) {
  expect(await compareWithSource(database.pool, source.account, object)).toEqual(noDifference);
  expect(await leftovers(database.pool, conta)).toEqual([]);
}

describe.concurrent("a load that is killed", { timeout: 120_000 }, () => {
  test.each(objects)("at points all over it is whole after one more run: %s", async (object) => {
    for (const point of points.filter((one) => one.object === object)) {
      const { conta, source, request, ms, nextPageSize } = point;
      const where = `${conta}: ${ms} ms after request ${request}, then pages of ${nextPageSize}`;
      await kill(point, { request, ms, pageSize: PAGE_SIZE });
      const left = await requestsLeft(place, conta, { records: RECORDS, pageSize: nextPageSize });
      const { result, requests } = await extractOnce(place, source, {
        object,
        pageSize: nextPageSize,
      });
      expect(result, where).toMatchObject({ verdict: "proven" });
      if (left !== undefined) expect([where, requests]).toEqual([where, left]);
      await expectWhole(point);
    }
  });

  test.each(chains)(
    "again and again, in pages of other sizes, is whole in the end: $object",
    async (chain) => {
      for (const strike of chain.kills) await kill(chain, strike);
      const { object } = chain;
      const pageSize = 7;
      const left = await requestsLeft(place, chain.conta, { records: RECORDS, pageSize });
      expect(left).toBeLessThan(2 + Math.ceil(RECORDS / pageSize));
      const { result, requests } = await extractOnce(place, chain.source, { object, pageSize });
      expect(result).toMatchObject({ verdict: "proven" });
      expect(requests).toBe(left);
      await expectWhole(chain);
    },
  );

  test("by the end of its connections is whole after one more run, and said so", async () => {
    await withTestDatabase(async (own) => {
      const at = { database: own, emulator };
      const codes: (number | null)[] = [];
      for (const { conta, object, source, request, ms, victims } of lostConnections) {
        let struck: Promise<unknown> = Promise.resolve();
        const run = { object, pageSize: PAGE_SIZE, strike: { request, ms } };
        const { code, err } = await extractUntil(at, source, run, () => {
          struck = endConnections(own.pool, victims);
        });
        await struck;
        const where = `${conta}: ${victims} ended ${ms} ms after request ${request}`;
        expect([0, 5], `${where}: ${err}`).toContain(code);
        if (code === 5) expect(err, where).toContain("The database was lost during the run");
        expect(err).not.toMatch(/\n\s+at /);
        codes.push(code);
        await untilUnlocked(at, conta);
        const { result } = await extractOnce(at, source, { object, pageSize: PAGE_SIZE });
        expect(result, where).toMatchObject({ verdict: "proven" });
        expect(await compareWithSource(own.pool, source.account, object)).toEqual(noDifference);
        expect(await leftovers(own.pool, conta)).toEqual([]);
      }
      expect(codes).toContain(5);
    });
  });
});

/** Ends all connections of the run under way, or one of them: a share of their number tells which. */
async function endConnections(pool: Pool, victims: "all" | number): Promise<void> {
  await pool.query(
    `with run as (
       select pid, row_number() over (order by pid) - 1 as nth, count(*) over () as connections
       from pg_stat_activity
       where datname = current_database() and application_name = 'elt extract'
     )
     select pg_terminate_backend(pid) from run
     where $1::float8 is null or nth = floor($1 * connections)`,
    [victims === "all" ? null : victims],
  );
}
