import fc from "fast-check";
import { expect, test } from "vitest";
import { createKeySet } from "../../extract/key-set.ts";

test("a key set counts what a Set counts", () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 500 }), (keys) => {
      const set = createKeySet();
      for (const key of keys) set.add(key);
      expect(set.size()).toBe(new Set(keys).size);
    }),
  );
});

test("a key set keeps counting past several growths", () => {
  const set = createKeySet();
  for (let round = 0; round < 2; round++) {
    for (let id = 0; id < 100_000; id++) set.add(String(id));
  }
  expect(set.size()).toBe(100_000);
});
