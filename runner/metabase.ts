import { request } from "undici";
import type { MetabaseConfig } from "./config.ts";

/** How telling a Metabase went. */
export type MetabaseResult =
  | { readonly status: "told"; readonly databases: readonly string[] }
  | { readonly status: "failed"; readonly because: string };

const timeoutMs = 10_000;

/**
 * Tells a Metabase to read the schema of every PostgreSQL database in it that is named `database`
 * anew, so that new columns and tables are seen at once. A Metabase that is away must not spoil a
 * publication, so every failure is a result. Nothing of it holds the key.
 */
export async function tellMetabase(
  { url, apiKey }: MetabaseConfig,
  database: string,
): Promise<MetabaseResult> {
  const call = async (method: "GET" | "POST", path: string): Promise<unknown> => {
    const { statusCode, body } = await request(`${url}${path}`, {
      method,
      headers: { "x-api-key": apiKey, accept: "application/json" },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    const text = await body.text();
    if (statusCode === 401 || statusCode === 403) throw new Refusal("it refuses METABASE_API_KEY");
    if (statusCode >= 300) throw new Refusal(`it answers ${statusCode} to ${path}`);
    return method === "GET" ? JSON.parse(text) : undefined;
  };
  try {
    const found = databasesOf(await call("GET", "/api/database"), database);
    if (found.length === 0) {
      return {
        status: "failed",
        because: `it has no PostgreSQL database "${database}": add it there (npm run elt -- bi says how)`,
      };
    }
    for (const { id } of found) await call("POST", `/api/database/${id}/sync_schema`);
    return { status: "told", databases: found.map(({ name }) => name) };
  } catch (error) {
    if (error instanceof Refusal) return { status: "failed", because: error.message };
    if (error instanceof SyntaxError) {
      return { status: "failed", because: "its answer is not JSON: check METABASE_URL" };
    }
    const code = error instanceof Error && "code" in error ? String(error.code) : "no answer";
    return { status: "failed", because: `it cannot be reached (${code})` };
  }
}

class Refusal extends Error {
  override readonly name = "Refusal";
}

type MetabaseDatabase = { readonly id: number; readonly name: string };

/** Newer versions wrap the list in `data`, older ones do not. */
function databasesOf(answer: unknown, database: string): readonly MetabaseDatabase[] {
  const list =
    typeof answer === "object" && answer !== null && "data" in answer ? answer.data : answer;
  if (!Array.isArray(list)) throw new SyntaxError("no list of databases");
  return list.flatMap((each: unknown) => {
    if (typeof each !== "object" || each === null) return [];
    const { id, name, engine, details } = each as Readonly<Record<string, unknown>>;
    const dbname =
      typeof details === "object" && details !== null && "dbname" in details
        ? details.dbname
        : undefined;
    const isOurs = engine === "postgres" && dbname === database;
    return isOurs && typeof id === "number" ? [{ id, name: String(name) }] : [];
  });
}
