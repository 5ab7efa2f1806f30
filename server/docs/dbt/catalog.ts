import type { Artifact } from "./model-nodes.ts";
import type { CatalogueRelation } from "./read-relations.ts";

/** A relation as dbt's catalog shows it: types, comments, rows and bytes. */
export function catalogTable(
  database: string,
  id: string,
  relation: CatalogueRelation,
  rowsOf: CatalogueRelation = relation,
): Artifact {
  const [schema = "", name = ""] = relation.name.split(".");
  const columns = relation.columns.map((column, i) => [
    column.name,
    { name: column.name, index: i + 1, type: column.type, comment: column.comment },
  ]);
  return {
    metadata: {
      type: relation.kind === "view" ? "VIEW" : "BASE TABLE",
      schema,
      name,
      database,
      comment: relation.comment,
      owner: null,
    },
    columns: Object.fromEntries(columns),
    stats: statsOf(rowsOf),
    unique_id: id,
  };
}

function statsOf({ rows, bytes }: CatalogueRelation): Artifact {
  const known = [
    ["row_count", "Linhas", "Linhas, na última publicação", rows],
    ["bytes", "Bytes", "Tamanho em disco, com índices", bytes],
  ] as const;
  const stats = known
    .filter(([, , , value]) => value !== null)
    .map(([id, label, description, value]) => [
      id,
      { id, label, value, include: true, description },
    ]);
  const has = {
    id: "has_stats",
    label: "Has Stats?",
    value: stats.length > 0,
    include: false,
    description: "Indicates whether there are statistics for this table",
  };
  return Object.fromEntries([...stats, ["has_stats", has]]);
}
