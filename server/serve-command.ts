import type { Command, Invocation } from "../runner/command.ts";
import { readServerConfig } from "../runner/config.ts";
import { withDatabase } from "../runner/session.ts";
import { startServer } from "./serve.ts";

export const command: Command = {
  summary: "serve the dashboard and the JSON API",
  help: `Usage: elt serve

Serves the dashboard at / and the API at /api on HOST:PORT (default 127.0.0.1:5000). Beyond loopback
it needs SERVER_API_KEYS. It shows each new publication without a restart.`,
  run,
};

function run(invocation: Invocation): Promise<number> {
  const { env, reporter, signal } = invocation;
  const config = readServerConfig(env);
  return withDatabase(invocation, "serve", async ({ pool, url }) => {
    const server = await startServer({ pool, config, log: reporter.say });
    invocation.onInterrupt(() => server.close());
    reporter.say(`Dashboard: ${server.url}`);
    reporter.sayPrivately(
      `Database (its owner's login; the README shows how to make one for BI): ${url}`,
    );
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    await server.close();
    return 0;
  });
}
