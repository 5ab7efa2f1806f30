import { type Command, exitCodes, type Invocation } from "../command.ts";
import { dropEnvironment } from "../environments/drop-environment.ts";
import { readEnvironmentName } from "../environments/environment.ts";
import { formatEnvironments } from "../environments/format-environment.ts";
import { listEnvironments } from "../environments/list-environments.ts";
import { whileAlone } from "../environments/run-in-environment.ts";
import { ConfigError } from "../errors.ts";
import { didYouMean } from "../models/near-name.ts";
import { recorded, withDatabase } from "../session.ts";

export const command: Command = {
  help: `Usage: elt env list
       elt env drop <name>

An environment holds what differs from what is published: elt build --env ana builds the models and
mappings whose files say something else, and all that reads them, into schemas ana_staging,
ana_seeds, ana_marts and ana_marts_pii. Everything else is read where it is published; nothing that
is published is written, and nobody waits. The next build there computes only what changed since, and
takes out what is again as published. Views of an environment are tables, so that nothing stands in
the way of what is published. Only the database's owner reads them.

elt build --env julho --as-of 2026-07-31 builds all models as the source was known when that day ended
in São Paulo, from the versions in landing, elt.hoje() being that day; mappings are those of today.

  list           environments, how old and large they are, which day they show
  drop <name>    drop one: what it made, and nothing that others put on it

Examples: elt build --env ana · elt plan --env ana · elt show vendas --env ana · elt test --env ana`,
  takesNames: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const [action = "list", name, ...more] = invocation.names;
  if (action === "list" && name === undefined) return list(invocation);
  if (action === "drop" && name !== undefined && more.length === 0) {
    return drop(invocation, readEnvironmentName(name));
  }
  const usage = "elt env list, or elt env drop <name>";
  const hint = didYouMean(action, ["list", "drop"]) ?? `write ${usage}`;
  throw new ConfigError([
    action === "list" || action === "drop"
      ? `Write ${usage}. See: npm run elt -- help env`
      : `There is no elt env ${action}: ${hint.replace(/\?$/, "")}. See: npm run elt -- help env`,
  ]);
}

function list(invocation: Invocation): Promise<number> {
  return withDatabase(invocation, "env list", async ({ pool }) => {
    const environments = await listEnvironments(pool);
    invocation.reporter.result(formatEnvironments(environments), { environments });
    return exitCodes.done;
  });
}

function drop(invocation: Invocation, name: string): Promise<number> {
  const { reporter } = invocation;
  return withDatabase(invocation, `env drop ${name}`, ({ pool }) =>
    recorded(invocation, pool, { command: "env drop", conta: null }, async () => {
      const schemas = await whileAlone(pool, name, reporter.event, () =>
        dropEnvironment(pool, name),
      );
      const went = schemas.length === 0 ? "" : `: ${[...schemas].sort().join(", ")}`;
      reporter.result(`Environment ${name} is gone${went}.`, { dropped: name, schemas });
      return { exitCode: exitCodes.done };
    }),
  );
}
