import { catalogue, defaultObjects } from "../../extract/catalogue.ts";
import { chooseObjects } from "../choose-objects.ts";
import type { Command, Invocation } from "../command.ts";
import { readDatabaseConfig, readSourceConfig } from "../config.ts";
import { ConfigError, collectProblems } from "../errors.ts";
import { type Extraction, runExtraction } from "../extraction.ts";
import { reportExtraction } from "../extraction-report.ts";
import {
  rangeOptions,
  rangeOptionsHelp,
  readScanOptions,
  scanOptions,
  scanOptionsHelp,
} from "../scan-arguments.ts";
import { recorded, withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt extract [object…] [options]

Lands what is new or changed. Without names: the objects that the marts need.

An object is
  leads, reservas_condicoes   a name of the catalogue (extract/catalogue.ts)
  reservas/condicoes          a path of CVDW
  pessoas/*                   a group: that path and all below it; the same: pessoas/
  'leads_*'                   names by pattern, in quotes because of the shell

Options
  --all                 every object that CVDW has (${catalogue.length})
${scanOptionsHelp}
${rangeOptionsHelp}

A backfill (--since, --until) lands beside the daily extraction, also while that runs: it neither
uses nor moves its cursors, and it removes nothing.

Examples
  elt extract leads pessoas/* --full
  elt extract --all --time-limit 2h
  elt extract reservas --since 2024-01-01 --until 2024-12-31`,
  options: { all: { type: "boolean" }, ...scanOptions, ...rangeOptions },
  takesNames: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { reporter } = invocation;
  const extraction = readExtraction(invocation);
  const { conta } = extraction.source;
  return withDatabase(invocation, "extract", ({ pool }) =>
    recorded(invocation, pool, { command: "extract", conta }, async (session) => {
      const results = await runExtraction(session, extraction, reporter.event);
      return reportExtraction(results, reporter);
    }),
  );
}

/** Problems of names, options and settings are told together. */
function readExtraction({ names, options, env }: Invocation): Extraction {
  const problems: string[] = [];
  const all = options.all === true;
  if (all && names.length > 0) {
    problems.push(`--all already means every object: leave out ${names.join(", ")}.`);
  }
  const named = names.length === 0 ? defaultObjects : chooseObjects(names, problems);
  const scan = readScanOptions(options, new Date(), problems);
  const source = collectProblems(problems, () => readSourceConfig(env));
  collectProblems(problems, () => readDatabaseConfig(env));
  if (source === undefined || problems.length > 0) throw new ConfigError(problems);
  return { source, objects: all ? catalogue : named, options: scan };
}
