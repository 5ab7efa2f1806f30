import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadProject, type Project } from "../../../../runner/models/project.ts";
import { projectRoot } from "../../../../runner/open-project.ts";
import { writeArtifacts } from "../../../../server/docs/dbt/write-artifacts.ts";
import { readDocumented } from "../../../../server/docs/documented.ts";
import { eltHere } from "../../../elt-here.ts";
import { buildModels } from "../../../pipeline.ts";
import { type TestDatabase, withTestDatabase } from "../../../postgres.ts";
import { createPublishedDatabase } from "../../published.ts";
import { catalogV1, runResultsV6, sourcesV3 } from "./published-shapes.ts";

type Node = Readonly<Record<string, unknown>> & {
  readonly resource_type: string;
  readonly compiled_code?: string;
  readonly depends_on?: { readonly nodes?: readonly string[] };
};
type Artifacts = {
  readonly manifest: {
    readonly metadata: Readonly<Record<string, unknown>>;
    readonly nodes: Readonly<Record<string, Node>>;
    readonly sources: Readonly<Record<string, Node>>;
    readonly unit_tests: Readonly<Record<string, Node>>;
    readonly parent_map: Readonly<Record<string, readonly string[]>>;
    readonly child_map: Readonly<Record<string, readonly string[]>>;
  };
  readonly catalog: Readonly<
    Record<"nodes" | "sources", Readonly<Record<string, Record<string, Record<string, unknown>>>>>
  >;
  readonly results: readonly (Readonly<Record<string, unknown>> & {
    readonly unique_id: string;
    readonly status: string;
  })[];
  readonly ages: readonly Readonly<Record<string, unknown>>[];
  /** Everything, as it was written. */
  readonly text: string;
};

let database: TestDatabase;
let project: Project;
let written: Artifacts;
beforeAll(async () => {
  database = await createPublishedDatabase();
  project = await loadProject(projectRoot);
  written = await write();
});
afterAll(() => database.drop());

/** Writes the artifacts, holds each to its schema, and reads them. */
async function write(now = new Date(), { pool } = database): Promise<Artifacts> {
  const folder = await mkdtemp(path.join(tmpdir(), "elt-dbt-"));
  try {
    const documented = await readDocumented(pool, project, now);
    const files = await writeArtifacts(pool, documented, folder, now);
    const texts = await Promise.all(files.map((file) => readFile(path.join(folder, file), "utf8")));
    const byName = new Map(files.map((file, i) => [file, JSON.parse(texts[i] ?? "")]));
    const manifest = byName.get("manifest.json");
    const catalog = byName.get("catalog.json");
    const results = byName.get("run_results.json");
    const ages = byName.get("sources.json");
    for (const [name, data] of byName) holdTo(name, data);
    return {
      manifest,
      catalog,
      results: results.results,
      ages: ages.results,
      text: texts.join(""),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const ajv = new Ajv2020({ strict: false, validateFormats: false });
const manifestV12 = gunzipSync(
  await readFile(path.join(projectRoot, "test/fixtures/dbt/manifest-v12.json.gz")),
);
const validators = new Map([
  ["manifest.json", ajv.compile(JSON.parse(manifestV12.toString("utf8")))],
  ["catalog.json", ajv.compile(catalogV1)],
  ["run_results.json", ajv.compile(runResultsV6)],
  ["sources.json", ajv.compile(sourcesV3)],
]);

function holdTo(file: string, data: unknown): void {
  const validate = validators.get(file);
  const isValid = validate?.(data);
  const [first] = validate?.errors ?? [];
  expect({ isValid, at: first?.instancePath, why: first?.message, more: first?.params }).toEqual({
    isValid: true,
  });
}

const ofType = (type: string) =>
  Object.entries(written.manifest.nodes).filter(([, node]) => node.resource_type === type);

describe("the manifest", () => {
  test("has every model, seed, source, test and unit test of the project", () => {
    const keys = project.models.filter(({ header }) => header.key.length > 0);
    const keyTests = keys.reduce((sum, { header }) => sum + 1 + header.key.length, 0);
    const headerTests = project.models.reduce((sum, { header }) => sum + header.tests.length, 0);
    expect(ofType("model")).toHaveLength(project.models.length);
    expect(ofType("seed")).toHaveLength(project.seeds.length);
    expect(ofType("test")).toHaveLength(keyTests + headerTests + project.tests.length);
    expect(Object.keys(written.manifest.sources)).toHaveLength(9);
    expect(Object.keys(written.manifest.unit_tests)).toHaveLength(project.unitTests.length);
    expect(written.manifest.metadata).toMatchObject({
      dbt_schema_version: "https://schemas.getdbt.com/dbt/manifest/v12.json",
      adapter_type: "postgres",
    });
  });

  test("tells apart what has one name in two schemas", () => {
    const { nodes } = written.manifest;
    expect(nodes["model.cvdw_elt.reservas"]).toMatchObject({ schema: "marts", alias: "reservas" });
    expect(nodes["model.cvdw_elt.stg_reservas"]).toMatchObject({
      ...{ schema: "staging", alias: "reservas", name: "stg_reservas" },
      sources: [["cvdw", "reservas"]],
      depends_on: { nodes: ["source.cvdw_elt.cvdw.reservas"] },
    });
    expect(nodes["seed.cvdw_elt.seed_leitura_condicoes"]).toMatchObject({ schema: "seeds" });
    expect(nodes["model.cvdw_elt.leitura_condicoes"]).toMatchObject({ schema: "marts" });
  });

  test("carries key, personal columns, comments, types and the text as it runs", () => {
    const vendas = project.models.find(({ name }) => name === "marts.vendas");
    const node = written.manifest.nodes["model.cvdw_elt.vendas"];
    expect(node).toMatchObject({
      ...{ original_file_path: "models/marts/vendas.sql", path: "marts/vendas.sql" },
      fqn: ["cvdw_elt", "marts", "vendas"],
      description: vendas?.header.description,
      primary_key: ["conta", "reserva_id"],
      meta: { key: ["conta", "reserva_id"], pii: { cliente: "nome" } },
      config: { materialized: "table", persist_docs: { columns: true } },
      raw_code: vendas?.text,
      columns: {
        conta: { meta: { key: true } },
        cliente: { meta: { pii: "nome" }, tags: ["pii"] },
        valor: { data_type: "numeric(15,2)", description: vendas?.header.columns.get("valor") },
      },
    });
    expect(written.manifest.nodes["model.cvdw_elt.vw_vendas_mensais"]).toMatchObject({
      config: { materialized: "view" },
      primary_key: [],
    });
  });

  test("names only what is there, and children are the parents' mirror", () => {
    const { nodes, sources, unit_tests, parent_map, child_map } = written.manifest;
    const known = new Set([nodes, sources, unit_tests].flatMap((part) => Object.keys(part)));
    expect(new Set(Object.keys(parent_map))).toEqual(known);
    expect(new Set(Object.keys(child_map))).toEqual(known);
    const edges = (map: typeof parent_map, turn: (a: string, b: string) => string) =>
      Object.entries(map).flatMap(([id, others]) => others.map((other) => turn(id, other)));
    const down = edges(parent_map, (child, parent) => `${parent} > ${child}`);
    expect(edges(child_map, (parent, child) => `${parent} > ${child}`).sort()).toEqual(down.sort());
    for (const parent of Object.values(parent_map).flat()) expect(known).toContain(parent);
    expect(child_map["source.cvdw_elt.cvdw.reservas"]).toContain("model.cvdw_elt.stg_reservas");
    for (const [id, node] of Object.entries(nodes)) expect(node.unique_id).toBe(id);
  });

  test("gives dbt's names to tests, with SQL that finds the rows they found", async () => {
    const named = new Map<string, number>();
    for (const [id, node] of ofType("test")) {
      const { rows } = await database.pool.query(
        `select count(*)::int as failures from (${node.compiled_code}) as failing`,
      );
      const told = written.results.find(({ unique_id }) => unique_id === id);
      if (told !== undefined) expect(rows[0].failures, id).toBe(told.failures);
      const metadata = node.test_metadata;
      const name =
        typeof metadata === "object" && metadata !== null && "name" in metadata
          ? String(metadata.name)
          : "file";
      named.set(name, (named.get(name) ?? 0) + 1);
    }
    expect([...named.keys()].sort()).toEqual(
      expect.arrayContaining(["file", "lossless", "not_null", "unique_combination_of_columns"]),
    );
    const columns = (name: string) =>
      ofType("test")
        .filter(([id]) => id.startsWith(`test.cvdw_elt.${name}`))
        .map(([, node]) => node.column_name);
    expect(columns("not_null_vendas_")).toEqual(expect.arrayContaining(["conta", "reserva_id"]));
  });

  test("has models whose SQL stands as it is", async () => {
    for (const [id, node] of ofType("model")) {
      await expect(database.pool.query(`explain ${node.compiled_code}`), id).resolves.toBeDefined();
    }
  });

  test("holds no row of a client, no path of this machine, no login", async () => {
    const { rows } = await database.pool.query("select distinct cliente from marts_pii.vendas");
    const clients = rows.map(({ cliente }) => cliente);
    expect(clients).toHaveLength(5);
    for (const secret of [...clients, projectRoot, `${process.env.HOME ?? "/root"}/`, tmpdir()]) {
      expect(written.text.includes(secret), secret).toBe(false);
    }
    const { password } = new URL(database.url);
    if (password !== "") expect(written.text).not.toContain(password);
  });
});

describe("the catalog", () => {
  test("has what stands in the database, with types, comments and sizes", () => {
    expect(written.catalog.nodes["model.cvdw_elt.vendas"]).toMatchObject({
      metadata: { type: "BASE TABLE", schema: "marts", name: "vendas", owner: null },
      columns: {
        conta: { index: 1, type: "text" },
        valor: { type: "numeric(15,2)", comment: expect.stringMatching(/\w/) },
      },
      stats: {
        row_count: { value: 10 },
        bytes: { value: expect.any(Number) },
        has_stats: { value: true },
      },
    });
    const view = written.catalog.nodes["model.cvdw_elt.vw_vso_mensal"];
    expect(view).toMatchObject({
      metadata: { type: "VIEW" },
      stats: { has_stats: { value: false } },
    });
    expect(Object.keys(written.catalog.nodes).sort()).toEqual(
      Object.entries(written.manifest.nodes)
        .filter(([, { resource_type }]) => resource_type !== "test")
        .map(([id]) => id)
        .sort(),
    );
    expect(Object.keys(written.catalog.sources).sort()).toEqual(
      Object.keys(written.manifest.sources).sort(),
    );
    expect(written.text).not.toContain("marts_pii");
  });
});

describe("run_results", () => {
  test("tell what the last build did, under ids of the manifest", () => {
    const of = (id: string) => written.results.find(({ unique_id }) => unique_id === id);
    expect(of("model.cvdw_elt.vendas")).toMatchObject({
      status: "success",
      message: "first",
      adapter_response: { rows_total: 10, rows_affected: 10 },
    });
    expect(of("seed.cvdw_elt.seed_series")).toMatchObject({ status: "success" });
    expect(of("test.cvdw_elt.visoes_concordam")).toMatchObject({ status: "pass", failures: 0 });
    const ids = new Set(Object.keys(written.manifest.nodes));
    for (const { unique_id } of written.results) expect(ids).toContain(unique_id);
    const statuses = new Set(written.results.map(({ status }) => status));
    expect([...statuses].every((one) => ["success", "pass", "warn"].includes(one))).toBe(true);
  });

  test("tell nothing of what the last build did not look at", async () => {
    await buildModels(database, { project });
    const { results } = await write();
    const models = results.filter(({ unique_id }) => unique_id.startsWith("model."));
    expect(models).toHaveLength(project.models.length);
    const tables = models.filter(({ unique_id }) => !unique_id.includes(".vw_"));
    expect(new Set(tables.map(({ message }) => message))).toEqual(new Set(["unchanged"]));
    expect(results.filter(({ unique_id }) => unique_id.includes(".lossless_"))).toEqual([]);
    expect(results.filter(({ unique_id }) => unique_id.includes(".not_null_"))).toEqual([]);
  });

  test("tell the failed test of a build that published nothing, and what it did not come to", async () => {
    const broken = project.models.map((model) =>
      model.name === "marts.vendas"
        ? {
            ...model,
            text: `${model.text}\n`,
            header: {
              ...model.header,
              tests: [
                ...model.header.tests,
                {
                  ...{ severity: "error" as const, label: "check(valor < 0)", line: 1, allowed: 0 },
                  rule: { kind: "check" as const, expression: "valor < 0" },
                },
              ],
            },
          }
        : model,
    );
    const before = project;
    project = { ...project, models: broken };
    try {
      await expect(buildModels(database, { project })).rejects.toThrow("check(valor < 0)");
      const failed = await write();
      const bad = failed.results.filter(({ status }) => status === "fail");
      expect(bad).toMatchObject([{ failures: 10, message: "Got 10 results" }]);
      const models = failed.results.filter(({ unique_id }) => unique_id.startsWith("model."));
      expect(models).toHaveLength(project.models.length);
      expect(models.every(({ status }) => status === "skipped")).toBe(true);
      expect(bad[0]?.unique_id).toMatch(/^test\.cvdw_elt\.dbt_utils_expression_is_true_vendas\./);
    } finally {
      project = before;
    }
  });
});

describe("sources", () => {
  test("tell how old each one is, the oldest account's", async () => {
    const { rows } = await database.pool.query(
      "update elt.loads set finished_at = finished_at - interval '3 days' where conta = 'outra' and objeto = 'reservas' returning finished_at",
    );
    const { ages } = await write();
    expect(ages).toHaveLength(9);
    const of = (object: string) =>
      ages.find(({ unique_id }) => unique_id === `source.cvdw_elt.cvdw.${object}`);
    expect(of("reservas")).toMatchObject({
      status: "error",
      max_loaded_at: rows[0].finished_at.toISOString(),
      criteria: {
        warn_after: { count: 12, period: "hour" },
        error_after: { count: 2, period: "day" },
      },
    });
    expect(of("comissoes")).toMatchObject({ status: "pass" });
  });

  test("tell of one that was never read to its end, which has no age", async () => {
    await database.pool.query("delete from elt.loads where objeto = 'distratos'");
    const { ages } = await write();
    expect(ages[3]).toEqual({
      unique_id: "source.cvdw_elt.cvdw.distratos",
      error: "never read to its end",
      status: "runtime error",
    });
  });
});

test("before anything was extracted or built there are models, and nothing to tell of them", async () => {
  await withTestDatabase(async (empty) => {
    const { manifest, catalog, results, ages } = await write(new Date(), empty);
    expect(manifest.nodes["model.cvdw_elt.vendas"]).toMatchObject({
      columns: { valor: { data_type: null } },
    });
    expect({ ...catalog, results, ages }).toMatchObject({
      ...{ nodes: {}, sources: {}, results: [], ages: [] },
    });
  });
});

test("tell how far the guarded numbers of a mart may move", () => {
  expect(written.manifest.nodes["model.cvdw_elt.vendas"]?.meta).toMatchObject({
    guards: expect.arrayContaining([
      expect.objectContaining({ kpi: "valor_total", max_change_percent: 10, from_rows: 20 }),
    ]),
  });
});

test("elt docs --dbt writes the four files where it is told to", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "elt-dbt-"));
  try {
    const { code, out } = await eltHere(["docs", "--dbt", "--out", folder, "--json"], {
      DATABASE_URL: database.url,
    });
    expect(code).toBe(0);
    const files = ["manifest.json", "catalog.json", "run_results.json", "sources.json"];
    expect(JSON.parse(out)).toEqual({ folder, files });
    for (const file of files) JSON.parse(await readFile(path.join(folder, file), "utf8"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
