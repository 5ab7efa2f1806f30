import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "vitest";
import type { Account } from "../../../emulator/account.ts";
import { generateAccount } from "../../../emulator/generate-account.ts";
import { startEmulator } from "../../../emulator/server.ts";
import { withConnection } from "../../postgres.ts";
import { startClockedWorker, type Tries } from "./clocked-worker.ts";
import { type OwnCluster, untilThereIs } from "./own-cluster.ts";
import { expectRecovered } from "./recovered.ts";

/** When the ground goes away under a run. */
export type Moment =
  | "while reservas is read"
  | "while the largest object is read"
  | "while tables are built"
  | "in the middle of the commit";

export const moments: readonly Moment[] = [
  "while reservas is read",
  "while the largest object is read",
  "while tables are built",
  "in the middle of the commit",
];

/** What takes the ground away; and what somebody then does to bring it back. */
export type Blow = { readonly strike: () => void; readonly bringBack: () => Promise<void> };

/** A worker on a cluster of its own, whose turns are struck. */
export type StruckWorker = {
  /** A turn that nothing happens to. */
  readonly turn: () => Promise<Tries>;
  /** Changes the source, and strikes the turn that reads it. */
  readonly turnStruck: (moment: Moment, blow: Blow) => Promise<Tries>;
  /** Holds the database to its source, and the last two runs to these exit codes, the newest first. */
  readonly expectRecovered: (...exitCodes: readonly number[]) => Promise<void>;
  readonly close: () => Promise<void>;
};

type Arm = (strike: () => void) => Promise<() => Promise<void>>;

export async function startStruckWorker(cluster: OwnCluster): Promise<StruckWorker> {
  const account = generateAccount({
    ...{ conta: "queda", email: "q@example.com", token: "q-token", seed: 5, reservas: 60 },
  });
  const { conta, email, token } = account;
  let onEvent: (event: { readonly type: string; readonly model?: string }) => void = () =>
    undefined;
  const folder = await mkdtemp(path.join(tmpdir(), "elt-recovery-"));
  const emulator = await startEmulator({ accounts: [account], rateLimit: null });
  const worker = await startClockedWorker({
    env: {
      ...{ DATABASE_URL: cluster.url, CVCRM_ACCOUNT: conta, CVCRM_API_EMAIL: email },
      ...{ CVCRM_API_TOKEN: token, CVCRM_API_URL: emulator.url },
      ...{ CVCRM_RATE_LIMIT: "10000/60s", SYNC_HOURS: "0-24", SYNC_CRON: "*/5 * * * *" },
    },
    folder,
    pageSize: 25,
    onEvent: (event) => onEvent(event),
  });

  /** Everything is read again, as it is each week: many pages, whose keys are remembered outside of the log. */
  const armSource = async (object: string, call: number, strike: () => void) => {
    await cluster.pool.query("update elt.cursors set last_full_at = now() - interval '30 days'");
    // The answer is held back until pages before it are on disk, which nobody waits for otherwise.
    const onDisk = async () => {
      await untilThereIs(cluster.url, "select from elt.scan_pages where ordinal > 0");
      await cluster.pool.query("checkpoint");
      strike();
    };
    const end = emulator.fault({ conta, object, call, ms: 2_000, kind: () => void onDisk() });
    return async () => end();
  };

  /** Each arms its trap, and gives what takes it away. */
  const traps: Readonly<Record<Moment, Arm>> = {
    "while reservas is read": (strike) => armSource("reservas", 3, strike),
    "while the largest object is read": (strike) => armSource("reservas_condicoes", 8, strike),
    "while tables are built": async (strike) => {
      onEvent = ({ type, model }) => {
        if (type === "model-built" && model === "marts.vendas") strike();
      };
      return async () => {
        onEvent = () => undefined;
      };
    },
    // A trigger at the end of the transaction waits for a lock of the test: the commit is under way.
    "in the middle of the commit": async (strike) => {
      await withConnection(cluster.url, (client) =>
        client.query(`
          create function public.hold_commit() returns trigger language plpgsql as
            'begin perform pg_advisory_xact_lock(4711); return null; end';
          create constraint trigger hold_commit after insert on elt.publications
            deferrable initially deferred for each row execute function public.hold_commit()`),
      );
      const holder = await cluster.pool.connect();
      holder.on("error", () => undefined);
      await holder.query("select pg_advisory_lock(4711)");
      const waiting =
        "select from pg_locks where locktype = 'advisory' and objid = 4711 and not granted";
      const struck = untilThereIs(cluster.url, waiting).then(strike);
      return async () => {
        await struck;
        holder.release(true);
        await withConnection(cluster.url, (client) =>
          client.query("drop function public.hold_commit cascade"),
        );
      };
    },
  };

  let turns = 0;
  return {
    turn: () => worker.turn(),
    turnStruck: async (moment, { strike, bringBack }) => {
      change(account, turns++);
      let struck = 0;
      const disarm = await traps[moment](() => {
        if (++struck === 1) strike();
      });
      let isBack = false;
      const tries = await worker.turn(async () => {
        if (isBack) return;
        isBack = true;
        await bringBack();
        await disarm();
      });
      if (!isBack) await disarm();
      return tries;
    },
    expectRecovered: async (...exitCodes) => {
      await expectRecovered(cluster.pool, account);
      const { rows: runs } = await cluster.pool.query<{ code: number }>(
        "select exit_code as code from elt.runs order by run_id desc limit $1",
        [exitCodes.length],
      );
      expect(runs.map(({ code }) => code)).toEqual(exitCodes);
    },
    close: async () => {
      await worker.stop();
      await emulator.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Something happens at the source before each turn. */
function change(account: Account, nth: number): void {
  const reservas = [...account.records("reservas")];
  const of = (at: number) => Number(reservas[at]?.idreserva);
  account.edit("reservas", of(nth), { valor_contrato: 100_000 + nth, tipovenda: `Vez ${nth}` });
  account.insert("reservas", {
    ...reservas[nth],
    idreserva: 900_000 + nth,
    referencia_data: "2026-11-20 10:00:00",
  });
  const [comissao] = account.records("comissoes");
  account.insert("comissoes", { ...comissao, idcomissao: 900_000 + nth, idreserva: of(nth) });
}
