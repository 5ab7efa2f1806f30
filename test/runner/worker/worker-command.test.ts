import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { exemplo } from "../../../emulator/exemplo.ts";
import { generateAccount } from "../../../emulator/generate-account.ts";
import { type Emulator, startEmulator } from "../../../emulator/server.ts";
import { type EltProcess, runElt, startElt } from "../../elt-process.ts";
import { createTestDatabase, type TestDatabase } from "../../postgres.ts";
import { expectRecovered } from "./recovered.ts";

const account = () =>
  generateAccount({
    conta: "grande",
    email: "g@example.com",
    token: "g-token",
    seed: 3,
    reservas: 2_500,
  });

let database: TestDatabase;
/** Takes a third of a second for a page. */
let slow: Emulator;
beforeAll(async () => {
  database = await createTestDatabase();
  slow = await startEmulator({ accounts: [account(), exemplo()], rateLimit: null, delayMs: 300 });
});
afterAll(async () => {
  await slow.close();
  await database.drop();
});

const processes: EltProcess[] = [];
afterEach(async () => {
  for (const each of processes.splice(0)) {
    each.process.kill("SIGKILL");
    await each.outcome;
  }
});

function settings(changes: Record<string, string | undefined> = {}) {
  return {
    DATABASE_URL: database.url,
    CVCRM_ACCOUNT: "grande",
    CVCRM_API_EMAIL: "g@example.com",
    CVCRM_API_TOKEN: "g-token",
    CVCRM_API_URL: slow.url,
    CVCRM_RATE_LIMIT: "10000/60s",
    // The worker's host may stand anywhere, and it may be any time of day.
    SYNC_HOURS: "0-24",
    TZ: "America/New_York",
    ...changes,
  };
}

function startWorker(changes?: Record<string, string | undefined>): EltProcess {
  const worker = startElt(["worker"], settings(changes));
  processes.push(worker);
  return worker;
}

async function landed(): Promise<number> {
  const { rows } = await database.pool.query(
    "select count(*)::int as n, count(distinct chave)::int as keys from landing.reservas where conta = 'grande'",
  );
  expect(rows[0].n).toBe(rows[0].keys);
  return rows[0].n;
}

describe("elt worker", () => {
  test("on SIGTERM lands the pages in hand, records the run, and exits with 143", async () => {
    const worker = startWorker();
    await worker.says('"object":"reservas","done":1');
    worker.process.kill("SIGTERM");
    const { code, err } = await worker.outcome;
    expect([code, err]).toEqual([143, ""]);
    const { rows: runs } = await database.pool.query(
      "select command, conta, exit_code, error from elt.runs order by run_id desc limit 1",
    );
    expect(runs).toEqual([
      { command: "run", conta: "grande", exit_code: 143, error: "interrupted" },
    ]);
    const { rows: loads } = await database.pool.query(
      "select objeto, verdict from elt.loads where verdict not in ('proven', 'stopped')",
    );
    expect(loads).toEqual([]);
    // Each page that was asked for and answered is landed.
    const answered = slow.requests.filter(({ conta, path }) => conta && path === "/reservas");
    const rows = answered.reduce((sum, request) => sum + request.rows, 0);
    expect(await landed()).toBe(rows);
    expect(rows).toBeLessThan(2_500);
  });

  test("on SIGTERM does not wait for a source that answers nothing", async () => {
    const silent = await startEmulator({
      ...{ accounts: [exemplo()], rateLimit: null, delayMs: 3_600_000 },
    });
    const { email, token, conta } = exemplo();
    const credentials = { CVCRM_API_EMAIL: email, CVCRM_API_TOKEN: token, CVCRM_ACCOUNT: conta };
    const worker = startWorker({ ...credentials, CVCRM_API_URL: silent.url });
    await worker.says('"type":"object-started"');
    worker.process.kill("SIGTERM");
    expect((await worker.outcome).code).toBe(143);
    await silent.close();
    const { rows } = await database.pool.query(
      "select exit_code, error from elt.runs where conta = $1 order by run_id desc limit 1",
      [conta],
    );
    expect(rows).toEqual([{ exit_code: 143, error: "interrupted" }]);
  });

  test("killed in the middle of a run, the next start goes on where it stopped, and all is as after a first run", async () => {
    const worker = startWorker();
    await worker.says('"object":"reservas","done":3');
    worker.process.kill("SIGKILL");
    await worker.outcome;
    expect(await landed()).toBeLessThan(2_500);
    const next = startWorker();
    await next.says('"type":"worker-waits"');
    expect(await landed()).toBe(2_500);
    next.process.kill("SIGTERM");
    const { code, out } = await next.outcome;
    expect(code).toBe(143);
    const events = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(
      events.find(({ type, object }) => type === "object-started" && object === "reservas"),
    ).toMatchObject({ resumed: { total: 2_500 } });
    // It runs once at the start; then it waits for a turn to come.
    expect(events.filter(({ type }) => type === "published")).toHaveLength(1);
    const [wait] = events.filter(({ type }) => type === "worker-waits");
    expect(new Date(wait.until).getTime()).toBeGreaterThan(new Date(wait.at).getTime());
    expect((new Date(wait.until).getUTCHours() - 3 + 24) % 4).toBe(0);
    await expectRecovered(database.pool, account());
  });

  test("holds no connection for long while it waits", async () => {
    const worker = startWorker();
    await worker.says('"type":"worker-waits"');
    // The pool closes what nobody used for ten seconds; the test waits for that, not for a time.
    for (;;) {
      const { rows } = await database.pool.query(
        "select pg_sleep(0.5), (select count(*)::int from pg_stat_activity where application_name like 'elt worker%') as n",
      );
      if (rows[0].n === 0) break;
    }
    worker.process.kill("SIGINT");
    expect((await worker.outcome).code).toBe(130);
  });

  test("waits while another run holds the account, and says who it is", async () => {
    const holder = await database.pool.connect();
    await holder.query("set application_name = 'the other run'");
    await holder.query("select pg_advisory_lock(hashtextextended('extract grande', 0))");
    const { rows: before } = await database.pool.query("select count(*)::int as n from elt.runs");
    const worker = startWorker();
    try {
      await worker.says('"type":"turn-held-up","holder":"\\"the other run\\"');
    } finally {
      holder.release(true);
    }
    worker.process.kill("SIGTERM");
    expect((await worker.outcome).code).toBe(143);
    const { rows: after } = await database.pool.query("select count(*)::int as n from elt.runs");
    expect(after).toEqual(before);
  });

  test.each([
    ["settings are wrong", { SYNC_CRON: "daily", CVCRM_API_TOKEN: "" }, ["SYNC_CRON", "TOKEN"]],
    ["alerts are half set", { ALERT_EMAIL_TO: "ana" }, ["ALERT_EMAIL_TO", "ALERT_EMAIL_USER"]],
    ["no database answers", { DATABASE_URL: "postgresql://u:p@127.0.0.1:1/x" }, ["No PostgreSQL"]],
    ["CVDW refuses the credentials", { CVCRM_API_TOKEN: "wrong" }, ["refused the credentials"]],
  ])("ends with exit 2 and a sentence when %s", async (_case, changes, sentences) => {
    const { code, err } = await runElt(["worker"], settings(changes));
    expect(code).toBe(2);
    for (const sentence of sentences) expect(err).toContain(sentence);
    expect(err).not.toMatch(/\n\s+at /);
    // Each sentence once.
    const lines = err.trim().split("\n");
    expect(new Set(lines).size).toBe(lines.length);
  });

  test("heals when the database was lost in the middle of a run", async () => {
    const gate = await startGate(database.url);
    const changes = {
      ...{ CVCRM_ACCOUNT: "exemplo", CVCRM_API_EMAIL: exemplo().email },
      ...{ CVCRM_API_TOKEN: exemplo().token, DATABASE_URL: gate.url },
    };
    const worker = startWorker(changes);
    await worker.says('"type":"page-landed"');
    gate.shut();
    await worker.says('"type":"database-away"');
    gate.open();
    await worker.says('"type":"database-back"');
    await worker.says('"type":"published"');
    await worker.says('"type":"worker-waits"');
    worker.process.kill("SIGTERM");
    const { code, err } = await worker.outcome;
    expect(code).toBe(143);
    expect(err).toContain("The database was lost during the run");
    await gate.close();
  });

  test("tells its settings in help", async () => {
    const { out } = await runElt(["worker", "--help"], {});
    expect(out).toContain("SYNC_CRON (default: every four hours)");
  });
});

type Gate = {
  readonly url: string;
  readonly shut: () => void;
  readonly open: () => void;
  readonly close: () => Promise<void>;
};

/** A way to the database that can be cut. */
async function startGate(database: string): Promise<Gate> {
  const target = new URL(database);
  const sockets = new Set<Socket>();
  let isShut = false;
  const server: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (isShut) {
      socket.destroy();
      return;
    }
    const host = target.searchParams.get("host");
    const there =
      host === null || host === ""
        ? connect(Number(target.port), target.hostname)
        : connect(`${host}/.s.PGSQL.${target.port || 5432}`);
    there.on("error", () => socket.destroy());
    for (const each of [socket, there]) {
      sockets.add(each);
      each.on("close", () => {
        sockets.delete(each);
        socket.destroy();
        there.destroy();
      });
    }
    socket.pipe(there).pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(database);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);
  url.search = "";
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    shut: () => {
      isShut = true;
      cut();
    },
    open: () => {
      isShut = false;
    },
    close: async () => {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
