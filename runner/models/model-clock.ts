import { parse } from "libpg-query";
import type { KnownFunctions } from "./known-functions.ts";
import type { Model } from "./project.ts";
import { isNode, namesOf, nodesOf, only, stringOf, textOf, walk } from "./syntax-tree.ts";

/**
 * What the result of a SELECT depends on besides its inputs: nothing, today's date in Brasília, or
 * the very moment (or chance), so that it may differ each time it runs.
 */
export type Clock = "none" | "day" | "moment";

/** What a SELECT or an expression calls: names of functions, and the clock it asks itself. */
export type Calls = {
  /** `schema.name`, or `name` where no schema is written. */
  readonly functions: ReadonlySet<string>;
  readonly clock: Clock;
  readonly hasSubquery: boolean;
};

/** The later of several: one moment among days is a moment. */
export function latest(clocks: Iterable<Clock>): Clock {
  const all = [...clocks];
  if (all.includes("moment")) return "moment";
  return all.includes("day") ? "day" : "none";
}

/** What a model's SELECT calls. */
export function callsOf(model: Pick<Model, "tree">): Calls {
  return callsIn(model.tree);
}

/** What an expression of a test calls; one that cannot be parsed counts as a moment. */
export async function callsOfExpression(expression: string): Promise<Calls> {
  try {
    return callsIn(await parse(`select ${expression}`), "expression");
  } catch {
    return { functions: new Set(), clock: "moment", hasSubquery: true };
  }
}

function callsIn(tree: unknown, of: "select" | "expression" = "select"): Calls {
  const functions = new Set<string>();
  const clocks: Clock[] = [];
  let selects = of === "expression" ? -1 : 0;
  // `(now() at time zone 'America/Sao_Paulo')::date` is a day, though now() is a moment.
  const withinToday = new Set<unknown>();
  walk(tree, (kind, node) => {
    switch (kind) {
      case "SelectStmt":
        selects++;
        return;
      case "TypeCast": {
        if (isToday(node)) {
          clocks.push("day");
          walk(node.arg, (_, inner) => withinToday.add(inner));
        }
        const word = stringOf({ TypeCast: node });
        const isClockWord = /^\s*(now|today|tomorrow|yesterday)\s*$/i.test(word ?? "");
        if (isClockWord) clocks.push("moment");
        return;
      }
      case "SQLValueFunction":
        if (!withinToday.has(node)) clocks.push("moment");
        return;
      case "FuncCall": {
        if (withinToday.has(node)) return;
        const name = namesOf(node.funcname).join(".");
        functions.add(name);
        // With one argument it counts from today.
        if (/^(pg_catalog\.)?age$/.test(name) && nodesOf(node.args).length === 1) {
          clocks.push("moment");
        }
      }
    }
  });
  return { functions, clock: latest(clocks), hasSubquery: selects > 0 };
}

function isToday(cast: { readonly [name: string]: unknown }): boolean {
  const type = isNode(cast.typeName) ? namesOf(cast.typeName.names).at(-1) : undefined;
  const call = only(cast.arg, "FuncCall");
  if (type !== "date" || namesOf(call?.funcname).at(-1) !== "timezone") return false;
  const [zone, moment] = nodesOf(call?.args);
  if (stringOf(zone) !== "America/Sao_Paulo") return false;
  const isNow = namesOf(only(moment, "FuncCall")?.funcname).at(-1) === "now";
  const word = textOf(only(moment, "SQLValueFunction"), "op");
  return isNow || word === "SVFOP_CURRENT_TIMESTAMP";
}

/** The clock of calls, those inside the functions they name included. */
export function clockOf(calls: Calls, known: KnownFunctions): Clock {
  return latest([calls.clock, ...[...calls.functions].map((name) => known.clockOf(name))]);
}
