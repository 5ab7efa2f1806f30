import { ConfigError } from "../errors.ts";
import { didYouMean } from "./near-name.ts";
import type { Model, Project } from "./project.ts";

/** How to write a selection, for the help of commands that take one. */
export const selectionHelp = `  --select <what>      vendas, marts.vendas, marts.*, models/marts, tag:financeiro, changed;
                       +vendas with what it reads, vendas+ with what reads it; several with commas`;

/**
 * The models that a selection names: by name, pattern, folder, tag, or `changed`, each with a plus
 * before it for what it reads and after it for what reads it.
 * @param changed models whose rows do not follow from the text that is built; asked for when needed
 * @throws ConfigError for a word that names nothing
 */
export async function selectModels(
  project: Project,
  selection: string,
  changed: () => Promise<ReadonlySet<string>>,
): Promise<ReadonlySet<string>> {
  const words = selection.split(/[\s,]+/).filter((word) => word !== "");
  const problems: string[] = [];
  const selected = new Set<string>();
  if (words.length === 0) problems.push("--select names nothing: give a model, folder or tag.");
  for (const word of words) {
    const [, before = "", middle = "", after = ""] = /^(\+?)(.*?)(\+?)$/.exec(word) ?? [];
    const differing = middle === "changed" ? await changed() : undefined;
    const named = project.models.filter((model) =>
      differing === undefined ? isNamed(model, middle) : differing.has(model.name),
    );
    if (named.length === 0 && middle !== "changed") problems.push(nothingNamed(project, middle));
    for (const model of named) {
      selected.add(model.name);
      if (before === "+") for (const name of readBy(project, model)) selected.add(name);
      if (after === "+") for (const name of readersOf(project, model)) selected.add(name);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return selected;
}

/**
 * The one model that a command is about.
 * @throws ConfigError when no model, or more than one, has that name
 */
export function findModel(project: Project, name: string): Model {
  const exact = project.models.filter((model) => model.name === name || model.file === name);
  const found =
    exact.length > 0 ? exact : project.models.filter(({ relation }) => relation === name);
  // A mart is what people mean when staging has an object of the same name.
  const [first, second] = found.filter(({ schema }) => schema === "marts" || found.length === 1);
  if (first !== undefined && second === undefined) return first;
  if (found.length > 1) {
    throw new ConfigError([
      `${name} may be ${found.map((one) => one.name).join(" or ")}: say which.`,
    ]);
  }
  throw new ConfigError([nothingNamed(project, name)]);
}

function isNamed(model: Model, word: string): boolean {
  if (word.startsWith("tag:")) return model.header.tags.includes(word.slice("tag:".length));
  if (word.includes("/")) {
    const folder = word.replace(/\/+$/, "");
    return model.file === folder || model.file.startsWith(`${folder}/`);
  }
  const pattern = new RegExp(
    `^${word.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`,
  );
  return pattern.test(model.name) || pattern.test(model.relation);
}

function nothingNamed({ models }: Project, word: string): string {
  const tags = [...new Set(models.flatMap((model) => model.header.tags))];
  if (word.startsWith("tag:")) {
    return `No model has the tag ${word.slice("tag:".length)}: there are ${tags.length === 0 ? "no tags" : tags.join(", ")}.`;
  }
  const names = models.flatMap((model) => [model.name, model.relation]);
  const near = didYouMean(word, names);
  return `There is no model ${word}: ${near ?? "elt lineage lists them."}`;
}

/** Every model that a model reads, directly or not. */
export function readBy({ models }: Project, model: Model): ReadonlySet<string> {
  const byName = new Map(models.map((one) => [one.name, one]));
  const found = new Set<string>();
  const visit = (one: Model): void => {
    for (const { schema, relation } of one.references) {
      const next = byName.get(`${schema}.${relation}`);
      if (next === undefined || found.has(next.name) || next === model) continue;
      found.add(next.name);
      visit(next);
    }
  };
  visit(model);
  return found;
}

/** Every model that reads a model, directly or not. */
export function readersOf(project: Project, model: Model): ReadonlySet<string> {
  const readers = project.models.filter((other) => readBy(project, other).has(model.name));
  return new Set(readers.map(({ name }) => name));
}
