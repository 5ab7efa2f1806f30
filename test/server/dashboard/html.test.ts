import fc from "fast-check";
import { expect, test } from "vitest";
import { html, trusted } from "../../../server/dashboard/html.ts";

test("text is escaped, markup and lists of it are not, and undefined is nothing", () => {
  const items = ["a & b", "<i>"].map((text) => html`<li title="${text}">${text}</li>`);
  expect(html`<ul>${items}</ul>${undefined}${3}${trusted("<hr>")}`.markup).toBe(
    '<ul><li title="a &amp; b">a &amp; b</li><li title="&lt;i&gt;">&lt;i&gt;</li></ul>3<hr>',
  );
});

test("no text can leave its attribute or element", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(html`${text}`.markup).not.toMatch(/[<>"']/);
    }),
  );
});
