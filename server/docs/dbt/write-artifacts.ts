import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Pool } from "pg";
import { projectFreshness } from "../../../runner/freshness/project-freshness.ts";
import { landingObjects } from "../../../runner/models/order.ts";
import { type Documented, type LastBuild, readAttempt } from "../documented.ts";
import { catalogTable } from "./catalog.ts";
import { freshnessResults } from "./freshness-results.ts";
import { type Artifact, modelNode, seedNode } from "./model-nodes.ts";
import { modelId, PACKAGE, seedId, sourceId } from "./names.ts";
import { readRelations } from "./read-relations.ts";
import { runResults } from "./run-results.ts";
import { sourceNode } from "./source-nodes.ts";
import { modelTests, type NamedTest, singularTest } from "./test-nodes.ts";
import { unitTestNodes } from "./unit-test-nodes.ts";

/** The release of dbt whose formats these are; tools read it to know what to expect. */
const DBT_VERSION = "1.9.0";

/**
 * Writes what dbt would have written of this project: manifest.json (v12), catalog.json (v1),
 * run_results.json (v6, of the last build) and sources.json (v3, ages of the sources).
 * @returns the names of the files
 */
export async function writeArtifacts(
  pool: Pool,
  documented: Documented,
  folder: string,
  now: Date,
): Promise<readonly string[]> {
  const artifacts = await makeArtifacts(pool, documented, now);
  await mkdir(folder, { recursive: true });
  for (const [file, content] of Object.entries(artifacts)) {
    await writeFile(path.join(folder, file), `${JSON.stringify(content)}\n`);
  }
  return Object.keys(artifacts);
}

async function makeArtifacts(
  pool: Pool,
  documented: Documented,
  now: Date,
): Promise<Readonly<Record<string, Artifact>>> {
  const { order, project, ages } = documented;
  const build = await readAttempt(pool);
  const { database, relations } = await readRelations(pool);
  const declared = projectFreshness(order);
  const objects = [...landingObjects(order)].sort();
  const tests = [
    ...order.flatMap((model) => modelTests(database, model)),
    ...project.tests.map((test) => singularTest(database, test)),
  ];
  const invocation = randomUUID();
  const metadata = (schema: string) => ({
    dbt_schema_version: `https://schemas.getdbt.com/dbt/${schema}.json`,
    dbt_version: DBT_VERSION,
    generated_at: now.toISOString(),
    invocation_id: invocation,
    env: {},
  });

  const sources = objects.map((object): [string, Artifact] => [
    sourceId(object),
    sourceNode(
      database,
      object,
      relations.get(`landing.${object}_atual`),
      declared.find((one) => one.object === object),
    ),
  ]);
  const manifest = {
    metadata: {
      ...metadata("manifest/v12"),
      project_name: PACKAGE,
      project_id: null,
      user_id: null,
      send_anonymous_usage_stats: false,
      adapter_type: "postgres",
    },
    ...manifestParts(documented, database, tests, sources),
  };
  const ids = [
    ...project.seeds.map(({ name, relation }) => [seedId(relation), name] as const),
    ...order.map((model) => [modelId(model), model.name] as const),
  ];
  const catalog = {
    metadata: metadata("catalog/v1"),
    nodes: Object.fromEntries(
      ids.flatMap(([id, name]) => {
        const relation = relations.get(name);
        return relation === undefined ? [] : [[id, catalogTable(database, id, relation)]];
      }),
    ),
    sources: Object.fromEntries(
      objects.flatMap((object) => {
        const [view, versions] = [`landing.${object}_atual`, `landing.${object}`];
        const relation = relations.get(view);
        if (relation === undefined) return [];
        const id = sourceId(object);
        return [[id, catalogTable(database, id, relation, relations.get(versions))]];
      }),
    ),
    errors: null,
  };
  return {
    "manifest.json": manifest,
    "catalog.json": catalog,
    "run_results.json": {
      metadata: {
        ...metadata("run-results/v6"),
        generated_at: endOf(build, now).toISOString(),
      },
      results: runResults({ ...documented, build }, tests),
      elapsed_time: build?.seconds ?? 0,
      args: {},
    },
    "sources.json": {
      metadata: metadata("sources/v3"),
      results: freshnessResults(ages, now),
      elapsed_time: 0,
    },
  };
}

/** When the results came to be, which may be long before they are written. */
function endOf(build: LastBuild | undefined, now: Date): Date {
  return build === undefined
    ? now
    : new Date(build.startedAt.getTime() + (build.seconds ?? 0) * 1_000);
}

function manifestParts(
  documented: Documented,
  database: string,
  tests: readonly NamedTest[],
  sources: readonly (readonly [string, Artifact])[],
): Artifact {
  const { order, project } = documented;
  const nodes = new Map<string, Artifact>([
    ...project.seeds.map(
      (seed) => [seedId(seed.relation), seedNode(documented, database, seed)] as const,
    ),
    ...order.map((model) => [modelId(model), modelNode(documented, database, model)] as const),
    ...tests.map(({ id, node }) => [id, node] as const),
  ]);
  const unitTests = unitTestNodes(project);
  const parents = new Map<string, readonly string[]>([
    ...[...nodes, ...unitTests].map(([id, node]) => [id, readBy(node)] as const),
    ...sources.map(([id]) => [id, []] as const),
  ]);
  const children = new Map<string, string[]>([...parents.keys()].map((id) => [id, []]));
  for (const [id, read] of parents) for (const parent of read) children.get(parent)?.push(id);
  return {
    nodes: Object.fromEntries(nodes),
    sources: Object.fromEntries(sources),
    macros: {},
    docs: { [overview.unique_id]: overview },
    exposures: {},
    metrics: {},
    groups: {},
    selectors: {},
    disabled: {},
    parent_map: Object.fromEntries(parents),
    child_map: Object.fromEntries(children),
    group_map: {},
    saved_queries: {},
    semantic_models: {},
    unit_tests: Object.fromEntries(unitTests),
  };
}

function readBy({ depends_on }: Artifact): readonly string[] {
  if (typeof depends_on !== "object" || depends_on === null || !("nodes" in depends_on)) return [];
  return Array.isArray(depends_on.nodes) ? [...new Set(depends_on.nodes.map(String))] : [];
}

/** The first page of tools that show these files. */
const overview = {
  name: "__overview__",
  resource_type: "doc",
  package_name: PACKAGE,
  path: "README.md",
  original_file_path: "README.md",
  unique_id: `doc.${PACKAGE}.__overview__`,
  block_contents:
    "CVDW (CV CRM) → landing → staging → marts → visões de indicadores. Escrito por `elt docs --dbt`.",
};
