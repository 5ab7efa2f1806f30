import type { ModelTest } from "./model-test.ts";
import { applyEdits, referenceEdits } from "./rename-references.ts";
import { parseSelect, type Reference } from "./select.ts";

const SELECT = "select ";

/**
 * A test whose own SQL reads relations where they stand for now: in a draft, or beside what is
 * published until the end of a build.
 * @param schemaOf the schema to read a relation from; undefined leaves it as written
 */
export async function testOver(
  test: ModelTest,
  schemaOf: (reference: Reference) => string | undefined,
): Promise<ModelTest> {
  if (test.rule.kind !== "check" || !test.rule.expression.includes(".")) return test;
  const select = `${SELECT}${test.rule.expression}`;
  const parsed = await parseSelect(select);
  if (parsed.status === "invalid" || parsed.references.length === 0) return test;
  const edits = referenceEdits({ select, references: parsed.references }, schemaOf);
  const expression = applyEdits(select, edits).text.slice(SELECT.length);
  return { ...test, rule: { ...test.rule, expression } };
}
