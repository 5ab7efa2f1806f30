import fc from "fast-check";
import { request } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningServer } from "../../server/serve.ts";
import type { TestDatabase } from "../postgres.ts";
import { apiKey, createPublishedDatabase, serve } from "./published.ts";

let database: TestDatabase;
let server: RunningServer;
let document: OpenApi;
const lines: string[] = [];
const headers = { "x-api-key": "fuzz-secret" };

type Parameter = {
  readonly name: string;
  readonly in: string;
  readonly schema: {
    readonly type: string;
    readonly pattern?: string;
    readonly enum?: readonly string[];
  };
  readonly examples?: { readonly exemplo: { readonly value: string } };
};
type Operation = {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<Record<string, unknown>>;
};
type OpenApi = {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>;
  readonly components: {
    readonly schemas: Readonly<
      Record<string, { readonly properties: Readonly<Record<string, { description: string }>> }>
    >;
  };
};

beforeAll(async () => {
  database = await createPublishedDatabase();
  server = await serve(database.pool, {
    config: {
      host: "127.0.0.1",
      port: 0,
      apiKeys: [apiKey("fuzz", "fuzz-secret")],
      rateLimit: { requests: 999_999, windowMs: 60_000 },
    },
    log: (line) => lines.push(line),
  });
  const response = await fetch(`${server.url}/api/openapi.json`, { headers });
  document = (await response.json()) as OpenApi;
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

test("the document describes every mart and view, with the database's own comments", async () => {
  expect(document.openapi).toBe("3.1.0");
  const { rows } = await database.pool.query(
    `select
         table_name as name,
         array_agg(column_name::text order by ordinal_position) as columns,
         array_agg(col_description(format('marts.%I', table_name)::regclass, ordinal_position)
             order by ordinal_position) as comments
     from information_schema.columns
     where table_schema = 'marts'
     group by table_name`,
  );
  expect(rows.length).toBeGreaterThan(20);
  for (const { name, columns, comments } of rows) {
    const parameters = document.paths[`/api/marts/${name}`]?.get.parameters ?? [];
    expect(parameters.map((parameter) => parameter.name)).toEqual(
      expect.arrayContaining(["select", "order", "limit", "cursor", ...columns]),
    );
    const properties = document.components.schemas[name]?.properties ?? {};
    expect(Object.keys(properties)).toEqual(columns);
    expect(Object.values(properties).map(({ description }) => description)).toEqual(comments);
  }
});

test("every reference in the document leads somewhere, every operation has a name of its own", () => {
  const text = JSON.stringify(document);
  for (const [, kind = "", name = ""] of text.matchAll(/"#\/components\/(\w+)\/(\w+)"/g)) {
    expect(document).toHaveProperty(["components", kind, name]);
  }
  const names = Object.values(document.paths).map(({ get }) => get.operationId);
  expect(new Set(names).size).toBe(names.length);
});

test("every address of the document answers, and its examples, too", async () => {
  for (const [path, { get }] of Object.entries(document.paths)) {
    const examples = (get.parameters ?? []).flatMap(({ name, examples: found }) =>
      found === undefined
        ? []
        : [`${path}?limit=1&${name}=${encodeURIComponent(found.exemplo.value)}`],
    );
    for (const address of [path, ...examples]) {
      const { statusCode, body } = await request(server.url + address, { headers });
      expect(statusCode, `${address}: ${await body.text()}`).toBe(200);
    }
  }
});

test("the page of the document names every mart, and takes nothing from elsewhere or inline", async () => {
  const response = await fetch(`${server.url}/api/docs`, { headers });
  const page = await response.text();
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  for (const path of Object.keys(document.paths)) {
    if (path.startsWith("/api/marts/")) expect(page).toContain(`<code>${path}</code>`);
  }
  expect(page).not.toMatch(/<script|<style|style=|\son\w+=|(?:src|href)="(?:https?:)?\/\//);
  for (const [, address = ""] of page.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)) {
    expect((await fetch(server.url + address)).status, address).toBe(200);
  }
  expect(page).toContain("Você está usando a chave <strong>fuzz</strong>");
  expect(page).toContain("curl -H &quot;Authorization: Bearer $CHAVE&quot; ");
});

const nasty = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constantFrom(
    "",
    "null",
    "*",
    "%",
    "\\",
    "'",
    '"',
    "NaN",
    "-0",
    "1e9999",
    "9223372036854775808",
    "0x1F",
    "2026-02-30",
    "infinity",
    "0001-01-01 BC",
    "())((",
    "(a,b",
    'in.("',
    "not.not.eq.1",
    "$1",
    "'; select 1/0; --",
    "\u0000",
    "__proto__",
    "constructor",
  ),
);
const operator = fc.constantFrom(
  "eq",
  "neq",
  "gt",
  "gte",
  "lt",
  "lte",
  "like",
  "ilike",
  "is",
  "in",
);
const value = fc.oneof(
  nasty,
  fc.integer().map(String),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String),
  fc.double().map(String),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString().slice(0, 10)),
  fc.constantFrom("true", "false", "null", "not_null", "exemplo", "(1,2)", '("a","b")', "()"),
);

function filterText(): fc.Arbitrary<string> {
  return fc
    .tuple(fc.boolean(), operator, value)
    .map(([negated, name, text]) => `${negated ? "not." : ""}${name}.${text}`);
}

/** What somebody may send for a parameter: mostly what it is for, sometimes anything. */
function parameterText({ name, schema, examples }: Parameter, columns: readonly string[]) {
  const column = columns.length === 0 ? nasty : fc.constantFrom(...columns);
  const list = (member: fc.Arbitrary<string>) =>
    fc.array(member, { maxLength: 5 }).map((members) => members.join(","));
  const member = fc.tuple(column, filterText()).map(([each, filter]) => `${each}.${filter}`);
  const meant: readonly fc.Arbitrary<string>[] =
    name === "select"
      ? [list(column)]
      : name === "order"
        ? [
            list(
              fc
                .tuple(column, fc.constantFrom("", ".desc", ".asc.nullsfirst", ".nullslast"))
                .map((each) => each.join("")),
            ),
          ]
        : name === "or" || name === "and"
          ? [
              list(member).map((members) => `(${members})`),
              fc
                .tuple(member, member)
                .map(([one, other]) => `(not.or(${one}),and(${one},${other}))`),
            ]
          : schema.enum !== undefined
            ? [fc.constantFrom(...schema.enum)]
            : schema.pattern !== undefined
              ? [filterText(), fc.constant(examples?.exemplo.value ?? "")]
              : schema.type === "integer"
                ? [fc.nat({ max: 2_000 }).map(String)]
                : [value];
  return fc.oneof(...meant.map((arbitrary) => ({ arbitrary, weight: 4 })), {
    arbitrary: nasty,
    weight: 1,
  });
}

const runs = Number(process.env.FUZZ_RUNS ?? 300);

test(`no request of ${runs} made from the document breaks the server or makes it talk`, {
  timeout: 60_000 + runs * 100,
}, async () => {
  const operations = Object.entries(document.paths).map(([path, { get }]) => {
    const parameters = (get.parameters ?? []).filter((parameter) => parameter.in === "query");
    const columns = parameters
      .filter(({ schema }) => schema.pattern !== undefined)
      .map(({ name }) => name);
    return { path, parameters, columns };
  });
  const asked = fc.constantFrom(...operations).chain(({ path, parameters, columns }) => {
    const known =
      parameters.length === 0
        ? fc.constant<[string, string]>(["x", ""])
        : fc
            .constantFrom(...parameters)
            .chain((parameter) =>
              parameterText(parameter, columns).map((text): [string, string] => [
                parameter.name,
                text,
              ]),
            );
    const unknown = fc.tuple(nasty, nasty);
    const pair = fc.oneof({ arbitrary: known, weight: 12 }, { arbitrary: unknown, weight: 1 });
    return fc.record({
      path: fc.oneof(
        { arbitrary: fc.constant(path), weight: 12 },
        { arbitrary: nasty.map((text) => `/api/marts/${encodeURIComponent(text)}`), weight: 1 },
      ),
      search: fc.array(pair, { maxLength: 4 }),
      method: fc.constantFrom("GET", "GET", "GET", "HEAD"),
      accept: fc.constantFrom(
        "*/*",
        "application/json",
        "text/csv",
        "application/x-ndjson;q=0.5",
        "image/png",
        ";;;",
      ),
      encoding: fc.constantFrom("identity", "gzip", "br", "*;q=0", "x"),
      etag: fc.constantFrom(undefined, "*", 'W/"x"', '"'),
    });
  });
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(asked, async ({ path, search, method, accept, encoding, etag }) => {
      const query = new URLSearchParams(search);
      const response = await request(`${server.url}${path}?${query}`, {
        method: method === "HEAD" ? "HEAD" : "GET",
        headers: {
          ...headers,
          accept,
          "accept-encoding": encoding,
          ...(etag === undefined ? {} : { "if-none-match": etag }),
        },
      });
      const bytes = Buffer.from(await response.body.arrayBuffer());
      const { statusCode } = response;
      statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
      const text = bytes.toString("utf8");
      expect(statusCode, text).toBeLessThan(500);
      if (statusCode >= 400 && method === "GET") {
        expect(response.headers["content-type"]).toContain("application/problem+json");
        const problem = JSON.parse(text);
        expect(problem).toMatchObject({ status: statusCode, type: expect.stringMatching(/^urn:/) });
        expect(text).not.toMatch(/node_modules|\.ts:\d|syntax error|pg_catalog|marts_pii|elt\.p\d/);
      }
      if (
        statusCode === 200 &&
        method === "GET" &&
        /json$/.test(`${response.headers["content-type"]}`) &&
        response.headers["content-encoding"] === undefined &&
        !`${response.headers["content-type"]}`.includes("ndjson")
      ) {
        JSON.parse(text);
      }
    }),
    {
      numRuns: runs,
      ...(process.env.FUZZ_SEED === undefined ? {} : { seed: Number(process.env.FUZZ_SEED) }),
    },
  );
  // Most of it reaches the database: a fuzz that is all refused tests the parser alone.
  expect(statuses.get(200) ?? 0).toBeGreaterThan(runs / 10);
  expect(lines.join("\n")).not.toMatch(/\n\s+at /);
});
