import { type CvdwObject, catalogue, findObject } from "../extract/catalogue.ts";
import { didYouMean } from "./models/near-name.ts";

/**
 * The objects that a person named, each once, in the order named. A name is one of
 * - an object of the catalogue: `leads`, `reservas_condicoes`, or its path: `reservas/condicoes`;
 * - a group of paths: `pessoas/*`, or `pessoas/` where a shell would eat the star: the object with
 *   that path and all below it;
 * - a pattern of names: `leads_*`, `*_workflow_tempo`, `*`.
 * @param problems gets a sentence for every name that means no object
 */
export function chooseObjects(names: readonly string[], problems: string[]): readonly CvdwObject[] {
  const chosen = names.flatMap((name) => {
    const objects = objectsNamed(name);
    if (objects.length === 0) problems.push(unknownObject(name));
    return objects;
  });
  return [...new Set(chosen)];
}

function objectsNamed(name: string): readonly CvdwObject[] {
  const object = findObject(name);
  if (object !== undefined) return [object];
  if (name.includes("/")) {
    const path = `/${name.replace(/^\//, "")}`;
    const group = /^(.+)\/\*?$/.exec(path)?.[1];
    return catalogue.filter((known) =>
      group === undefined
        ? known.path === path
        : known.path === group || known.path.startsWith(`${group}/`),
    );
  }
  if (!name.includes("*")) return [];
  // A star is all that a pattern has; whatever else is no part of a name.
  if (!/^[\w*]+$/.test(name)) return [];
  const pattern = new RegExp(`^${name.replaceAll("*", ".*")}$`);
  return catalogue.filter((known) => pattern.test(known.name));
}

function unknownObject(name: string): string {
  const all = catalogue.map((object) => object.name).sort();
  const start = name.replace(/^[/*]+/, "").slice(0, 4);
  const near = all.filter(
    (known) => known.includes(name) || (start !== "" && known.startsWith(start)),
  );
  if (near.length > 0) return `CVDW has no object ${name}. Near it: ${near.join(", ")}.`;
  const meant = didYouMean(name, all);
  return meant === undefined
    ? `CVDW has no object ${name}. Objects: ${all.join(", ")}.`
    : `CVDW has no object ${name}: ${meant}`;
}
