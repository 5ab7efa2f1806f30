import { DatabaseError } from "pg";
import { headerLine } from "./position.ts";
import { ModelError } from "./problem.ts";
import type { Model } from "./project.ts";

const PROGRAM_LIMIT_EXCEEDED = "54000";
const NO_SUCH_OPERATOR_CLASS = "42704";

/** Runs what fills or creates indexes; values that no index takes are told at the header's line. */
export async function withinIndexLimits<T>(
  model: Pick<Model, "file" | "text">,
  columns: { readonly keyword: "key" | "index"; readonly names: readonly string[] },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const { keyword, names } = columns;
    const written = `@${keyword} ${names.join(", ")}`;
    const problem = (message: string, hint: string) =>
      new ModelError([
        {
          file: model.file,
          text: model.text,
          position: headerLine(model.text, keyword, names[0] ?? ""),
          message,
          hint,
        },
      ]);
    if (error.code === PROGRAM_LIMIT_EXCEEDED) {
      throw problem(
        `${written}: a value is longer than an index takes (about 2,700 bytes)`,
        "use a short column, such as an id, or md5(…) of the long one",
      );
    }
    if (error.code === NO_SUCH_OPERATOR_CLASS) {
      throw problem(
        `${written}: ${error.message}`,
        "a column of such a type can be neither key nor index: give it as text",
      );
    }
    throw error;
  }
}
