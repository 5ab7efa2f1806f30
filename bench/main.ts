import { benchBuild } from "./build.ts";
import { benchExtract } from "./extract.ts";
import { benchLanding } from "./landing.ts";
import { print } from "./report.ts";

const benches: { readonly [name: string]: (sizes: readonly number[]) => Promise<void> } = {
  landing: benchLanding,
  extract: benchExtract,
  build: benchBuild,
};

const [name = "", ...sizes] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  print(`Usage: npm run bench <${Object.keys(benches).join("|")}> [size…]`);
  process.exitCode = 2;
} else {
  await bench(sizes.map(Number));
}
