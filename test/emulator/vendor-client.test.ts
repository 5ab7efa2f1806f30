import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generateAccount } from "../../emulator/generate-account.ts";
import { type Emulator, startEmulator } from "../../emulator/server.ts";

/*
 * The vendor's own command line asks with a GET that carries a JSON body, over HTTP/1.1, on a new
 * connection each time, /imobiliarias first and "pagina" as a text. No HTTP library sends that,
 * so the bytes are written here.
 */

const account = generateAccount({ conta: "vendor", seed: 8, reservas: 400, hoje: "2026-03-10" });
let emulator: Emulator;

beforeAll(async () => {
  emulator = await startEmulator({ accounts: [account], rateLimit: null });
});

afterAll(() => emulator.close());

async function ask(path: string, body: unknown): Promise<{ head: string; body: string }> {
  const json = JSON.stringify(body);
  const socket = connect(emulator.port, "127.0.0.1");
  socket.end(
    [
      `GET /api/v1/cvdw${path} HTTP/1.1`,
      "Host: vendor.cvcrm.com.br",
      `email: ${account.email}`,
      `token: ${account.token}`,
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(json)}`,
      "Connection: close",
      "",
      json,
    ].join("\r\n"),
  );
  const answer = await text(socket);
  const split = answer.indexOf("\r\n\r\n");
  return { head: answer.slice(0, split), body: answer.slice(split + 4) };
}

test("a GET with a JSON body is answered like a query string", async () => {
  const { head, body } = await ask("/imobiliarias", { pagina: "1", registros_por_pagina: 2 });
  expect(head).toMatch(/^HTTP\/1\.1 200 /);
  const envelope = JSON.parse(body);
  expect(envelope).toMatchObject({ pagina: "1", registros: 2, total_de_registros: 4 });
  expect(envelope.dados).toHaveLength(2);
  expect(emulator.requests.at(-1)?.parameters).toEqual({ pagina: "1", registros_por_pagina: "2" });
});

test("its date-time travels in the body", async () => {
  const { body } = await ask("/reservas", {
    pagina: 1,
    registros_por_pagina: 500,
    a_partir_data_referencia: "2026-03-01 00:00:00",
  });
  expect(JSON.parse(body).total_de_registros).toBeLessThan(30);
});

test("where both name a parameter, the query counts", async () => {
  const { body } = await ask("/imobiliarias?registros_por_pagina=1", { registros_por_pagina: 3 });
  expect(JSON.parse(body).dados).toHaveLength(1);
});

test("a body that is no JSON is ignored", async () => {
  const { head } = await ask("/imobiliarias", "not an object");
  expect(head).toMatch(/^HTTP\/1\.1 200 /);
});
