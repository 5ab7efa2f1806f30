import { expect, test } from "vitest";
import { createExportSlots } from "../../server/export-slots.ts";

test("an export waits for the slot that is about to be given back, in its turn", async () => {
  const slots = createExportSlots(1);
  const first = await slots.take();
  const order: string[] = [];
  const second = slots.take().then((giveBack) => {
    order.push("second");
    return giveBack;
  });
  const third = slots.take().then((giveBack) => {
    order.push("third");
    return giveBack;
  });
  first();
  first();
  (await second)();
  (await third)();
  expect(order).toEqual(["second", "third"]);
  (await slots.take())();
});

test("an export is refused when no slot is given back in time", async () => {
  const slots = createExportSlots(1);
  const first = await slots.take();
  await expect(slots.take()).rejects.toMatchObject({ status: 503, type: "exportacoes-demais" });
  first();
  (await slots.take())();
});
