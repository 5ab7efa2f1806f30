#!/usr/bin/env node
import { accessSync, constants } from "node:fs";
import { tmpdir } from "node:os";

// tsx keeps what it has translated among temporary files, and insists on it: a container whose root
// can only be read has no such place.
try {
  accessSync(tmpdir(), constants.W_OK);
} catch {
  process.env.TSX_DISABLE_CACHE = "1";
}
const { register } = await import("tsx/esm/api").catch(() => {
  process.stderr.write("The program's packages are not installed: run npm ci first.\n");
  process.exit(2);
});

register();
const { main } = await import("../runner/cli.ts");
const { commandGroups } = await import("./commands.ts");
await main(commandGroups);
