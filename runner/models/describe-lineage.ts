import type { Source } from "./column-scope.ts";
import { keyLocality } from "./key-locality.ts";
import type { Lineage } from "./lineage.ts";
import type { Model, Project } from "./project.ts";

/** A model and its neighbours, and how it is brought up to date. */
export type ModelOverview = {
  readonly model: string;
  readonly build: "table" | "view";
  readonly file: string;
  readonly reads: readonly string[];
  readonly readBy: readonly string[];
  /** Only its changed keys are computed. */
  readonly keyLocal: boolean;
  /** Why not, where it is a table that is always computed whole. */
  readonly because: string | null;
};

/** Models in the order of building, each with its neighbours. */
export function overviewOf(project: Project, order: readonly Model[]): readonly ModelOverview[] {
  return order.map((model) => {
    const locality = model.build === "table" ? keyLocality(model, project) : undefined;
    return {
      model: model.name,
      build: model.build,
      file: model.file,
      reads: relationsRead(model),
      readBy: order
        .filter((other) => relationsRead(other).includes(model.name))
        .map(({ name }) => name),
      keyLocal: locality?.keyLocal === true,
      because: locality?.keyLocal === false ? locality.because : null,
    };
  });
}

/** Names of the relations that a model's text reads, each once. */
export function relationsRead(model: Model): readonly string[] {
  return [...new Set(model.references.map(({ schema, relation }) => `${schema}.${relation}`))];
}

/** A column, and what it is made of all the way to the source. */
export type ColumnTree = {
  readonly relation: string;
  readonly column: string;
  /** The value as it stands in its source. */
  readonly copied: boolean;
  readonly from: readonly ColumnTree[];
};

/** Follows a column down to the fields of landing and the columns of seeds. */
export function columnTree(lineage: Lineage, source: Source): ColumnTree {
  const follow = ({ relation, column }: Source, path: readonly string[]): ColumnTree => {
    const own = lineage.get(relation)?.columns.find(({ name }) => name === column);
    const name = `${relation}.${column}`;
    const sources = path.includes(name) ? [] : (own?.sources ?? []);
    return {
      relation,
      column,
      copied: own?.copied ?? false,
      from: sources.map((next) => follow(next, [...path, name])),
    };
  };
  return follow(source, []);
}

/** The columns of models that are directly made of a column, and the models whose rows it decides. */
export function usesOf(
  lineage: Lineage,
  { relation, column }: Source,
): { readonly columns: readonly Source[]; readonly rowsOf: readonly string[] } {
  const isIt = (source: Source) => source.relation === relation && source.column === column;
  const entries = [...lineage];
  return {
    columns: entries.flatMap(([name, { columns }]) =>
      columns
        .filter(({ sources }) => sources.some(isIt))
        .map((one) => ({ relation: name, column: one.name })),
    ),
    rowsOf: entries.filter(([, { filters }]) => filters.some(isIt)).map(([name]) => name),
  };
}

/** `landing.reservas › valor` for a field of a payload; `relation.column` for anything else. */
export function columnText({ relation, column }: Source): string {
  if (!relation.startsWith("landing.")) return `${relation}.${column}`;
  const object = relation.replace(/_atual$/, "");
  return column.startsWith("payload.")
    ? `${object} › ${column.slice("payload.".length)}`
    : `${object}.${column}`;
}
