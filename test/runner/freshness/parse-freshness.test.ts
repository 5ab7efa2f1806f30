import { describe, expect, test } from "vitest";
import { parseFreshness } from "../../../runner/freshness/parse-freshness.ts";

const nothing = { warnSeconds: null, errorSeconds: null, blocks: false, line: 3 };

describe("@fresh", () => {
  test.each([
    ["warn 12h, error 3d", { warnSeconds: 43_200, errorSeconds: 259_200 }],
    ["warn 90 m", { warnSeconds: 5_400 }],
    ["error 1d", { errorSeconds: 86_400 }],
    ["block,error 2d ,  warn 1d", { warnSeconds: 86_400, errorSeconds: 172_800, blocks: true }],
  ])("reads %s", (value, declared) => {
    expect(parseFreshness(value, 3)).toEqual({ ...nothing, ...declared });
  });

  test.each([
    ["", 0, "@fresh knows warn <age>, error <age> and block"],
    ["block", 0, "@fresh names ages"],
    ["warn 12h, erro 3d", 10, '"erro 3d"'],
    ["warn 12h, error 3 dias", 16, 'found "3 dias"'],
    ["warn", 0, 'found ""'],
    ["warn 0h", 5, 'found "0h"'],
    ["warn 1.5h", 5, 'found "1.5h"'],
    ["warn 1d, warn 2d", 9, "a second time"],
    ["error 1d, block, block", 17, "a second time"],
    ["warn 3d, error 72h", 9, "the error age must be above the warn age"],
    ["warn 12h, block", 10, "block needs an error age"],
    ["error 3d, block 2d", 10, "block takes no age"],
  ])("says what is wrong with %j, and where", (value, offset, message) => {
    expect(parseFreshness(value, 3)).toMatchObject({
      offset,
      message: expect.stringContaining(message),
    });
  });
});
