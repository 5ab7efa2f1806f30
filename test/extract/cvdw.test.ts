import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type CvdwClient, createCvdwClient } from "../../extract/cvdw.ts";
import { CvdwError } from "../../extract/errors.ts";
import { objectNamed } from "./emulated-extraction.ts";

let server: Server;
let client: CvdwClient;

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await client.close();
});

async function ask(
  answer: RequestListener,
  limits: Parameters<typeof createCvdwClient>[1],
): Promise<unknown> {
  server = createServer(answer);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const account = { conta: "acme", email: "ana@example.com", token: "t" };
  client = createCvdwClient({ ...account, baseUrl: `http://127.0.0.1:${port}` }, limits);
  return client.fetchPage({ object: objectNamed("reservas"), page: 1, pageSize: 4 });
}

describe("an answer", () => {
  test("that trickles in for ever is a time-out", async () => {
    const asked = ask(
      (_, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        const trickle = setInterval(() => response.write(" "), 20);
        response.on("close", () => clearInterval(trickle));
      },
      { timeoutMs: 200 },
    );
    await expect(asked).rejects.toMatchObject({ fault: "timeout", object: "reservas" });
  });

  test("that has no end is broken off, and a smaller page is worth a try", async () => {
    let closed: () => void = () => undefined;
    const brokenOff = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const asked = ask(
      (_, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536, " ")));
        };
        response.on("drain", more);
        response.on("close", closed);
        more();
      },
      { maxBytes: 1024 * 1024 },
    );
    const error: unknown = await asked.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(CvdwError);
    expect(error).toMatchObject({ fault: "too-large", healsByLess: true, retryable: false });
    expect(String(error)).toContain("longer than 1 MiB for 4 records");
    await brokenOff;
  });
});
