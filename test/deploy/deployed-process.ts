import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { projectRoot } from "../../runner/open-project.ts";
import { canEnter } from "../../runner/postgres/account.ts";
import { copiedFiles, readDockerfile } from "./dockerfile.ts";

/** `nobody` of Debian: a user who owns nothing. */
const nobody = { uid: 65_534, gid: 65_534 };

/** The program as an image holds it, in a folder that nobody may write into. */
export type Deployed = {
  readonly folder: string;
  readonly start: (words: readonly string[], env: Readonly<Record<string, string>>) => Started;
  /** Every file and folder below it. */
  readonly contents: () => readonly string[];
  readonly remove: () => void;
};

export type Started = {
  /** Resolves once the output holds the text; rejects when the process ends before. */
  readonly says: (wanted: string) => Promise<string>;
  readonly stop: () => void;
  readonly outcome: Promise<{ readonly code: number | null; readonly out: string; err: string }>;
};

/**
 * Copies what the Dockerfile copies. Its processes run as a user without rights, where the test may
 * become one: without a home, and with a folder for temporary files that cannot be written to.
 */
export function deploy(): Deployed {
  const root = mkdtempSync(path.join(tmpdir(), "elt-deployed-"));
  const folder = path.join(root, "app");
  const shut = path.join(root, "tmp");
  mkdirSync(folder);
  mkdirSync(shut);
  for (const { source, target } of copiedFiles(readDockerfile().at(-1) ?? [])) {
    cpSync(path.join(projectRoot, source), path.join(folder, target), { recursive: true });
  }
  symlinkSync(path.join(projectRoot, "node_modules"), path.join(folder, "node_modules"));
  chmodSync(root, 0o755);
  spawnSync("chmod", ["-R", "a-w,a+rX", folder, shut]);
  const other = canBecome(folder) ? nobody : {};
  return {
    folder,
    start: (words, env) => {
      const [program = "", ...args] = words;
      const child = spawn(program === "node" ? process.execPath : program, args, {
        ...other,
        cwd: folder,
        env: { PATH: process.env.PATH, HOME: "/nonexistent", TMPDIR: shut, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let out = "";
      child.stdout.setEncoding("utf8").on("data", (chunk) => {
        out += chunk;
        child.emit("said");
      });
      const errors = text(child.stderr);
      const outcome = once(child, "close").then(async ([code]) => {
        return { code, out, err: await errors };
      });
      return {
        outcome,
        stop: () => child.kill("SIGTERM"),
        says: (wanted) =>
          new Promise((resolve, reject) => {
            const look = () => {
              if (out.includes(wanted)) resolve(out);
            };
            child.on("said", look);
            look();
            outcome.then(({ code, err }) => reject(new Error(`ended with ${code}: ${out}${err}`)));
          }),
      };
    },
    contents: () =>
      [folder, shut].flatMap((each) => readdirSync(each, { recursive: true }).map(String)).sort(),
    remove: () => {
      spawnSync("chmod", ["-R", "u+w", root]);
      rmSync(root, { recursive: true });
    },
  };
}

function canBecome(folder: string): boolean {
  const modules = path.join(projectRoot, "node_modules");
  return process.getuid?.() === 0 && [folder, modules].every((each) => canEnter(each, nobody));
}
