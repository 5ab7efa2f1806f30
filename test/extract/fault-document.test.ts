import { expect, test } from "vitest";
import { faultDocument } from "./fault-document.ts";

test("docs/faltas.md tells the cases of the matrix (write it anew with vitest -u)", async () => {
  await expect(faultDocument()).toMatchFileSnapshot("../../docs/faltas.md");
});
