import { access, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { variables } from "../../runner/config.ts";
import { projectRoot } from "../../runner/open-project.ts";
import { fileVariables } from "../../runner/secret-files.ts";
import { biGuide } from "../../server/bi-guide.ts";
import { guides, proseOf, readGuide } from "./guide.ts";
import {
  eltArguments,
  readCommands,
  readScripts,
  refusalOf,
  shellCommands,
} from "./written-commands.ts";

const commands = await readCommands();
const scripts = await readScripts();
const settings = [...variables, ...fileVariables.map((name) => `${name}_FILE`)];

test("every guide in docs/ is looked at", async () => {
  const files = (await readdir(path.join(projectRoot, "docs"))).filter((f) => f.endsWith(".md"));
  expect(["README.md", ...files.map((file) => `docs/${file}`)].sort()).toEqual([...guides].sort());
});

describe.each(guides)("%s", (file) => {
  test("shows only commands and options that exist", async () => {
    const { blocks } = await readGuide(file);
    for (const { text, line } of blocks.filter(({ language }) => language === "sh")) {
      for (const words of shellCommands(text)) {
        const args = eltArguments(words, scripts);
        const place = `${file}:${line}: ${words.join(" ")}`;
        for (const word of words.filter((each) => /^(?:deploy|test|bench)\//.test(each))) {
          await expect(access(path.join(projectRoot, word)), place).resolves.toBe(undefined);
        }
        if (words.includes("systemctl")) {
          for (const unit of words.filter((word) => word.startsWith("elt-"))) {
            const name = unit.includes(".") ? unit : `${unit}.service`;
            const file = path.join(projectRoot, "deploy/systemd", name);
            await expect(access(file), place).resolves.toBe(undefined);
          }
        }
        if (args !== undefined) expect(refusalOf(args, commands), place).toBeUndefined();
        else if (words[0] === "npm" && words[1] === "run") {
          expect(Object.keys(scripts), place).toContain(words[2]);
        }
      }
    }
  });

  test("names only commands and options that exist in its text", async () => {
    const guide = await readGuide(file);
    const spans = [...proseOf(guide).matchAll(/`([^`]+)`/g)].map(([, span = ""]) => span);
    const known = new Set(
      [...commands.values()].flatMap(({ options = {} }) => Object.keys(options)),
    ).add("json");
    for (const span of spans) {
      for (const words of shellCommands(span)) {
        const args = eltArguments(words, scripts);
        if (args === undefined) continue;
        const [name = "run", ...rest] = args;
        const place = `${file}: ${span}`;
        if (name !== "help" && name !== "<command>") {
          expect([...commands.keys()], place).toContain(name);
        }
        for (const word of rest.filter((each) => each.startsWith("--"))) {
          const option = word.slice(2).replace(/=.*/, "");
          const own = Object.keys(commands.get(name)?.options ?? {});
          expect([...own, "json", "help"], place).toContain(option);
        }
      }
      const [, option] = /^--([a-z-]+)/.exec(span) ?? [];
      if (option !== undefined && !["help"].includes(option)) {
        expect(known, `${file}: ${span}`).toContain(option);
      }
    }
  });

  test("names only settings that the program reads", async () => {
    const { text } = await readGuide(file);
    const named = [
      ...text.matchAll(
        /\b(?:CVCRM|DATABASE|SYNC|ALERT|SMTP|SERVER|METABASE|DASHBOARD|SESSION|READY|TRUST|RAILWAY)_[A-Z_]*[A-Z]\b/g,
      ),
    ].map(([name]) => name);
    const compose = await readFile(path.join(projectRoot, "compose.yaml"), "utf8");
    for (const name of named.filter((each) => !compose.includes(`\${${each}:`))) {
      expect(settings, `${file}: ${name}`).toContain(name);
    }
  });

  test("leads only to files and headings that exist", async () => {
    const { text } = await readGuide(file);
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
    for (const link of links.filter((target) => !/^https?:/.test(target))) {
      const [target = "", anchor] = link.split("#");
      const found = target === "" ? file : path.join(path.dirname(file), target);
      await expect(access(path.join(projectRoot, found)), `${file} → ${link}`).resolves.toBe(
        undefined,
      );
      if (anchor !== undefined) {
        expect(anchorsOf((await readGuide(found)).text), `${file} → ${link}`).toContain(anchor);
      }
    }
    const paths = [
      ...text.matchAll(
        /`((?:test|models|views|extract|runner|server|emulator|docs|bench|deploy)\/[\w./-]*)`/g,
      ),
    ].map(([, target = ""]) => target);
    for (const target of paths.filter((each) => !each.includes("clientes"))) {
      const isNew = (await readGuide(file)).blocks.some(({ before }) =>
        [`Exemplo de \`${target}\``, `here \`${target}\``].some((word) => before.includes(word)),
      );
      if (isNew) continue;
      await expect(access(path.join(projectRoot, target)), `${file}: ${target}`).resolves.toBe(
        undefined,
      );
    }
  });
});

test("the BI guide shows what elt bi writes, word for word", async () => {
  const { text } = await readGuide("docs/bi.md");
  expect(text).toContain(
    biGuide(
      {
        host: "banco.minhaempresa.com.br",
        port: 5432,
        database: "cvdw",
        schema: "marts",
        encrypted: true,
        embedded: false,
        roles: ["bi_reader", "bi_reader_pii"],
        logins: [{ name: "metabase", seesPersonalData: false, contas: [] }],
        relations: 26,
        local: false,
      },
      { port: 5000 },
    ),
  );
});

/** Headings as GitHub names them. */
function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-"),
  );
}
