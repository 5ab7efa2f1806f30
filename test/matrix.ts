// Runs the suite against every supported major version, or those that the arguments name; arguments
// that are no version go to vitest: npm run test:matrix -- 14 18 test/models
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { packagedVersions } from "./native-directory.ts";

const vitest = path.join(
  path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")),
  "vitest.mjs",
);
const words = process.argv.slice(2);
const named = words.filter((word) => word in packagedVersions);
const majors = named.length > 0 ? named : Object.keys(packagedVersions);
const rest = words.filter((word) => !named.includes(word));

const failed = majors.filter((major) => {
  process.stdout.write(`\nPostgreSQL ${packagedVersions[major]}\n`);
  const { status } = spawnSync(process.execPath, [vitest, "run", ...rest], {
    env: { ...process.env, PG_MAJOR: major },
    stdio: "inherit",
  });
  return status !== 0;
});
process.stdout.write(
  failed.length === 0 ? `\nAll passed: ${majors.join(", ")}\n` : `\nFailed: ${failed.join(", ")}\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
