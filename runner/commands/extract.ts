import type { Command, Invocation } from "../command.ts";
import { readSourceConfig } from "../config.ts";
import { chooseObjects, reportExtraction, runExtraction } from "../extraction.ts";
import { recorded, withDatabase } from "../session.ts";

export const command: Command = {
  summary: "land CVDW objects, without building models",
  help: `Usage: elt extract [object…]

Lands what is new or changed. Without names: the objects that the marts need. Names are those of the
catalogue in extract/catalogue.ts, e.g. elt extract leads pessoas.`,
  takesNames: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { reporter, names } = invocation;
  const objects = chooseObjects(names);
  const source = readSourceConfig(invocation.env);
  return withDatabase(invocation, "extract", ({ pool }) =>
    recorded(invocation, pool, { command: "extract", conta: source.conta }, async (session) => {
      const results = await runExtraction(session, source, objects, reporter.event);
      return reportExtraction(results, reporter);
    }),
  );
}
