import { describe, expect, test } from "vitest";
import { exemplo } from "../../emulator/exemplo.ts";
import { createLimiter } from "../../emulator/limiter.ts";
import { startEmulator } from "../../emulator/server.ts";
import { call } from "./call.ts";

const limit = { requests: 3, windowMs: 60_000, blockMs: 60_000 };
const second = 1_000;

describe("the limiter", () => {
  test("lets the window slide: an old call makes room for one", () => {
    const limiter = createLimiter(limit);
    expect([0, 20, 40].map((s) => limiter.admit(s * second))).toEqual(Array(3).fill("admitted"));
    expect(limiter.admit(60 * second)).toBe("admitted");
    expect(limiter.admit(61 * second)).toBe("refused");
  });

  test("refuses everything for a minute after the limit was passed", () => {
    const limiter = createLimiter(limit);
    for (const s of [0, 1, 2]) limiter.admit(s * second);
    expect(limiter.admit(3 * second)).toBe("refused");
    expect(limiter.admit(62 * second)).toBe("refused");
    expect(limiter.admit(63 * second)).toBe("admitted");
  });

  test("strictly: every refused call starts the minute again", () => {
    const limiter = createLimiter({ ...limit, strict: true });
    for (const s of [0, 1, 2, 3]) limiter.admit(s * second);
    expect(limiter.admit(62 * second)).toBe("refused");
    expect(limiter.admit(121 * second)).toBe("refused");
    expect(limiter.admit(181 * second)).toBe("admitted");
  });
});

test("twenty calls in a minute pass, the next is refused, a minute later they pass again", async () => {
  let clock = Date.parse("2026-03-10T12:00:00Z");
  const account = exemplo();
  const emulator = await startEmulator({ accounts: [account], now: () => new Date(clock) });
  const statuses: number[] = [];
  for (let n = 0; n < 21; n++) {
    statuses.push((await call(emulator, account, "/leads")).status);
    clock += 1_000;
  }
  expect(statuses).toEqual([...Array(20).fill(200), 429]);
  const refused = await call(emulator, account, "/leads");
  expect(JSON.parse(refused.text)).toEqual({ Response: "Too many requests" });
  clock += 60_000;
  expect((await call(emulator, account, "/leads")).status).toBe(200);
  expect(emulator.requests.filter(({ status }) => status === 429)).toHaveLength(2);
  await emulator.close();
});

test("the limiter answers before the router: a 429 hides a 405", async () => {
  const account = exemplo();
  const now = () => new Date("2026-03-10T12:00:00Z");
  const rateLimit = { ...limit, requests: 1 };
  const emulator = await startEmulator({ accounts: [account], rateLimit, now });
  expect((await call(emulator, account, "/empreendimentos")).status).toBe(405);
  expect((await call(emulator, account, "/empreendimentos")).status).toBe(429);
  await emulator.close();
});

test("each account has a limit of its own", async () => {
  const first = exemplo();
  const second = exemplo({ conta: "outra", email: "outra@example.com" });
  const rateLimit = { ...limit, requests: 1 };
  const emulator = await startEmulator({ accounts: [first, second], rateLimit });
  expect((await call(emulator, first, "/leads")).status).toBe(200);
  expect((await call(emulator, second, "/leads")).status).toBe(200);
  expect((await call(emulator, first, "/leads")).status).toBe(429);
  await emulator.close();
});
