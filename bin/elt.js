#!/usr/bin/env node
import { register } from "tsx/esm/api";

register();
const { main } = await import("../runner/cli.ts");
await main({
  demo: () => import("../server/demo-command.ts"),
  emulator: () => import("../emulator/emulator-command.ts"),
  serve: () => import("../server/serve-command.ts"),
});
