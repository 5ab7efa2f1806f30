import type { Pool } from "pg";
import { query, sql } from "../../extract/query.ts";
import { endBuildIncidents } from "../alerts/end-build-incidents.ts";
import { announcePublication } from "../announce-publication.ts";
import { readBuildOptions } from "../build-arguments.ts";
import { runBuild } from "../building.ts";
import { type Command, exitCodes, type Invocation } from "../command.ts";
import { readMetabaseConfig } from "../config.ts";
import { ConfigError } from "../errors.ts";
import { reportWithheld } from "../freshness/report-withheld.ts";
import type { Project } from "../models/project.ts";
import { openProject, projectHelp, projectOption } from "../open-project.ts";
import { recorded, withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt retry [options]

Repeats the last build that failed, with the options it had. The models that failed, or whose tests
did, come first with what they read, so a repair that does not hold is told at once; then the rest.
Nothing of a failed build was published, so all of it is published together, as ever.

${projectHelp}`,
  options: projectOption,
  run,
};

type FailedRun = {
  readonly run: string;
  readonly command: string;
  readonly exit: number | null;
  readonly options: Readonly<Record<string, unknown>>;
  readonly failed: readonly string[];
};

async function run(invocation: Invocation): Promise<number> {
  const { env, reporter } = invocation;
  const metabase = readMetabaseConfig(env);
  const project = await openProject(invocation);
  return withDatabase(invocation, "retry", async ({ pool }) => {
    const last = await readLastRun(pool);
    assertRetriable(last);
    const options = textsOf({ ...last.options, ...invocation.options });
    const request = {
      project: withFirst(project, last.failed),
      options: await readBuildOptions({ options, env }, pool, project),
    };
    const named = last.failed.length > 0 ? last.failed.join(", ") : "what it did not come to";
    reporter.say(`Building what run ${last.run} could not, beginning with ${named}.`);
    const again = { ...invocation, options };
    return recorded(again, pool, { command: "retry", conta: null }, async (session) => {
      const { withheld, tests } = await runBuild(session, reporter.event, request);
      const scope = request.options.only === undefined ? "all models" : "some models";
      await endBuildIncidents(pool, { tests, scope }, new Date());
      await announcePublication(invocation, pool, metabase);
      return reportWithheld(withheld, reporter);
    });
  });
}

/** The last run that was to build, with the models that ended it. */
async function readLastRun(pool: Pool): Promise<FailedRun | undefined> {
  const [row] = await query<FailedRun>(
    pool,
    sql`
      select
        run_id::text as run,
        command,
        exit_code as exit,
        options,
        array(
          select model
          from elt.model_results
          where model_results.run_id = runs.run_id and status = 'failed'
          union
          select model
          from elt.test_results
          where test_results.run_id = runs.run_id
            and severity = 'error' and failures > allowed
          union
          select model
          from elt.kpi_holds
          where kpi_holds.last_run_id = runs.run_id and closed_at is null
        ) as failed
      from elt.runs
      where command in ('run', 'build', 'retry')
      order by run_id desc
      limit 1`,
  );
  return row;
}

function assertRetriable(last: FailedRun | undefined): asserts last is FailedRun {
  if (last === undefined) {
    throw new ConfigError(["Nothing was built yet: npm run elt, or npm run elt -- build."]);
  }
  const { run, command, exit } = last;
  if (exit === exitCodes.done || exit === exitCodes.sourceFailed) {
    throw new ConfigError([
      `Run ${run}, the last one, published: there is nothing to retry. npm run elt -- build brings what changed since.`,
    ]);
  }
  if (command === "run" && exit !== exitCodes.modelFailed) {
    throw new ConfigError([
      `Run ${run} ended before its models were built (exit ${exit ?? "unknown"}): npm run elt goes on where it stopped.`,
    ]);
  }
}

/** Order follows from names; where it leaves a choice, these models and what they read go first. */
function withFirst(project: Project, names: readonly string[]): Project {
  const isFirst = ({ name }: Project["models"][number]) => names.includes(name);
  const models = [...project.models];
  return {
    ...project,
    models: [...models.filter(isFirst), ...models.filter((model) => !isFirst(model))],
  };
}

function textsOf(options: Readonly<Record<string, unknown>>): Invocation["options"] {
  return Object.fromEntries(
    Object.entries(options).filter(
      (entry): entry is [string, string | boolean] =>
        typeof entry[1] === "string" || typeof entry[1] === "boolean",
    ),
  );
}
