import type { Column, Source } from "./column-scope.ts";
import { selectSources, type UnknownColumn } from "./column-sources.ts";
import type { MaskName } from "./header.ts";
import type { Model, Project } from "./project.ts";
import type { Node } from "./syntax-tree.ts";

/** A column of a model and the columns it is directly made of. */
export type ColumnLineage = {
  readonly name: string;
  /** The value as it stands in its only source; otherwise it is computed. */
  readonly copied: boolean;
  readonly sources: readonly Source[];
};

/** What a model's columns and rows come from, read from its text alone. */
export type ModelLineage = {
  readonly columns: readonly ColumnLineage[];
  /** Columns that decide which rows there are: joins, where, group by, having. */
  readonly filters: readonly Source[];
  readonly unknown: readonly UnknownColumn[];
};

/** By relation: the lineage of each model that parses. */
export type Lineage = ReadonlyMap<string, ModelLineage>;

/** Columns of the view on an object's newest versions; models read the fields of its payload. */
const landingColumns = [
  ...["conta", "chave", "load_id", "seq", "referencia_data", "hash", "landed_at", "payload"],
];

/** Follows every column of the models, in the order in which they are built. */
export function projectLineage(project: Project, order: readonly Model[]): Lineage {
  const lineage = new Map<string, ModelLineage>();
  for (const model of order) {
    if (model.tree !== undefined) {
      lineage.set(model.name, selectLineage(project, lineage, model.tree));
    }
  }
  return lineage;
}

/** Follows the columns of any SELECT that reads seeds, landing, or models whose lineage is known. */
export function selectLineage(project: Project, lineage: Lineage, tree: Node): ModelLineage {
  const { columns, filters, unknown } = selectSources(tree, (schema, relation) => {
    const name = `${schema}.${relation}`;
    if (schema === "landing") return ownColumns(name, landingColumns);
    const seed = project.seeds.find((one) => one.name === name);
    const names = seed?.columns ?? lineage.get(name)?.columns.map((column) => column.name);
    return names === undefined ? undefined : ownColumns(name, names);
  });
  return {
    columns: columns.map(({ name, copied, sources }) => ({
      name,
      copied,
      sources: [...sources.values()],
    })),
    filters: [...filters.values()],
    unknown,
  };
}

/**
 * The columns, of any relation, that hold what some mart publishes as personal: those that a
 * `@pii` column is copied or computed from, down to the source, and all that is made of them
 * except what a mart masks.
 */
export function personalColumns(
  models: readonly Model[],
  lineage: Lineage,
): (relation: string, column: string) => MaskName | undefined {
  const masks = new Map<string, MaskName>();
  const keyOf = ({ relation, column }: Source) => `${relation} ${column}`;
  const markSources = (source: Source, mask: MaskName): void => {
    if (masks.has(keyOf(source))) return;
    masks.set(keyOf(source), mask);
    const columns = lineage.get(source.relation)?.columns ?? [];
    for (const next of columns.find(({ name }) => name === source.column)?.sources ?? []) {
      markSources(next, mask);
    }
  };
  for (const model of models) {
    for (const [column, mask] of model.header.pii) {
      markSources({ relation: model.name, column }, mask);
    }
  }
  for (const [relation, { columns }] of lineage) {
    for (const { name, sources } of columns) {
      const key = keyOf({ relation, column: name });
      const mask = sources.map((source) => masks.get(keyOf(source))).find((one) => one);
      if (mask !== undefined && !masks.has(key)) masks.set(key, mask);
    }
  }
  return (relation, column) => masks.get(keyOf({ relation, column }));
}

function ownColumns(relation: string, names: readonly string[]): readonly Column[] {
  return names.map((name) => {
    const source = { relation, column: name };
    const column = { name, copied: true, sources: new Map([[`${relation} ${name}`, source]]) };
    const isDocument = relation.startsWith("landing.") && name === "payload";
    return isDocument ? { ...column, json: source } : column;
  });
}
