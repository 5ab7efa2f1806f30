import type { Pool } from "pg";
import { query, sql } from "../../extract/query.ts";
import { endBuildIncidents } from "../alerts/end-build-incidents.ts";
import { announcePublication } from "../announce-publication.ts";
import { buildOptions, readBuildOptions } from "../build-arguments.ts";
import { runBuild } from "../building.ts";
import type { Command, Invocation } from "../command.ts";
import { readMetabaseConfig } from "../config.ts";
import { ConfigError } from "../errors.ts";
import { namesPerson } from "../forget/document.ts";
import { reportWithheld } from "../freshness/report-withheld.ts";
import { acceptedBy } from "../guardrail/accepted-by.ts";
import { acceptCommand } from "../guardrail/held-kpi.ts";
import { type OpenHold, openHolds, runHeldAs } from "../guardrail/hold-record.ts";
import { openProject, projectHelp, projectOption } from "../open-project.ts";
import { recorded, withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt publish --accept <run> --why <text>

A build that would move a KPI further than the @guard of its model allows, without changes in the
source that explain it, is rolled back (exit 1); readers keep the numbers of before. elt status shows
what is held back and by which run, elt plan what would change.

This builds again with the options of that run, and publishes when every number moves just as it did
then, to the cent. If one moves otherwise, because more was extracted or a file changed since, it is
held back under the number of this new run. Kept in elt.kpi_holds: who accepted it (the user of this
machine), when and why.

  --accept <run>  the run that elt status names
  --why <text>    why the numbers are right; no personal data
${projectHelp}

Example: elt publish --accept 12 --why "distratos of 2024 were mapped at last, checked with Ana"`,
  options: { ...projectOption, accept: { type: "string" }, why: { type: "string" } },
  run,
};

const MOST_WORDS = 1_000;

async function run(invocation: Invocation): Promise<number> {
  const { env, reporter } = invocation;
  const asked = readAcceptance(invocation);
  const metabase = readMetabaseConfig(env);
  return withDatabase(invocation, "publish", async ({ pool }) => {
    const held = await heldRun(pool, asked.run);
    const options = { ...(await optionsOfRun(pool, held)), ...invocation.options };
    const project = await openProject({ ...invocation, options });
    const accept = { run: held, by: acceptedBy(), why: asked.why };
    const build = { ...(await readBuildOptions({ options, env }, pool, project)), accept };
    const started = { command: "publish", conta: null };
    return recorded(invocation, pool, started, async (session) => {
      const { withheld, tests } = await runBuild(session, reporter.event, {
        project,
        options: build,
      });
      const scope = build.only === undefined ? "all models" : "some models";
      await endBuildIncidents(pool, { tests, scope }, new Date());
      await announcePublication(invocation, pool, metabase);
      return reportWithheld(withheld, reporter);
    });
  });
}

function readAcceptance({ options }: Invocation): { readonly run: string; readonly why: string } {
  const problems: string[] = [];
  const run = String(options.accept ?? "").trim();
  const why = String(options.why ?? "").trim();
  if (run === "") {
    problems.push(
      "--accept is missing: name the run that is held back; npm run elt -- status shows it.",
    );
  } else if (!/^\d{1,18}$/.test(run)) {
    problems.push(
      `--accept takes the number of a run, not "${run}": npm run elt -- status shows it.`,
    );
  }
  if (why === "") {
    problems.push(
      '--why is missing: say why the numbers are right, as in --why "checked with Ana".',
    );
  } else if (why.length > MOST_WORDS) {
    problems.push(`--why has ${why.length} characters: give at most ${MOST_WORDS}.`);
  } else if (namesPerson(why)) {
    problems.push(
      "--why holds a CPF, a CNPJ or an e-mail address, and is kept: say it without, by the number of the sale for instance.",
    );
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { run, why };
}

/** The run that the numbers were held first by; a later one may be named as well. */
async function heldRun(pool: Pool, run: string): Promise<string> {
  const holds = await openHolds(pool);
  const found = await runHeldAs(pool, run);
  if (found !== undefined) return found;
  throw new ConfigError([
    holds.length === 0
      ? `Nothing is held back, so there is nothing to accept of run ${run}: npm run elt -- build publishes.`
      : `Run ${run} is not what is held back now: ${heldNow(holds)}`,
  ]);
}

function heldNow(holds: readonly OpenHold[]): string {
  const runs = [...new Set(holds.map((hold) => hold.run))];
  const kpis = (of: string) =>
    holds.flatMap(({ run, kpi, conta }) => (run === of ? [`${kpi} of ${conta}`] : [])).join(", ");
  return runs.map((one) => `run ${one} is (${kpis(one)}). ${acceptCommand(one)}`).join("; ");
}

/** The options that a build was asked for with; none when the run is known no longer. */
async function optionsOfRun(pool: Pool, run: string): Promise<Invocation["options"]> {
  const [row] = await query<{ options: Record<string, unknown> }>(
    pool,
    sql`select options from elt.runs where run_id = ${run}::bigint`,
  );
  const known = Object.entries(row?.options ?? {}).filter(
    (entry): entry is [string, string | boolean] =>
      entry[0] in buildOptions && (typeof entry[1] === "string" || typeof entry[1] === "boolean"),
  );
  return Object.fromEntries(known);
}
