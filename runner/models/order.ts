import { catalogue, findObject } from "../../extract/catalogue.ts";
import { didYouMean } from "./near-name.ts";
import { ModelError, type ModelProblem } from "./problem.ts";
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
  const known: KnownNames = {
    models: [...byName.keys()],
    seeds: project.seeds.map((seed) => seed.name),
    unreadableFiles: new Set(project.problems.map((problem) => problem.file)),
  };
  const problems = project.models.flatMap((model) =>
    model.references.flatMap((reference) => {
      const problem = referenceProblem(model, reference, known);
      return problem === undefined ? [] : [problemAt(model, reference, problem)];
    }),
  );
  const ofTests = project.tests.flatMap((test) =>
    test.references.flatMap((reference) => {
      const problem = testReferenceProblem(reference, known);
      return problem === undefined ? [] : [problemAt(test, reference, problem)];
    }),
  );
  const { order, cycles } = sortByReads(project.models, byName);
  return { order, problems: [...problems, ...ofTests, ...cycles] };
}

/**
 * The models of a project, each after what it reads.
 * @throws ModelError with every problem that can be told without a database
 */
export function orderOf(project: Project): readonly Model[] {
  const { order, problems } = orderModels(project);
  const all = [...project.problems, ...problems];
  if (all.length > 0) throw new ModelError(all);
  return order;
}

/** The CVDW objects whose landing tables the models read. */
export function landingObjects(models: readonly Model[]): readonly string[] {
  const objects = models.flatMap((model) =>
    model.references
      .filter((reference) => reference.schema === "landing")
      .map((reference) => landingObjectOf(reference.relation)),
  );
  return [...new Set(objects)];
}

/** The relations of landing that models and tests read, by their names there. */
export function landingRelations({ models, tests }: Project): ReadonlySet<string> {
  const references = [...models, ...tests].flatMap((one) => one.references);
  return new Set(
    references.filter(({ schema }) => schema === "landing").map(({ relation }) => relation),
  );
}

/** The object whose versions a relation of landing shows. */
export function landingObjectOf(relation: string): string {
  return relation.endsWith(NEWEST) ? relation.slice(0, -NEWEST.length) : relation;
}

/** What models may be named after. */
type KnownNames = {
  readonly models: readonly string[];
  readonly seeds: readonly string[];
  /** Files that exist but could not be read. */
  readonly unreadableFiles: ReadonlySet<string>;
};

type Complaint = { readonly message: string; readonly hint?: string | undefined };

function referenceProblem(
  model: Model,
  { schema, relation }: Reference,
  known: KnownNames,
): Complaint | undefined {
  const names = [...known.models, ...known.seeds];
  if (schema === undefined) {
    const withSchema = names.filter((name) => name.endsWith(`.${relation}`));
    const allowed = withSchema.filter((name) => isAllowed(model, name));
    const meant = allowed.length > 0 ? allowed.join(" or ") : nearOf(model, relation, names);
    return {
      message: `${relation} has no schema: write staging.${relation}, marts.${relation}…`,
      hint: meant === undefined ? undefined : `did you mean ${meant}?`,
    };
  }
  const name = `${schema}.${relation}`;
  if (!mayRead[model.stage].includes(schema)) {
    return {
      message: `${model.stage} reads ${mayRead[model.stage].join(", ")}, not ${name}`,
      hint: wayRound(model, schema, relation, known),
    };
  }
  if (schema === "landing") {
    const object = landingObjectOf(relation);
    if (findObject(object) === undefined) {
      const objects = catalogue.map((one) => `landing.${one.name}${NEWEST}`);
      return { message: `CVDW has no object ${relation}`, hint: didYouMean(name, objects) };
    }
    const objects = new Set(landingObjects([model]));
    if (objects.size <= 1) return undefined;
    return {
      message: "a staging model reads one landing object",
      hint: `it reads ${[...objects].join(" and ")}: make one model of each and join them in a mart`,
    };
  }
  if (names.includes(name)) return undefined;
  const hint = didYouMean(
    name,
    names.filter((one) => isAllowed(model, one)),
  );
  if (schema === "seeds") {
    const file = `models/seeds/${relation}.csv`;
    return known.unreadableFiles.has(file)
      ? { message: `${file} cannot be read`, hint: "see the problem of that file" }
      : { message: `there is no file ${file}`, hint };
  }
  const folder = schema === "staging" ? "models/staging" : "models/marts";
  return { message: `there is no model ${name} (no file ${folder}/${relation}.sql)`, hint };
}

/** A test may read everything that the project has. */
function testReferenceProblem(
  { schema, relation }: Reference,
  { models, seeds }: KnownNames,
): Complaint | undefined {
  const name = `${schema}.${relation}`;
  const names = [...models, ...seeds];
  if (names.includes(name)) return undefined;
  if (schema === "landing" && findObject(landingObjectOf(relation)) !== undefined) return undefined;
  const written = schema === undefined ? relation : name;
  return { message: `there is no ${written}`, hint: didYouMean(written, names) };
}

function isAllowed(model: Model, name: string): boolean {
  return mayRead[model.stage].includes(name.split(".")[0] ?? "") && name !== model.name;
}

function nearOf(model: Model, relation: string, names: readonly string[]): string | undefined {
  const allowed = names.filter((name) => isAllowed(model, name));
  return didYouMean(relation, allowed)?.replace(/^did you mean (.*)\?$/, "$1");
}

/** What to read instead of something that is further up or down the flow. */
function wayRound(
  model: Model,
  schema: string,
  relation: string,
  { models }: KnownNames,
): string | undefined {
  const bare = landingObjectOf(relation);
  const sameName = models.find((name) => name.endsWith(`.${bare}`) && isAllowed(model, name));
  if (sameName !== undefined) return `read ${sameName}`;
  if (schema === "landing") return `add models/staging/${bare}.sql, which types it, and read that`;
  if (schema === "staging") return `add a mart that gives what you need of ${schema}.${relation}`;
  return undefined;
}

function sortByReads(
  models: readonly Model[],
  byName: ReadonlyMap<string, Model>,
): { readonly order: readonly Model[]; readonly cycles: readonly ModelProblem[] } {
  const order: Model[] = [];
  const done = new Set<string>();
  const cycles: ModelProblem[] = [];

  function visit(model: Model, path: readonly Model[]): void {
    if (done.has(model.name)) return;
    const here = [...path, model];
    for (const reference of model.references) {
      const next = byName.get(`${reference.schema}.${reference.relation}`);
      if (next === undefined) continue;
      const inPath = here.findIndex((one) => one.name === next.name);
      if (inPath >= 0) cycles.push(circle(here.slice(inPath), reference));
      else visit(next, here);
    }
    if (!done.has(model.name)) {
      done.add(model.name);
      order.push(model);
    }
  }

  for (const model of models) visit(model, []);
  return { order, cycles };
}

/** Models that read each other in a ring, told at the reading that closes it. */
function circle(ring: readonly Model[], closing: Reference): ModelProblem {
  const names = ring.map((model) => model.name);
  const last = ring.at(-1) ?? ring[0];
  const others = ring.slice(0, -1).flatMap((model, i) => {
    const next = ring[i + 1]?.name;
    const read = model.references.find((one) => `${one.schema}.${one.relation}` === next);
    return read === undefined
      ? []
      : [`${model.file}:${read.position.line}:${read.position.column} reads ${next}`];
  });
  return {
    file: last?.file ?? "",
    text: last?.text ?? "",
    position: closing.position,
    message: `models read each other in a circle: ${[...names, names[0]].join(" → ")}`,
    hint:
      others.length === 0
        ? "a model cannot read itself"
        : `take one of the readings away: here, or ${others.join(", ")}`,
  };
}

function problemAt(
  model: Pick<Model, "file" | "text">,
  reference: Reference,
  complaint: Complaint,
): ModelProblem {
  return { file: model.file, text: model.text, position: reference.position, ...complaint };
}
