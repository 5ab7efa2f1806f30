import { findObject } from "../../extract/catalogue.ts";
import type { ModelProblem } from "./problem.ts";
import type { Model, Project, Stage } from "./project.ts";
import type { Reference } from "./select.ts";

/** Schemas that each stage may read. */
const mayRead: { readonly [stage in Stage]: readonly string[] } = {
  staging: ["landing"],
  marts: ["staging", "seeds", "marts"],
  views: ["marts"],
};

/** Suffix of the view on an object's newest versions. */
const NEWEST = "_atual";

/**
 * Orders models so that each comes after what it reads.
 * @returns the order, or every name that is unknown, read the wrong way, or part of a cycle
 */
export function orderModels(project: Project): {
  readonly order: readonly Model[];
  readonly problems: readonly ModelProblem[];
} {
  const byName = new Map(project.models.map((model) => [model.name, model]));
  const seedNames = new Set(project.seeds.map((seed) => seed.name));
  const problems = project.models.flatMap((model) =>
    model.references.flatMap((reference) => {
      const message = referenceProblem(model, reference, byName, seedNames);
      return message === undefined ? [] : [problemAt(model, reference, message)];
    }),
  );
  const { order, cycle } = sortByReads(project.models, byName);
  return { order, problems: cycle === undefined ? problems : [...problems, cycle] };
}

/** The CVDW objects whose landing tables the models read. */
export function landingObjects(models: readonly Model[]): readonly string[] {
  const objects = models.flatMap((model) =>
    model.references
      .filter((reference) => reference.schema === "landing")
      .map((reference) => landingObject(reference.relation)),
  );
  return [...new Set(objects)];
}

function landingObject(relation: string): string {
  return relation.endsWith(NEWEST) ? relation.slice(0, -NEWEST.length) : relation;
}

function referenceProblem(
  model: Model,
  { schema, relation }: Reference,
  byName: ReadonlyMap<string, Model>,
  seedNames: ReadonlySet<string>,
): string | undefined {
  if (schema === undefined) {
    return `${relation} has no schema: write staging.${relation}, marts.${relation}…`;
  }
  const name = `${schema}.${relation}`;
  if (!mayRead[model.stage].includes(schema)) {
    return `${model.stage} reads ${mayRead[model.stage].join(", ")}, not ${name}`;
  }
  if (schema === "landing") {
    if (findObject(landingObject(relation)) === undefined) return `CVDW has no object ${relation}`;
    const objects = new Set(landingObjects([model]));
    return objects.size > 1 ? "a staging model reads one landing object" : undefined;
  }
  if (schema === "seeds") {
    return seedNames.has(name) ? undefined : `there is no file models/seeds/${relation}.csv`;
  }
  if (byName.has(name)) return undefined;
  const folder = schema === "staging" ? "models/staging" : "models/marts";
  return `there is no model ${name} (no file ${folder}/${relation}.sql)`;
}

function sortByReads(
  models: readonly Model[],
  byName: ReadonlyMap<string, Model>,
): { readonly order: readonly Model[]; readonly cycle: ModelProblem | undefined } {
  const order: Model[] = [];
  const done = new Set<string>();
  let cycle: ModelProblem | undefined;

  function visit(model: Model, path: readonly string[]): void {
    if (done.has(model.name)) return;
    for (const reference of model.references) {
      const next = byName.get(`${reference.schema}.${reference.relation}`);
      if (next === undefined) continue;
      const inPath = [...path, model.name].indexOf(next.name);
      if (inPath >= 0) {
        const loop = [...[...path, model.name].slice(inPath), next.name].join(" → ");
        cycle ??= problemAt(model, reference, `models read each other in a circle: ${loop}`);
        continue;
      }
      visit(next, [...path, model.name]);
    }
    if (!done.has(model.name)) {
      done.add(model.name);
      order.push(model);
    }
  }

  for (const model of models) visit(model, []);
  return { order, cycle };
}

function problemAt(model: Model, reference: Reference, message: string): ModelProblem {
  return { file: model.file, text: model.text, position: reference.position, message };
}
