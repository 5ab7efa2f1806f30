import { afterAll, beforeAll, expect, test } from "vitest";
import { problemOf, problemText } from "../../server/problem.ts";
import type { TestDatabase } from "../postgres.ts";
import { createPublishedDatabase, serve } from "./published.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createPublishedDatabase();
});
afterAll(() => database.drop());

function failureOf(...statements: readonly string[]): Promise<unknown> {
  return database.pool.query(statements.join(";")).catch((error: unknown) => error);
}

test("a query that takes too long is the gateway's time-out", async () => {
  const error = await failureOf("begin", "set local statement_timeout = 1", "select pg_sleep(60)");
  expect(problemOf(error)).toMatchObject({ status: 504, type: "consulta-demorada" });
});

test("a connection that the database ends is unavailability, to be tried again", async () => {
  const error = await failureOf("select pg_terminate_backend(pg_backend_pid())");
  expect(problemOf(error)).toMatchObject({ status: 503, headers: { "Retry-After": "5" } });
});

test("views that do not exist yet come with the first publication", async () => {
  const error = await failureOf("select from marts.vw_of_tomorrow");
  expect(problemOf(error)).toMatchObject({ status: 503, type: "sem-publicacao" });
});

test("anything else is a bug", async () => {
  expect(problemOf(await failureOf("select 1 / 0"))).toBeUndefined();
  expect(problemOf(new TypeError("undefined is not a function"))).toBeUndefined();
  expect(problemOf("text")).toBeUndefined();
});

test("a bug reaches the log with its stack, and the caller without any detail", async () => {
  const lines: string[] = [];
  const server = await serve(database.pool, { log: (sentence) => lines.push(sentence) });
  await database.pool.query("alter table marts.vendas rename column comissao_valor to renamed");
  const response = await fetch(`${server.url}/api/kpis`);
  await server.close();
  expect(response.status).toBe(500);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("etag")).toBeNull();
  expect(await response.text()).not.toContain("comissao_valor");
  expect(lines.join("\n")).toMatch(/error: column "comissao_valor" does not exist\n\s+at /);
});

test("a problem is written as RFC 9457 asks for, with its own members", () => {
  const problem = problemOf(Object.assign(new Error("no such file"), { code: "ECONNREFUSED" }));
  expect(problem).toBeDefined();
  if (problem === undefined) return;
  expect(JSON.parse(problemText(problem))).toEqual({
    type: "urn:cvdw-elt:banco-indisponivel",
    title: "O banco de dados não responde",
    status: 503,
    detail: "Tente de novo em instantes.",
  });
});
