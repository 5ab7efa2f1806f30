import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Many tests wait for processes that they start: three at a time keep two cores busy.
    maxWorkers: 3,
    globalSetup: ["test/global-setup.ts"],
    // Real servers and databases start inside hooks and tests, on machines with one core, too.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // What is waited for happens in another process; how soon is the machine's matter.
    expect: { poll: { timeout: 60_000 } },
  },
});
