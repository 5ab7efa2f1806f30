import { landingObjectOf } from "../../../runner/models/order.ts";
import type { Model, Project } from "../../../runner/models/project.ts";
import type { Table, UnitTest } from "../../../runner/models/unit-test.ts";
import type { Artifact } from "./model-nodes.ts";
import {
  fqnOf,
  modelId,
  modelName,
  PACKAGE,
  pathBelow,
  relationId,
  SOURCE,
  seedName,
  wordsOf,
} from "./names.ts";

/** Unit tests by their ids. */
export function unitTestNodes({ unitTests, models }: Project): ReadonlyMap<string, Artifact> {
  const nodes = new Map<string, Artifact>();
  for (const test of unitTests) {
    const model = models.find(({ name }) => name === test.model);
    if (model === undefined) continue;
    let name = wordsOf([test.name]);
    const idOf = () => `unit_test.${PACKAGE}.${modelName(model)}.${name}`;
    // Two headings may differ in nothing but accents or their ends.
    while (nodes.has(idOf())) name += "_";
    nodes.set(idOf(), unitTestNode(test, model, name, idOf()));
  }
  return nodes;
}

function unitTestNode(test: UnitTest, model: Model, name: string, id: string): Artifact {
  return {
    model: modelName(model),
    given: test.given.map((given) => ({
      input: inputOf(given.relation),
      rows: rowsOf(given),
      format: "dict",
      fixture: null,
    })),
    expect: { rows: rowsOf(test.expected), format: "dict", fixture: null },
    name,
    resource_type: "unit_test",
    package_name: PACKAGE,
    path: pathBelow(test.file),
    original_file_path: test.file,
    unique_id: id,
    fqn: fqnOf(model.file, name),
    description: test.name,
    overrides:
      test.today === undefined
        ? null
        : { macros: { "elt.hoje": test.today }, vars: {}, env_vars: {} },
    depends_on: {
      macros: [],
      nodes: [modelId(model), ...test.given.map(({ relation }) => idOfName(relation))],
    },
    config: { tags: [], meta: {}, enabled: true },
    checksum: null,
    schema: model.schema,
  };
}

function idOfName(name: string): string {
  const [schema = "", relation = ""] = name.split(".");
  return relationId({ schema, relation });
}

function inputOf(name: string): string {
  const [schema = "", relation = ""] = name.split(".");
  if (schema === "landing") return `source('${SOURCE}', '${landingObjectOf(relation)}')`;
  return `ref('${schema === "seeds" ? seedName(relation) : modelName({ schema, relation })}')`;
}

function rowsOf({ columns, rows }: Table): readonly Artifact[] {
  return rows.map(({ cells }) =>
    Object.fromEntries(columns.map(({ value }, i) => [value ?? "", cells[i]?.value ?? null])),
  );
}
