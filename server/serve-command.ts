import type { Command, Invocation } from "../runner/command.ts";
import { readServerConfig } from "../runner/config.ts";
import { withDatabase } from "../runner/session.ts";
import { shownAddress } from "../runner/shown-address.ts";
import { startServer } from "./serve.ts";

export const command: Command = {
  help: `Usage: elt serve

Serves the dashboard at / and the API at /api (its guide: /api/docs) on HOST:PORT (default
127.0.0.1:5000). Beyond loopback it needs a key: elt keys create, or SERVER_API_KEYS. It shows each new
publication, and hears of each new or revoked key, without a restart.

  /health    the process lives                /ready    database, publication and its age, migrations
  /metrics   for Prometheus (with a key where keys are asked for)

SERVER_RATE_LIMIT, SERVER_EXPORT_SECONDS, READY_MAX_AGE_HOURS, TRUST_PROXY and LOG_LEVEL: see
.env.example.`,
  run,
};

function run(invocation: Invocation): Promise<number> {
  const { env, reporter, signal } = invocation;
  const config = readServerConfig(env);
  return withDatabase(invocation, "serve", async (database) => {
    const server = await startServer({
      pool: database.pool,
      config,
      log: reporter.say,
      warms: true,
    });
    invocation.onInterrupt(() => server.close());
    reporter.say(`Dashboard: ${server.url}`);
    reporter.sayPrivately(
      `Database (its owner's login; the README shows how to make one for BI): ${shownAddress(database)}`,
    );
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    await server.close();
    return 0;
  });
}
