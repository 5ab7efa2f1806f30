import { createHash } from "node:crypto";
import type { Guard } from "../../../runner/guardrail/parse-guard.ts";
import { compileModel } from "../../../runner/models/compile-model.ts";
import { landingObjectOf } from "../../../runner/models/order.ts";
import type { Model } from "../../../runner/models/project.ts";
import type { Seed } from "../../../runner/models/seed.ts";
import type { Reference } from "../../../runner/models/select.ts";
import type { Documented } from "../documented.ts";
import {
  fqnOf,
  modelId,
  modelName,
  PACKAGE,
  pathBelow,
  relationId,
  SOURCE,
  seedId,
  seedName,
} from "./names.ts";

/** A part of an artifact, as it is written. */
export type Artifact = Readonly<Record<string, unknown>>;

const shown = { show: true, node_color: null };

/** A model with its columns, comments, key and personal columns. */
export function modelNode(documented: Documented, database: string, model: Model): Artifact {
  const { header } = model;
  const own = documented.overview.get(model.name);
  const compiled = compileModel(documented.project, model);
  const isTable = model.build === "table";
  const meta = {
    ...(header.key.length > 0 ? { key: header.key } : {}),
    ...(header.pii.size > 0 ? { pii: Object.fromEntries(header.pii) } : {}),
    ...(header.indexes.length > 0 ? { indexes: header.indexes } : {}),
    ...(header.guards.length > 0 ? { guards: header.guards.map(guardOf) } : {}),
    ...(isTable ? { key_local: own?.keyLocal === true } : {}),
  };
  return {
    ...placed(database, model),
    name: modelName(model),
    resource_type: "model",
    unique_id: modelId(model),
    fqn: fqnOf(model.file, modelName(model)),
    checksum: checksumOf(model.text),
    config: {
      enabled: true,
      alias: model.relation,
      schema: model.schema,
      materialized: model.build,
      tags: header.tags,
      meta,
      unique_key: isTable ? header.key : null,
      persist_docs: { relation: true, columns: true },
      docs: shown,
      contract: { enforced: false, alias_types: true },
    },
    tags: header.tags,
    description: header.description,
    columns: columnsOf(documented, model),
    meta,
    docs: shown,
    language: "sql",
    raw_code: model.text,
    compiled: true,
    compiled_code: compiled.whole,
    extra_ctes_injected: true,
    extra_ctes: [],
    ...readsOf(model.references),
    metrics: [],
    access: model.schema === "marts" ? "public" : "protected",
    primary_key: header.key,
    constraints: isTable ? [{ type: "primary_key", columns: header.key }] : [],
  };
}

function guardOf({ kpi, expression, sharePercent, rowsPercent, fromRows }: Guard): Artifact {
  return {
    kpi,
    expression,
    max_change_percent: Number(sharePercent),
    max_rows_percent: Number(rowsPercent),
    from_rows: fromRows,
  };
}

/** A mapping; its rows are the customer's and stay out. */
export function seedNode({ types }: Documented, database: string, seed: Seed): Artifact {
  const file = `models/seeds/${seed.relation}.csv`;
  const columns = seed.columns.map((name) => [
    name,
    {
      name,
      description: "",
      meta: {},
      data_type: types.get(seed.name)?.get(name) ?? null,
      tags: [],
    },
  ]);
  return {
    ...placed(database, { schema: "seeds", relation: seed.relation, file }),
    name: seedName(seed.relation),
    resource_type: "seed",
    unique_id: seedId(seed.relation),
    fqn: fqnOf(file, seedName(seed.relation)),
    checksum: checksumOf(JSON.stringify([seed.columns, seed.rows])),
    config: {
      enabled: true,
      alias: seed.relation,
      schema: "seeds",
      materialized: "seed",
      tags: [],
      meta: {},
      docs: shown,
    },
    tags: [],
    description: "",
    columns: Object.fromEntries(columns),
    meta: {},
    docs: shown,
    raw_code: "",
    depends_on: { macros: [] },
  };
}

/** Where a relation stands, and the file it comes from. */
function placed(
  database: string,
  {
    schema,
    relation,
    file,
  }: { readonly schema: string; readonly relation: string; readonly file: string },
): Artifact {
  return {
    database,
    schema,
    alias: relation,
    relation_name: quotedName(database, schema, relation),
    package_name: PACKAGE,
    path: pathBelow(file),
    original_file_path: file,
  };
}

/** `"database"."schema"."relation"` */
export function quotedName(...parts: readonly string[]): string {
  return parts.map((part) => `"${part.replaceAll('"', '""')}"`).join(".");
}

/** What a SELECT reads, each relation once, as dbt writes it down three times. */
export function readsOf(references: readonly Pick<Reference, "schema" | "relation">[]): Artifact {
  const byId = new Map(references.map((reference) => [relationId(reference), reference]));
  const reads = [...byId.values()];
  return {
    depends_on: { macros: [], nodes: [...byId.keys()].sort() },
    refs: reads
      .filter(({ schema }) => schema !== "landing")
      .map(({ schema, relation }) => ({
        name:
          schema === "seeds" ? seedName(relation) : modelName({ schema: schema ?? "", relation }),
        package: null,
        version: null,
      })),
    sources: reads
      .filter(({ schema }) => schema === "landing")
      .map(({ relation }) => [SOURCE, landingObjectOf(relation)]),
  };
}

export function checksumOf(text: string): Artifact {
  return { name: "sha256", checksum: createHash("sha256").update(text).digest("hex") };
}

function columnsOf({ lineage, types, maskOf }: Documented, model: Model): Artifact {
  const names = (lineage.get(model.name)?.columns ?? []).map(({ name }) => name);
  return Object.fromEntries(
    names.map((name) => {
      const pii = model.header.pii.get(name) ?? maskOf(model.name, name);
      const meta = {
        ...(model.header.key.includes(name) ? { key: true } : {}),
        ...(pii === undefined ? {} : { pii }),
      };
      const description = model.header.columns.get(name) ?? "";
      const data_type = types.get(model.name)?.get(name) ?? null;
      return [name, { name, description, meta, data_type, tags: pii === undefined ? [] : ["pii"] }];
    }),
  );
}
