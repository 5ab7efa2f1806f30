import { createHash } from "node:crypto";
import { landingObjectOf } from "../../../runner/models/order.ts";
import type { Model } from "../../../runner/models/project.ts";

/** The project's and package's name in dbt's artifacts. */
export const PACKAGE = "cvdw_elt";
/** The name of the source that the objects of landing belong to. */
export const SOURCE = "cvdw";

/**
 * A name that no other model has. Ours are told apart by their schema, dbt's by nothing, so those of
 * staging get dbt's usual prefix and keep their own name as alias.
 */
export function modelName({ schema, relation }: Pick<Model, "schema" | "relation">): string {
  if (schema === "staging") return `stg_${relation}`;
  return relation.startsWith("stg_") ? `${schema}_${relation}` : relation;
}

/** `model.cvdw_elt.stg_reservas` */
export function modelId(model: Pick<Model, "schema" | "relation">): string {
  return `model.${PACKAGE}.${modelName(model)}`;
}

/** A mapping and a mart may have one name, too. */
export function seedName(relation: string): string {
  return `seed_${relation}`;
}

/** `seed.cvdw_elt.seed_series` */
export function seedId(relation: string): string {
  return `seed.${PACKAGE}.${seedName(relation)}`;
}

/** `source.cvdw_elt.cvdw.reservas` */
export function sourceId(object: string): string {
  return `source.${PACKAGE}.${SOURCE}.${object}`;
}

/** The id of what a `schema.relation` of a SELECT stands for. */
export function relationId(reference: {
  readonly schema: string | undefined;
  readonly relation: string;
}): string {
  const { schema = "", relation } = reference;
  if (schema === "landing") return sourceId(landingObjectOf(relation));
  return schema === "seeds" ? seedId(relation) : modelId({ schema, relation });
}

/** `test.cvdw_elt.not_null_vendas_valor.1f2e3d4c5b`, of what tells the test from all others. */
export function testIdOf(name: string, parts: readonly string[]): string {
  const hash = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 10);
  return `test.${PACKAGE}.${name}.${hash}`;
}

const LONGEST_NAME = 60;

/** Words joined to a name that tools accept. */
export function wordsOf(parts: readonly string[]): string {
  const words = parts.join("_").normalize("NFD").replace(/\p{M}/gu, "").replace(/\W+/g, "_");
  return words.replace(/^_+/, "").slice(0, LONGEST_NAME).replace(/_+$/, "").toLowerCase();
}

/** Below the folder that dbt would look into: `staging/reservas.sql`. */
export function pathBelow(file: string): string {
  return file.slice(file.indexOf("/") + 1);
}

/** `package.folder.name`, as dbt selects by. */
export function fqnOf(file: string, name: string): readonly string[] {
  return [PACKAGE, ...pathBelow(file).split("/").slice(0, -1), name];
}
