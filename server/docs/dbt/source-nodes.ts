import { findObject } from "../../../extract/catalogue.ts";
import type { ObjectFreshness } from "../../../runner/freshness/project-freshness.ts";
import { type Artifact, quotedName } from "./model-nodes.ts";
import { PACKAGE, SOURCE, sourceId } from "./names.ts";
import type { CatalogueRelation } from "./read-relations.ts";

/** An object of CVDW: the newest versions of its records in landing. */
export function sourceNode(
  database: string,
  object: string,
  relation: CatalogueRelation | undefined,
  declared: ObjectFreshness | undefined,
): Artifact {
  const identifier = `${object}_atual`;
  const columns = (relation?.columns ?? []).map(({ name, type, comment }) => [
    name,
    { name, description: comment ?? "", meta: {}, data_type: type, tags: [] },
  ]);
  const path = findObject(object)?.path;
  const file = "extract/catalogue.ts";
  return {
    database,
    schema: "landing",
    name: object,
    resource_type: "source",
    package_name: PACKAGE,
    path: file,
    original_file_path: file,
    unique_id: sourceId(object),
    fqn: [PACKAGE, SOURCE, object],
    source_name: SOURCE,
    source_description: "Objetos da CVDW, a API de dados do CV CRM, como ela os enviou.",
    loader: "elt extract",
    identifier,
    quoting: { database: null, schema: null, identifier: null, column: null },
    loaded_at_field: null,
    freshness: declared === undefined ? null : criteriaOf(declared),
    description: relation?.comment ?? "",
    columns: Object.fromEntries(columns),
    meta: {
      ...(path === undefined ? {} : { cvdw_path: path }),
      ...(declared?.blocks === true ? { fresh_block: true } : {}),
    },
    source_meta: {},
    tags: [],
    config: { enabled: true },
    relation_name: quotedName(database, "landing", identifier),
  };
}

/** Declared ages in the largest unit that holds them whole. */
export function criteriaOf({
  warnSeconds,
  errorSeconds,
}: Pick<ObjectFreshness, "warnSeconds" | "errorSeconds">): Artifact {
  return { warn_after: ageOf(warnSeconds), error_after: ageOf(errorSeconds), filter: null };
}

function ageOf(seconds: number | null): Artifact {
  if (seconds === null) return { count: null, period: null };
  if (seconds % 86_400 === 0) return { count: seconds / 86_400, period: "day" };
  if (seconds % 3_600 === 0) return { count: seconds / 3_600, period: "hour" };
  return { count: seconds / 60, period: "minute" };
}
