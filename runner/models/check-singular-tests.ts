import { DatabaseError } from "pg";
import { type Draft, quoted } from "./draft.ts";
import { offsetOf, startOfSelect } from "./position.ts";
import type { ModelProblem } from "./problem.ts";
import { applyEdits, originalPosition, referenceEdits } from "./rename-references.ts";
import { isModelFault, withoutValues } from "./run-model.ts";
import type { SingularTest } from "./singular-test.ts";

/** Lets PostgreSQL read the tests that are files, over the models as they stand in the draft. */
export async function checkSingularTests(
  draft: Draft,
  tests: readonly SingularTest[],
  unreadable: ReadonlySet<string>,
): Promise<readonly ModelProblem[]> {
  const problems: ModelProblem[] = [];
  for (const test of tests) {
    if (unreadable.has(test.file)) continue;
    const edited = applyEdits(
      test.select,
      referenceEdits(test, ({ schema }) => draft.schemaOf(schema ?? "")),
    );
    const before = `savepoint singular; create view ${quoted(draft.schemaOf("marts"), `elt test ${test.name}`)} as\n`;
    try {
      await draft.client.query(`${before}${edited.text}\n; rollback to savepoint singular`);
    } catch (error) {
      await draft.client.query("rollback to savepoint singular");
      if (!(error instanceof DatabaseError) || !isModelFault(error.code)) throw error;
      const offset =
        error.position === undefined
          ? -1
          : offsetOf(before + edited.text, "server-character", Number(error.position));
      problems.push({
        file: test.file,
        text: test.text,
        position:
          offset < before.length
            ? startOfSelect(test.text)
            : originalPosition(test, offset - before.length, edited),
        message: draft.restoreNames(withoutValues(error)),
        hint: error.hint === undefined ? undefined : draft.restoreNames(error.hint),
      });
    }
  }
  return problems;
}
