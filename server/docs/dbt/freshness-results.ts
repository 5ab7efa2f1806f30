import type { SourceAge } from "../../../runner/freshness/source-ages.ts";
import type { Artifact } from "./model-nodes.ts";
import { sourceId } from "./names.ts";
import { criteriaOf } from "./source-nodes.ts";

/** The age of each source that a model declares one for; of several accounts the oldest counts. */
export function freshnessResults(ages: readonly SourceAge[], now: Date): readonly Artifact[] {
  const oldest = new Map<string, SourceAge>();
  for (const age of [...ages].sort((a, b) => a.ageSeconds - b.ageSeconds)) {
    oldest.set(age.object, age);
  }
  return [...oldest.values()]
    .sort((a, b) => a.object.localeCompare(b.object))
    .map((age) => freshnessResult(age, now));
}

function freshnessResult(age: SourceAge, now: Date): Artifact {
  const unique_id = sourceId(age.object);
  if (age.readAt === null) {
    return { unique_id, error: "never read to its end", status: "runtime error" };
  }
  return {
    unique_id,
    max_loaded_at: age.readAt,
    snapshotted_at: now.toISOString(),
    max_loaded_at_time_ago_in_s: age.ageSeconds,
    status: age.level === "fresh" ? "pass" : age.level,
    criteria: criteriaOf(age),
    adapter_response: {},
    timing: [],
    thread_id: "main",
    execution_time: 0,
  };
}
