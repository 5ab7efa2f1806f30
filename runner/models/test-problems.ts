import { wordIn } from "./check-header.ts";
import { didYouMean } from "./near-name.ts";
import { headerValue } from "./position.ts";
import type { ModelProblem } from "./problem.ts";
import type { Model } from "./project.ts";
import type { Seed } from "./seed.ts";

/** Tests of headers that cannot run, as far as that can be told without a database. */
export function testProblems(
  models: readonly Model[],
  seeds: readonly Seed[],
): readonly ModelProblem[] {
  const names = [...models, ...seeds].map(({ name }) => name);
  return models.flatMap((model) =>
    model.header.tests.flatMap(({ rule, line, label }): ModelProblem[] => {
      const { file, text } = model;
      if (rule.kind === "references" && !names.includes(rule.target)) {
        return [
          {
            file,
            text,
            position: wordIn(model, line, rule.target),
            message: `${label}: there is no ${rule.target}`,
            hint: didYouMean(rule.target, names),
          },
        ];
      }
      const readsLanding = model.references.some(({ schema }) => schema === "landing");
      if (rule.kind === "lossless" && !readsLanding && model.tree !== undefined) {
        return [
          {
            file,
            text,
            position: headerValue(text, line),
            message: `${label}: lossless compares with landing, and this model reads no object of it`,
            hint: "it belongs into the staging model that reads the object",
          },
        ];
      }
      return [];
    }),
  );
}
