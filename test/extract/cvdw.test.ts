import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type CvdwClient, createCvdwClient } from "../../extract/cvdw.ts";
import { objectNamed } from "./emulated-extraction.ts";

let server: Server;
let client: CvdwClient;

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await client.close();
});

describe("an answer", () => {
  test("that trickles in for ever is a time-out", async () => {
    server = createServer((_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const trickle = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(trickle));
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;
    const account = { conta: "acme", email: "ana@example.com", token: "t" };
    client = createCvdwClient(
      { ...account, baseUrl: `http://127.0.0.1:${port}` },
      { timeoutMs: 200 },
    );
    const asked = client.fetchPage({ object: objectNamed("reservas"), page: 1, pageSize: 4 });
    await expect(asked).rejects.toMatchObject({ fault: "timeout", object: "reservas" });
  });
});
