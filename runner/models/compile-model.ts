import { keyLocality } from "./key-locality.ts";
import type { Model, Project } from "./project.ts";
import { restrictedRows, restrictInputs } from "./restrict-inputs.ts";

/** A model's SQL as the engine runs it. */
export type CompiledModel = {
  readonly model: string;
  readonly file: string;
  readonly build: "table" | "view";
  /** Over all rows: the file's own SELECT. */
  readonly whole: string;
  /** For some keys alone, which stand in `elt_keys`; none when the model is not key-local. */
  readonly forKeys: { readonly key: readonly string[]; readonly sql: string } | undefined;
  /** Why not. */
  readonly because: string | undefined;
  /** Columns that are masked where the rows are published. */
  readonly masked: readonly string[];
};

/** Writes down what a build sends to PostgreSQL for a model. */
export function compileModel(project: Project, model: Model): CompiledModel {
  const locality = keyLocality(model, project);
  const whole = model.select.replace(/^(--.*\n)+/, "").trim();
  const compiled = {
    model: model.name,
    file: model.file,
    build: model.build,
    whole,
    masked: [...model.header.pii.keys()],
  };
  if (!locality.keyLocal) {
    return { ...compiled, forKeys: undefined, because: locality.because };
  }
  const restricted = restrictInputs(
    model,
    locality.inputs,
    (input) => restrictedRows(input, "elt_keys"),
    () => undefined,
  );
  const sql = restricted?.text.replace(/^(--.*\n)+/, "").trim();
  return sql === undefined
    ? { ...compiled, forKeys: undefined, because: "a name does not stand where the parser says" }
    : { ...compiled, forKeys: { key: locality.columns, sql }, because: undefined };
}
