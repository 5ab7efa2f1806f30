import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Command, CommandModule } from "../../runner/command.ts";
import { projectRoot } from "../../runner/open-project.ts";

/** The commands of the CLI by name, from the files that hold them. */
export async function readCommands(): Promise<ReadonlyMap<string, Command>> {
  const own = await readdir(path.join(projectRoot, "runner/commands"));
  const files = [
    ...own.map((file) => [path.basename(file, ".ts"), `runner/commands/${file}`] as const),
    ...(await Promise.all(["server", "emulator"].map(commandsIn))).flat(),
  ];
  return new Map(
    await Promise.all(
      files.map(async ([name, file]): Promise<[string, Command]> => {
        const url = pathToFileURL(path.join(projectRoot, file)).href;
        const { command } = (await import(url)) as CommandModule;
        return [name, command];
      }),
    ),
  );
}

async function commandsIn(folder: string): Promise<readonly (readonly [string, string])[]> {
  const files = await readdir(path.join(projectRoot, folder));
  return files
    .filter((file) => file.endsWith("-command.ts"))
    .map((file) => [file.replace("-command.ts", ""), `${folder}/${file}`] as const);
}

/** The scripts of package.json. */
export async function readScripts(): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(path.join(projectRoot, "package.json"), "utf8");
  return (JSON.parse(text) as { readonly scripts: Record<string, string> }).scripts;
}

/** The words of each command that a shell block holds: comments, settings and pipes taken away. */
export function shellCommands(block: string): readonly (readonly string[])[] {
  return block
    .replace(/\\\n/g, " ")
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*$/, ""))
    .flatMap((line) => line.split(/\s(?:&&|\|\||\||;)\s/))
    .map((line) => [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)])
    .map((words) => words.map(([, single, double, bare]) => single ?? double ?? bare ?? ""))
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))))
    .filter((words) => words.length > 0);
}

/** The arguments of `elt` in a command, when it is one: written out, a script of npm, in a container. */
export function eltArguments(
  words: readonly string[],
  scripts: Readonly<Record<string, string>>,
): readonly string[] | undefined {
  const [program, ...rest] = words;
  if (program === "elt") return rest;
  const [, compose] = /^docker compose run --rm (?:worker|web) (.+)$/.exec(words.join(" ")) ?? [];
  if (compose !== undefined) return compose.split(" ");
  if (program !== "npm" || rest[0] !== "run") return undefined;
  const [script = "", ...args] = rest.slice(1).filter((word) => word !== "-s");
  const [, own] = /^node bin\/elt\.js ?(.*)$/.exec(scripts[script] ?? "") ?? [];
  if (own === undefined) return undefined;
  return [...own.split(" ").filter((word) => word !== ""), ...args.filter((word) => word !== "--")];
}

/** What the CLI would refuse of these arguments; undefined when it takes them. */
export function refusalOf(
  args: readonly string[],
  commands: ReadonlyMap<string, Command>,
): string | undefined {
  const [name = "run", ...rest] = args;
  if (name === "help") return rest.every((word) => commands.has(word)) ? undefined : "no such help";
  const command = commands.get(name);
  if (command === undefined) return `there is no command ${name}`;
  try {
    parseArgs({
      args: rest.filter((word) => word !== "--help"),
      options: { ...command.options, json: { type: "boolean" } },
      allowPositionals: command.takesNames ?? false,
    });
    return undefined;
  } catch (error) {
    return String(error);
  }
}
