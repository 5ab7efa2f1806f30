import { personalColumns, projectLineage } from "./lineage.ts";
import { landingObjectOf, orderModels } from "./order.ts";
import type { Project } from "./project.ts";

/** Whether a column of a relation may not stand in a sample of failing rows. */
export type IsPersonal = (relation: string, column: string) => boolean;

/**
 * Tells which columns hold what some mart publishes as personal, wherever they stand; of landing all
 * of a record but the ids in it, since nobody has said what else is in there. The project is read
 * when it is first asked: most builds have no failing row to show.
 */
export function personalIn(project: Project): IsPersonal {
  let known: ReturnType<typeof personalColumns> | undefined;
  return (relation, column) => {
    if (relation.startsWith("landing.")) {
      if (column === "payload") return true;
      if (column.startsWith("payload.") && !column.startsWith("payload.id")) return true;
    }
    known ??= personalColumns(project.models, projectLineage(project, orderModels(project).order));
    const [schema = "", name = ""] = relation.split(".");
    const newest = schema === "landing" ? `landing.${landingObjectOf(name)}_atual` : relation;
    return known(relation, column) !== undefined || known(newest, column) !== undefined;
  };
}
