// JSON schemas after the published formats catalog v1, run-results v6 and sources v3 of dbt: the same
// members, types, required names and values, written down here because no package carries them.

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: "string" };
const number: Schema = { type: "number" };
const maybeText: Schema = { type: ["string", "null"] };
const anything: Schema = { type: "object" };
const textMap: Schema = { type: "object", additionalProperties: text };

/** Nothing but these members; a name that ends in `?` may be missing. */
function object(members: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(members);
  return {
    type: "object",
    additionalProperties: false,
    required: entries.map(([name]) => name).filter((name) => !name.endsWith("?")),
    properties: Object.fromEntries(
      entries.map(([name, schema]) => [name.replace(/\?$/, ""), schema]),
    ),
  };
}

function list(items: Schema): Schema {
  return { type: "array", items };
}

function mapOf(values: Schema): Schema {
  return { type: "object", additionalProperties: values };
}

const metadata = {
  "dbt_schema_version?": text,
  "dbt_version?": text,
  "generated_at?": text,
  "invocation_id?": maybeText,
  "env?": textMap,
};

const timing = list(object({ name: text, "started_at?": maybeText, "completed_at?": maybeText }));

const catalogTable = object({
  metadata: object({
    type: text,
    schema: text,
    name: text,
    "database?": maybeText,
    "comment?": maybeText,
    "owner?": maybeText,
  }),
  columns: mapOf(
    object({ type: text, index: { type: "integer" }, name: text, "comment?": maybeText }),
  ),
  stats: mapOf(
    object({
      id: text,
      label: text,
      value: { type: ["boolean", "string", "number", "null"] },
      include: { type: "boolean" },
      "description?": maybeText,
    }),
  ),
  "unique_id?": maybeText,
});

export const catalogV1 = object({
  metadata: object(metadata),
  nodes: mapOf(catalogTable),
  sources: mapOf(catalogTable),
  "errors?": { anyOf: [list(text), { type: "null" }] },
  "_compile_results?": {},
});

export const runResultsV6 = object({
  metadata: { ...object(metadata), required: ["dbt_schema_version"] },
  results: list(
    object({
      status: {
        enum: [
          ...["success", "error", "skipped", "partial success"],
          ...["pass", "fail", "warn", "runtime error"],
        ],
      },
      timing,
      thread_id: text,
      execution_time: number,
      adapter_response: anything,
      message: maybeText,
      failures: { type: ["integer", "null"] },
      unique_id: text,
      compiled: { type: ["boolean", "null"] },
      compiled_code: maybeText,
      relation_name: maybeText,
      "batch_results?": {},
    }),
  ),
  elapsed_time: number,
  "args?": anything,
});

const age: Schema = {
  anyOf: [
    object({
      "count?": { type: ["integer", "null"] },
      "period?": { enum: ["minute", "hour", "day", null] },
    }),
    { type: "null" },
  ],
};

export const sourcesV3 = object({
  metadata: object({ ...metadata, "invocation_started_at?": maybeText }),
  results: list({
    anyOf: [
      object({
        unique_id: text,
        error: { type: ["string", "integer", "null"] },
        status: { enum: ["runtime error"] },
      }),
      object({
        unique_id: text,
        max_loaded_at: text,
        snapshotted_at: text,
        max_loaded_at_time_ago_in_s: number,
        status: { enum: ["pass", "warn", "error", "runtime error"] },
        criteria: object({ "warn_after?": age, "error_after?": age, "filter?": maybeText }),
        adapter_response: anything,
        timing,
        thread_id: text,
        execution_time: number,
      }),
    ],
  }),
  elapsed_time: number,
});
