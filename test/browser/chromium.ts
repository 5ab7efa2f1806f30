import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import {
  type Browser,
  type BrowserContextOptions,
  chromium,
  type Page,
  type Request,
} from "playwright-core";
import { expect } from "vitest";

const executablePath = "/usr/bin/chromium";

/** Whether the browser tests can run here; when not, one line says so. */
export const hasChromium = existsSync(executablePath);
if (!hasChromium) {
  process.stdout.write(
    `The browser tests are skipped: there is no ${executablePath} (apt-get install chromium).\n`,
  );
}

/** Starts the browser; tests run as root, where its own sandbox does not start. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

export type VisitOptions = BrowserContextOptions & {
  /** Failures of the browser's console that belong to the test, such as a refused login. */
  readonly expectedErrors?: RegExp;
};

/**
 * Opens a page of its own, and holds it to what every page must keep: no error in the console, no
 * failed script, no request to another host, no answer that says a thing is missing.
 */
export async function visit(
  browser: Browser,
  baseURL: string,
  options: VisitOptions,
  run: (page: Page) => Promise<void>,
): Promise<void> {
  const { expectedErrors, ...contextOptions } = options;
  const context = await browser.newContext({ locale: "pt-BR", baseURL, ...contextOptions });
  const troubles: string[] = [];
  try {
    const page = await context.newPage();
    page.on("console", (message) => {
      const isTrouble = message.type() === "error" || message.type() === "warning";
      if (isTrouble && expectedErrors?.test(message.text()) !== true) {
        troubles.push(`console: ${message.text()}`);
      }
    });
    page.on("pageerror", (error) => troubles.push(`script: ${error.message}`));
    context.on("request", (request) => {
      if (leavesHost(request, baseURL)) troubles.push(`request: ${request.url()}`);
    });
    await run(page);
    expect(troubles).toEqual([]);
  } finally {
    await context.close();
  }
}

function leavesHost(request: Request, baseURL: string): boolean {
  const { protocol, origin } = new URL(request.url());
  return /^(https?|wss?):$/.test(protocol) && origin !== new URL(baseURL).origin;
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What a page does wrong for who uses it with a screen reader, or sees badly: a line for each. */
export async function accessibilityViolations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  return page.evaluate<string[]>(`axe.run().then(({ violations }) =>
    violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ html, failureSummary }) =>
        [id, help, html.slice(0, 200), failureSummary].join(" | "))))`);
}

/** What makes the page wider than its window, innermost last; nothing when it fits. */
export function overflowing(page: Page): Promise<readonly string[]> {
  return page.evaluate<string[]>(`(() => {
    if (document.documentElement.scrollWidth <= innerWidth) return [];
    const scrolls = (element) => element.closest(".rolagem") !== null;
    const wide = [...document.body.querySelectorAll("*")].filter((element) =>
      element.getBoundingClientRect().right > innerWidth && !scrolls(element));
    return ["the page", ...wide.map(({ outerHTML }) => outerHTML.slice(0, 120))];
  })()`);
}
