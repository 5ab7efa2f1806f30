import { print } from "./report.ts";

type Bench = (sizes: readonly number[]) => Promise<void>;

const benches: { readonly [name: string]: () => Promise<Bench> } = {
  landing: async () => (await import("./landing.ts")).benchLanding,
  extract: async () => (await import("./extract.ts")).benchExtract,
  budget: async () => (await import("./budget.ts")).benchBudget,
  faults: async () => (await import("./faults.ts")).benchFaults,
  serve: async () => (await import("./serve.ts")).benchServe,
  build: async () => (await import("./build.ts")).benchBuild,
  readers: async () => (await import("./readers.ts")).benchReaders,
};

const [name = "", ...sizes] = process.argv.slice(2);
const load = benches[name];
if (load === undefined) {
  print(`Usage: npm run bench <${Object.keys(benches).join("|")}> [size…]`);
  process.exitCode = 2;
} else {
  const bench = await load();
  await bench(sizes.map(Number));
}
