import { createHash } from "node:crypto";
import type { KnownFunctions } from "./known-functions.ts";
import { type Clock, callsOf, clockOf, latest } from "./model-clock.ts";
import type { Model, Project } from "./project.ts";

/** Raised when the engine itself creates relations or computes rows in another way. */
const ENGINE_VERSION = "2";

/** What a model is made with. Rows and relation are apart: a new comment computes nothing. */
export type Fingerprint = {
  /** Of the whole: text, header and everything that `rows` covers. */
  readonly whole: string;
  /** Of what the rows follow from besides the rows of the inputs. */
  readonly rows: string;
  readonly clock: Clock;
};

/**
 * Fingerprints of a project's models: text, engine, the functions that the text calls, and the same
 * of each view that it reads, since a view has no rows of its own that could tell of a change.
 */
export function fingerprintsOf(
  project: Project,
  known: KnownFunctions,
): (model: Model) => Fingerprint {
  const byName = new Map(project.models.map((model) => [model.name, model]));
  const done = new Map<string, Fingerprint>();

  function fingerprint(model: Model): Fingerprint {
    const before = done.get(model.name);
    if (before !== undefined) return before;
    const views = viewsRead(model, byName).map(fingerprint);
    const calls = callsOf(model);
    const clock = latest([clockOf(calls, known), ...views.map((view) => view.clock)]);
    const rows = hashOf([
      ENGINE_VERSION,
      model.build,
      model.select.replace(/^(--.*\n)*/, ""),
      model.header.key.join(),
      [...model.header.pii].join(";"),
      known.hashOf([...calls.functions, ...maskFunctions(model)]),
      ...views.map((view) => view.rows),
    ]);
    const result = { whole: hashOf([rows, model.text]), rows, clock };
    done.set(model.name, result);
    return result;
  }
  return fingerprint;
}

/** Functions that publishing calls, not the text. */
function maskFunctions({ header }: Model): readonly string[] {
  return [...new Set(header.pii.values())].map((mask) => `elt.mask_${mask}`);
}

function viewsRead(model: Model, byName: ReadonlyMap<string, Model>): readonly Model[] {
  const names = new Set(
    model.references.map(({ schema, relation }) => `${schema}.${relation}`).sort(),
  );
  return [...names].flatMap((name) => {
    const read = byName.get(name);
    return read?.build === "view" ? [read] : [];
  });
}

function hashOf(parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest("hex");
}
