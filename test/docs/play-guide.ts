import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exemplo } from "../../emulator/exemplo.ts";
import { type Emulator, startEmulator } from "../../emulator/server.ts";
import { projectRoot } from "../../runner/open-project.ts";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "../postgres.ts";
import { type Block, readGuide } from "./guide.ts";

type Story = {
  readonly file: string;
  /** Whether the guide begins where data are published already, or with an empty `.env`. */
  readonly published: "before" | "by the guide";
  /** Who runs its SQL. Default: the database's owner. */
  readonly role?: string;
  readonly env?: Readonly<Record<string, string>>;
};

type Settings = Readonly<Record<string, string | undefined>>;

/**
 * Does what a guide says, from top to bottom, in a copy of the project with a database of its own and
 * an emulated source: shell blocks run, files are written and changed as shown, SQL is asked, and what
 * is shown as output must be it.
 */
export async function playGuide({ file, published, role, env = {} }: Story): Promise<void> {
  const { blocks } = await readGuide(file);
  let folder: string;
  let database: TestDatabase;
  let source: Emulator;
  let settings: Settings;
  let inFile: Settings = {};
  let said = "";

  beforeAll(async () => {
    folder = await copyProject();
    database = await (published === "before" ? createTestDatabase() : createEmptyDatabase());
    source = await startEmulator({ accounts: [exemplo()], rateLimit: null });
    const { email, token } = exemplo();
    const given = {
      CVCRM_ACCOUNT: "exemplo",
      CVCRM_API_EMAIL: email,
      CVCRM_API_TOKEN: token,
      DATABASE_URL: database.url,
    };
    settings = {
      PATH: process.env.PATH,
      HOME: folder,
      npm_config_update_notifier: "false",
      CVCRM_API_URL: source.url,
      CVCRM_RATE_LIMIT: "100000/1s",
      PORT: "0",
      ...env,
    };
    if (published === "by the guide") inFile = given;
    else {
      settings = { ...settings, ...given };
      const { code, output } = await shell("npm run elt", { folder, settings });
      expect(code, output).toBe(0);
    }
  });
  afterAll(async () => {
    await source.close();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  });

  describe(`${file} does what it says`, () => {
    for (const block of blocks) {
      const { note, language } = block;
      const title = `line ${block.line}: ${firstLine(block)}`;
      if (note.notRun !== undefined) {
        test.skip(`${title} (${note.notRun})`, () => undefined);
      } else if (language === "sh") {
        test(title, async () => {
          const { waitsFor } = note;
          const other = note.onEmptyDatabase ? await createEmptyDatabase() : undefined;
          const env = { ...settings, ...(other && { DATABASE_URL: other.url }) };
          const { code, output } = await shell(block.text, { folder, settings: env, waitsFor });
          await other?.drop();
          if (waitsFor === undefined) expect(code, output).toBe(note.exitCode);
          else expect(output).toContain(waitsFor);
          said = output;
        });
      } else if (language === "console") {
        test(`${title} is its output`, () => expectSaid(block.text, said));
      } else if (language === "sql") {
        test(title, () => ask(database, block.text, role));
      } else if (language === "ini") {
        test(`${title} → .env`, () => fillIn(folder, block.text, inFile));
      } else if (["csv", "md", "diff"].includes(language)) {
        const target = pathBefore(block);
        if (target === undefined) continue;
        test(`${title} → ${target}`, () => putInto(path.join(folder, target), block));
      }
    }
  });
}

function firstLine({ text }: Block): string {
  return text.split("\n")[0]?.replace(/\s+#.*$/, "") ?? "";
}

/** The working tree without what is made in it; packages are those that are installed. */
async function copyProject(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "elt-guide-"));
  const left = new Set(["node_modules", ".git", ".data", ".env", "site", "target"]);
  for (const entry of (await readdir(projectRoot)).filter((name) => !left.has(name))) {
    await cp(path.join(projectRoot, entry), path.join(folder, entry), { recursive: true });
  }
  await symlink(path.join(projectRoot, "node_modules"), path.join(folder, "node_modules"));
  return folder;
}

/** Runs shell lines, each of which must succeed; one that stays is ended when it said enough. */
async function shell(
  lines: string,
  {
    folder,
    settings,
    waitsFor,
  }: {
    readonly folder: string;
    readonly settings: Settings;
    readonly waitsFor?: string | undefined;
  },
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn("sh", ["-ec", lines], {
    cwd: folder,
    env: settings,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  let isEnding = false;
  const hear = (chunk: string): void => {
    output += chunk;
    if (waitsFor === undefined || isEnding || !output.includes(waitsFor)) return;
    isEnding = true;
    if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
  };
  child.stdout.setEncoding("utf8").on("data", hear);
  child.stderr.setEncoding("utf8").on("data", hear);
  const [code] = await once(child, "close");
  return { code, output };
}

/** Numbers and widths differ from place to place; `…` stands for what was cut. */
function expectSaid(shown: string, said: string): void {
  const plain = (text: string) => text.replace(/\d+/g, "#").replace(/\s+/g, " ").trim();
  const lines = said.split("\n").map(plain);
  let from = 0;
  for (const line of shown.split("\n").map(plain)) {
    const parts = line.split("…").map((part) => part.trim());
    if (parts.every((part) => part === "")) continue;
    const at = lines.findIndex((each, index) => index >= from && holds(each, parts));
    expect(at, `no line like "${line}" in:\n${said}`).toBeGreaterThanOrEqual(0);
    from = at + 1;
  }
}

function holds(line: string, parts: readonly string[]): boolean {
  let from = 0;
  return parts.every((part) => {
    const at = line.indexOf(part, from);
    from = at + part.length;
    return at !== -1;
  });
}

/** Runs SQL and takes it back. */
async function ask({ pool }: TestDatabase, text: string, role: string | undefined): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    if (role !== undefined && /^\s*select/i.test(text)) await client.query(`set role ${role}`);
    await client.query(text);
  } finally {
    await client.query("rollback");
    client.release();
  }
}

/**
 * Gives the lines of `.env` that are shown the values of this test. Each must stand in
 * `.env.example`; one that the test has no value for stays as it is.
 */
async function fillIn(folder: string, shown: string, values: Settings): Promise<void> {
  const file = path.join(folder, ".env");
  let text = await readFile(file, "utf8").catch(() => "");
  const example = await readFile(path.join(folder, ".env.example"), "utf8");
  for (const [, name = ""] of shown.matchAll(/^([A-Z_]+)=/gm)) {
    const line = new RegExp(`^#?${name}=.*$`, "m");
    expect(example, `${name} in .env.example`).toMatch(line);
    const value = values[name];
    if (value === undefined) continue;
    expect(text, `${name} in .env`).toMatch(line);
    text = text.replace(line, () => `${name}=${value}`);
  }
  if (text !== "") await writeFile(file, text);
}

/** The file that the text above a block names. */
function pathBefore({ before }: Block): string | undefined {
  return [...before.matchAll(/`((?:models|views)\/[\w./-]+\.\w+)`/g)].at(-1)?.[1];
}

async function putInto(file: string, { language, text }: Block): Promise<void> {
  if (language !== "diff") {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
    return;
  }
  let changed = await readFile(file, "utf8");
  for (const hunk of text.split(/^@@\n/m)) {
    const lines = hunk.split("\n").filter((line) => line !== "");
    const side = (marks: string) =>
      lines
        .filter((line) => marks.includes(line.charAt(0)))
        .map((line) => `${line.slice(1)}\n`)
        .join("");
    const [old, made] = [side(" -"), side(" +")];
    expect(changed.split(old), `one place in ${file} for:\n${old}`).toHaveLength(2);
    changed = changed.replace(old, () => made);
  }
  await writeFile(file, changed);
}
