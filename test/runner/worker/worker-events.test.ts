import { describe, expect, test } from "vitest";
import { workerText } from "../../../runner/worker/worker-events.ts";

describe("a worker that waits", () => {
  const until = "2026-11-24T09:00:00.000Z";

  test("tells the next run by Brasília's clock", () => {
    expect(workerText({ type: "worker-waits", until, because: "schedule" })).toBe(
      "Next run: 2026-11-24 06:00:00 Brasília.",
    );
  });

  test("tells whoever starts it at night how to load now", () => {
    expect(workerText({ type: "worker-waits", until, because: "shut" })).toBe(
      "Outside of SYNC_HOURS. Next run: 2026-11-24 06:00:00 Brasília. Sooner: npm run elt, in another terminal.",
    );
  });
});
