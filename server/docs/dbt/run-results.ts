import type { BuiltModel, Documented, LastBuild, LastTest } from "../documented.ts";
import type { Artifact } from "./model-nodes.ts";
import { modelId, seedId } from "./names.ts";
import type { NamedTest } from "./test-nodes.ts";

/** What the last build did to each model and seed, and how its tests ended. */
export function runResults(
  { build, order, project, tests }: Documented,
  named: readonly NamedTest[],
): readonly Artifact[] {
  if (build === undefined) return [];
  const failed =
    [...build.models.values()].some(({ status }) => status === "failed") ||
    [...tests.values()].some((test) => test.run === build.run && isFatal(test));
  const relations = [
    ...project.seeds.map(({ name, relation }) => ({ name, id: seedId(relation) })),
    ...order.map((model) => ({ name: model.name, id: modelId(model) })),
  ];
  return [
    ...relations.flatMap(({ name, id }) => {
      const built = build.models.get(name);
      if (built !== undefined) return [modelResult(id, built)];
      return failed ? [skipped(id)] : [];
    }),
    ...named.flatMap((test) => testResult(test, build, tests)),
  ];
}

function isFatal({ severity, failures, allowed }: LastTest): boolean {
  return severity === "error" && failures > allowed;
}

function modelResult(id: string, built: BuiltModel): Artifact {
  const { status, mode, because, error, rows, added, changed, removed, ms } = built;
  const told = [mode ?? "", because ?? ""].filter((part) => part !== "").join(": ");
  const counted = { rows_affected: (added ?? 0) + (changed ?? 0) + (removed ?? 0) };
  const counts = { ...counted, rows_total: rows, added, changed, removed };
  return {
    ...result(id, status === "built" ? "success" : "error"),
    execution_time: (ms ?? 0) / 1_000,
    adapter_response: rows === null ? {} : counts,
    message: error ?? (told === "" ? null : told),
  };
}

function skipped(id: string): Artifact {
  return { ...result(id, "skipped"), compiled: false, message: "nothing was published" };
}

/** Tests that the build ran. Of keys only a failure is written down: they hold where rows changed. */
function testResult(
  { id, model, label, kind }: NamedTest,
  { run, models }: LastBuild,
  tests: Documented["tests"],
): readonly Artifact[] {
  const last = tests.get(`${model} ${label}`);
  const ran = last?.run === run ? last : undefined;
  if (kind === "header" || kind === "file") return ran === undefined ? [] : [outcome(id, ran)];
  if (ran !== undefined) return kind === "key" ? [outcome(id, ran)] : [];
  const { status, mode } = models.get(model) ?? {};
  const checked = status === "built" && mode !== "unchanged" && mode !== null;
  return checked ? [{ ...result(id, "pass"), failures: 0 }] : [];
}

function outcome(id: string, { failures, allowed, severity }: LastTest): Artifact {
  const bad = severity === "error" ? "fail" : "warn";
  const isFailing = failures > allowed;
  return {
    ...result(id, isFailing ? bad : "pass"),
    message: isFailing ? `Got ${failures} result${failures === 1 ? "" : "s"}` : null,
    failures,
  };
}

function result(id: string, status: string): Artifact {
  return {
    status,
    timing: [],
    thread_id: "main",
    execution_time: 0,
    adapter_response: {},
    message: null,
    failures: null,
    unique_id: id,
    compiled: true,
    compiled_code: null,
    relation_name: null,
  };
}
