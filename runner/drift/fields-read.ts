import { projectLineage } from "../models/lineage.ts";
import { landingObjects, orderModels } from "../models/order.ts";
import type { Model, Project } from "../models/project.ts";
import { walk } from "../models/syntax-tree.ts";

/** The staging models of one landed object, and what they read of its records. */
export type ObjectReaders = {
  readonly models: readonly Model[];
  /** Those that read a top-level field. */
  readonly readersOf: (field: string) => readonly Model[];
};

/**
 * By landed object: which fields of its records the staging models read, told from their syntax. A
 * model that hands on the whole record reads none of its fields by that.
 */
export function fieldsRead(project: Project): ReadonlyMap<string, ObjectReaders> {
  const lineage = projectLineage(project, orderModels(project).order);
  const readers = new Map<string, ObjectReaders>();
  for (const model of project.models) {
    const [object] = model.stage === "staging" ? landingObjects([model]) : [];
    if (object === undefined) continue;
    const { columns = [], filters = [] } = lineage.get(model.name) ?? {};
    const sources = [...columns.flatMap((column) => column.sources), ...filters]
      .filter(({ relation }) => relation.startsWith("landing."))
      .map(({ column }) => column);
    const reads = readerOf(model, sources);
    const before = readers.get(object);
    readers.set(object, {
      models: [...(before?.models ?? []), model],
      readersOf: (field) => [...(before?.readersOf(field) ?? []), ...(reads(field) ? [model] : [])],
    });
  }
  return readers;
}

const DOCUMENT = "payload";

function readerOf(model: Model, sources: readonly string[]): (field: string) => boolean {
  const paths = sources.flatMap((source) =>
    source.startsWith(`${DOCUMENT}.`) ? [source.slice(DOCUMENT.length + 1)] : [],
  );
  // Functions and operators take a field by its name too: a text that names it counts as reading.
  const texts = sources.includes(DOCUMENT) ? constants(model) : new Set();
  return (field) =>
    texts.has(field) || paths.some((path) => path === field || path.startsWith(`${field}.`));
}

function constants(model: Model): ReadonlySet<unknown> {
  const texts = new Set<unknown>();
  walk(model.tree, (kind, node) => {
    if (kind !== "A_Const") return;
    const { sval } = node;
    if (typeof sval === "object" && sval !== null && "sval" in sval) texts.add(sval.sval);
  });
  return texts;
}
