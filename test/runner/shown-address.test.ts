import { describe, expect, test } from "vitest";
import { shownAddress } from "../../runner/shown-address.ts";

describe("the address that a terminal shows", () => {
  test.each([
    ["postgresql://elt:s%40nha@db.example:5432/cvdw?sslmode=require", "sslmode=require"],
    ["postgresql://elt@db.example:5432/cvdw?password=s%40nha&sslmode=require", "sslmode=require"],
  ])("has no password where the operator gave the address: %s", (url, rest) => {
    expect(shownAddress({ url })).toBe(`postgresql://elt@db.example:5432/cvdw?${rest}`);
  });

  test("has the embedded PostgreSQL's, which nobody could know otherwise", () => {
    const url = "postgresql://elt:made-up@127.0.0.1:20177/cvdw";
    expect(shownAddress({ url, embedded: {} })).toBe(url);
  });
});
