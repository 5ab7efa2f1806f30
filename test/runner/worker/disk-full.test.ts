import type { Pool } from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createOwnCluster,
  mayMount,
  mountSmallDisk,
  type OwnCluster,
  type SmallDisk,
} from "./own-cluster.ts";
import { type StruckWorker, startStruckWorker } from "./struck-worker.ts";

const MEGABYTES = 400;
let disk: SmallDisk;
let cluster: OwnCluster;
let worker: StruckWorker;

const close = async () => {
  await worker.close();
  await cluster.remove();
  disk.unmount();
};
const open = async (place: (folder: string) => Parameters<typeof createOwnCluster>[0]) => {
  disk = mountSmallDisk(MEGABYTES);
  cluster = await createOwnCluster(place(disk.folder));
  worker = await startStruckWorker(cluster);
  expect(await worker.turn()).toEqual([{ status: "done", sentence: "" }]);
};

/** Fills one file of the log after the other, until there is no place for another. */
async function writeLog(pool: Pool): Promise<never> {
  for (;;) {
    await pool.query("select pg_logical_emit_message(false, 'test', 'one more')");
    await pool.query("select pg_switch_wal()");
  }
}

// A disk that is full needs a disk: a small one of its own, which only root may mount.
describe.skipIf(!mayMount())("the database's disk is full", () => {
  describe("where its tables lie", () => {
    beforeEach(() => open((folder) => ({ folder })));
    afterEach(close);

    test.each(["while reservas is read", "while tables are built"] as const)(
      "%s: the run ends with exit 5 and says so, and with room again the next one makes it whole",
      async (moment) => {
        const tries = await worker.turnStruck(moment, {
          strike: () => disk.fill(),
          bringBack: async () => disk.empty(),
        });
        expect(tries).toEqual([
          { status: "database-lost", sentence: expect.stringContaining("Its disk is full") },
          { status: "done", sentence: "" },
        ]);
        await worker.expectRecovered(0, 5);
      },
    );
  });

  describe("where its log lies", () => {
    beforeEach(() => open((walFolder) => ({ walFolder })));
    afterEach(close);

    test("the server goes down, and once it is up again the next run makes it whole", async () => {
      const tries = await worker.turnStruck("in the middle of the commit", {
        strike: () => {
          disk.fill();
          void writeLog(cluster.pool).catch(() => undefined);
        },
        bringBack: async () => {
          cluster.quit();
          disk.empty();
          await cluster.start();
        },
      });
      expect(tries).toEqual([
        { status: "database-lost", sentence: expect.stringContaining("The database was lost") },
        { status: "done", sentence: "" },
      ]);
      await worker.expectRecovered(0, 5);
    });
  });
});
