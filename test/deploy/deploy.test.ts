import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Ajv2019 } from "ajv/dist/2019.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { exemplo } from "../../emulator/exemplo.ts";
import { type Emulator, startEmulator } from "../../emulator/server.ts";
import { variables } from "../../runner/config.ts";
import { projectRoot } from "../../runner/open-project.ts";
import { runElt } from "../elt-process.ts";
import { createEmptyDatabase } from "../postgres.ts";
import { deploy } from "./deployed-process.ts";
import { copiedFiles, execForm, readDockerfile } from "./dockerfile.ts";

function read(file: string): string {
  return readFileSync(path.join(projectRoot, file), "utf8");
}

const railwayFiles = ["railway.json", "deploy/railway/worker.json", "deploy/railway/cron.json"];
const units = readdirSync(path.join(projectRoot, "deploy/systemd"));
const services = units.filter((name) => name.endsWith(".service"));
const image = readDockerfile().at(-1) ?? [];

type Compose = {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly build?: string;
        readonly command?: readonly string[];
        readonly environment: Readonly<Record<string, string>>;
        readonly ports?: readonly string[];
        readonly volumes?: readonly string[];
        readonly read_only?: boolean;
        readonly healthcheck?: { readonly test: readonly string[] };
      }
    >
  >;
};
const compose: Compose = parse(read("compose.yaml"), { merge: true });

type Railway = {
  readonly deploy: Readonly<Record<string, unknown>> & {
    readonly startCommand: string;
    readonly preDeployCommand?: readonly string[];
  };
};
const railway = railwayFiles.map((file): Railway => JSON.parse(read(file)));

/** Every command line of every deploy file, from `node bin/elt.js` on. */
function commandLines(): readonly string[] {
  const entry = execForm(image, "ENTRYPOINT").join(" ");
  return [
    `${entry} ${execForm(image, "CMD").join(" ")}`,
    ...Object.values(compose.services).flatMap(({ build, command = [] }) =>
      build === undefined ? [] : `${entry} ${command.join(" ")}`,
    ),
    ...railway.flatMap(({ deploy: { startCommand, preDeployCommand = [] } }) => [
      startCommand,
      ...preDeployCommand,
    ]),
    ...read("Procfile")
      .trim()
      .split("\n")
      .map((line) => line.replace(/^\w+: /, "")),
    ...services.map((name) => /^ExecStart=(.*)$/m.exec(read(`deploy/systemd/${name}`))?.[1] ?? ""),
    // What the files tell a person to type.
    ...[...read("compose.yaml").matchAll(/run --rm worker (.*?)(?: {2}.*)?$/gm)].map(
      ([, words = ""]) => `${entry} ${words}`,
    ),
  ].map((line) => line.replace(/^(env( [A-Z_]+=\S+)+ |\/usr\/bin\/)/, ""));
}

test("every command of every deploy file is one of the program's", async () => {
  const help: string = JSON.parse((await runElt(["help", "--json"], {})).out).help;
  const lines = commandLines();
  expect(lines.length).toBeGreaterThan(15);
  for (const line of lines) {
    expect(line).toMatch(/^node bin\/elt\.js [a-z]+/);
    expect(help).toContain(`  ${line.split(" ")[2]} `);
  }
});

test("every variable that a deploy file sets for the program is one that it reads", () => {
  const set = [
    ...["Dockerfile", "Procfile", ...railwayFiles].flatMap((file) =>
      [...read(file).matchAll(/(?:ENV |env |env [A-Z_]+=\S+ )([A-Z_]+)=/g)].map(([, name]) => name),
    ),
    ...services.flatMap((name) =>
      [...read(`deploy/systemd/${name}`).matchAll(/^Environment=([A-Z_]+)=/gm)].map(([, v]) => v),
    ),
    ...Object.values(compose.services).flatMap(({ build, environment }) =>
      build === undefined ? [] : Object.keys(environment),
    ),
  ];
  expect(set).toContain("HOST");
  const known = new Set<string | undefined>([...variables, "NODE_ENV"]);
  expect(set.filter((name) => !known.has(name))).toEqual([]);
});

describe("the Dockerfile", () => {
  test("copies only what is in git, and all of it passes .dockerignore", () => {
    const ignore = read(".dockerignore").split("\n");
    expect(ignore).toContain("*");
    for (const { source } of readDockerfile().flatMap(copiedFiles)) {
      const tracked = execFileSync("git", ["ls-files", source], { cwd: projectRoot }).toString();
      expect([source, tracked !== ""]).toEqual([source, true]);
      expect(ignore).toContain(`!${source}`);
    }
    const wanted = new Set(
      readDockerfile()
        .flatMap(copiedFiles)
        .map(({ source }) => source),
    );
    const let_in = ignore.flatMap((line) => (line.startsWith("!") ? line.slice(1) : []));
    expect(let_in.filter((source) => !wanted.has(source))).toEqual([]);
  });

  test("leaves the image with a user that is not root, on a Node that the program runs on", () => {
    const users = image.filter(({ name }) => name === "USER").map(({ rest }) => rest);
    expect(users.at(-1)).toBe("node");
    const { engines } = JSON.parse(read("package.json"));
    const oldest = Number(/\d+/.exec(engines.node)?.[0]);
    for (const [from] of readDockerfile()) {
      const major = Number(/^node:(\d+)-slim/.exec(from?.rest ?? "")?.[1]);
      expect(major).toBeGreaterThanOrEqual(oldest);
    }
  });

  test("holds no secret", () => {
    expect(read("Dockerfile")).not.toMatch(/(TOKEN|PASSWORD|SECRET|_KEY|DATABASE_URL)=/);
  });
});

describe("compose.yaml", () => {
  test("is what the Compose Specification says", () => {
    // It names its parts as drafts of old did; they refer to each other by their place.
    const text = read("test/fixtures/deploy/compose-spec.schema.json");
    const { $schema: _, ...schema } = JSON.parse(text.replaceAll(/"id": "[^"]*",/g, ""));
    const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
    expect([validate(compose), validate.errors]).toEqual([true, null]);
    expect(validate({ services: { web: { comand: ["serve"] } } })).toBe(false);
  });

  test("lets nobody in from another machine, and keeps the program from writing beside its code", () => {
    for (const [name, { ports = [], build, read_only }] of Object.entries(compose.services)) {
      for (const port of ports)
        expect([name, port]).toEqual([name, expect.stringMatching(/^127\.0\.0\.1:/)]);
      if (build !== undefined) expect([name, read_only]).toEqual([name, true]);
    }
    expect(compose.services.web?.ports).toHaveLength(1);
  });

  test("holds no password, only the names of variables", () => {
    for (const { environment } of Object.values(compose.services)) {
      for (const [name, value] of Object.entries(environment)) {
        if (/PASS|SECRET|TOKEN/.test(name)) expect(value).toMatch(/^\$\{\w+(:[?-].*)?\}$/);
      }
    }
  });

  test("names files that exist, and health checks that parse", () => {
    const mounts = Object.values(compose.services).flatMap(({ volumes = [] }) => volumes);
    for (const mount of mounts.filter((each) => each.startsWith("."))) {
      expect(read(mount.split(":")[0] ?? "")).not.toBe("");
    }
    const script = compose.services.web?.healthcheck?.test.at(-1) ?? "";
    expect(spawnSync(process.execPath, ["--check", "-"], { input: script }).status).toBe(0);
    expect(
      spawnSync("sh", ["-n", path.join(projectRoot, "deploy/postgres/metabase.sh")]).status,
    ).toBe(0);
  });
});

describe.each(railwayFiles)("%s", (file) => {
  /** Railway's reference of these settings, as far as they are used here. */
  const schema = {
    type: "object",
    additionalProperties: false,
    required: ["$schema", "build", "deploy"],
    properties: {
      $schema: { const: "https://railway.com/railway.schema.json" },
      build: {
        type: "object",
        additionalProperties: false,
        properties: {
          builder: { enum: ["RAILPACK", "DOCKERFILE"] },
          dockerfilePath: { type: "string" },
          watchPatterns: { type: "array", items: { type: "string" } },
        },
      },
      deploy: {
        type: "object",
        additionalProperties: false,
        required: ["startCommand", "restartPolicyType"],
        properties: {
          startCommand: { type: "string" },
          preDeployCommand: { type: "array", items: { type: "string" }, maxItems: 1 },
          healthcheckPath: { type: "string", pattern: "^/" },
          healthcheckTimeout: { type: "integer" },
          restartPolicyType: { enum: ["ON_FAILURE", "ALWAYS", "NEVER"] },
          restartPolicyMaxRetries: { type: "integer" },
          cronSchedule: { type: "string", pattern: "^(\\S+ ){4}\\S+$" },
          overlapSeconds: { type: "integer" },
          drainingSeconds: { type: "integer" },
        },
      },
    },
  };

  test("has Railway's settings, migrates before it deploys, and names a Dockerfile there is", () => {
    const content = JSON.parse(read(file));
    const validate = new Ajv2019().compile(schema);
    expect([validate(content), validate.errors]).toEqual([true, null]);
    expect(content.deploy.preDeployCommand).toEqual(["node bin/elt.js migrate"]);
    expect(read(content.build.dockerfilePath)).not.toBe("");
  });
});

test("Railway's cron, which counts in UTC, runs at the hours of the worker", () => {
  const schedule = String(railway[2]?.deploy.cronSchedule);
  const hours = schedule
    .split(" ")[1]
    ?.split(",")
    .map((hour) => (Number(hour) + 24 - 3) % 24);
  expect(hours?.toSorted((a, b) => a - b)).toEqual([6, 10, 14, 18, 22]);
});

const analyze = spawnSync("systemd-analyze", ["--version"]).status === 0;
describe.skipIf(!analyze)("systemd's units", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "elt-units-"));
  beforeAll(() => {
    for (const name of units) {
      // Where this machine has its Node matters to the check, and not to the unit.
      const text = read(`deploy/systemd/${name}`).replace("/usr/bin/node", process.execPath);
      writeFileSync(path.join(folder, name), text);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(units)("%s is one that systemd takes without a complaint", (name) => {
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", path.join(folder, name)]);
    const own = stderr
      .toString()
      .split("\n")
      .filter((line) => line.includes(folder) || line.includes("elt-"));
    expect([status, own]).toEqual([0, []]);
  });

  test.each(services)("%s is exposed little, by systemd's own measure", (name) => {
    const file = path.join(folder, name);
    const args = ["security", "--offline=true", "--threshold=20", "--no-pager", file];
    expect(spawnSync("systemd-analyze", args).status).toBe(0);
  });

  test("the timer keeps the worker's hours, in Brasília's zone", () => {
    const calendar = /^OnCalendar=(.*)$/m.exec(read("deploy/systemd/elt-run.timer"))?.[1] ?? "";
    expect(calendar).toBe("*-*-* 06,10,14,18,22:00:00 America/Sao_Paulo");
    expect(spawnSync("systemd-analyze", ["calendar", calendar]).status).toBe(0);
  });
});

test.each(services)("%s keeps its hands off everything but its own folder", (name) => {
  const unit = read(`deploy/systemd/${name}`);
  for (const line of ["NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectory=cvdw-elt"]) {
    expect(unit).toContain(`\n${line}\n`);
  }
  expect(unit).toMatch(/\nReadWritePaths=-\/opt\/cvdw-elt\/\.data\n/);
  // Node compiles while it runs.
  expect(unit).not.toMatch(/^MemoryDenyWriteExecute=/m);
});

describe("what is deployed, as a user without rights in a folder that nobody may write into", () => {
  const TOKEN = "s3cret-token";
  const deployed = deploy();
  let emulator: Emulator;
  let database: Awaited<ReturnType<typeof createEmptyDatabase>>;
  let env: Readonly<Record<string, string>>;
  beforeAll(async () => {
    database = await createEmptyDatabase();
    emulator = await startEmulator({
      accounts: [exemplo({ email: "ana@example.com", token: TOKEN })],
      rateLimit: null,
    });
    env = {
      NODE_ENV: "production",
      DATABASE_URL: database.url,
      CVCRM_ACCOUNT: "exemplo",
      CVCRM_API_EMAIL: "ana@example.com",
      CVCRM_API_TOKEN: TOKEN,
      CVCRM_API_URL: emulator.url,
      CVCRM_RATE_LIMIT: "1000/60s",
      SYNC_HOURS: "0-24",
      PORT: "0",
    };
  });
  afterAll(async () => {
    deployed.remove();
    await emulator.close();
    await database.drop();
  });

  test("migrates, is well, runs, schedules and serves, and has written nothing beside its code", async () => {
    const before = deployed.contents();
    expect(before.length).toBeGreaterThan(300);
    const entry = execForm(image, "ENTRYPOINT");

    const migrated = await deployed.start([...entry, "migrate"], env).outcome;
    expect([migrated.code, migrated.err]).toEqual([0, ""]);
    const doctor = await deployed.start([...entry, "doctor"], env).outcome;
    expect([doctor.code, doctor.err]).toEqual([0, ""]);

    const worker = deployed.start([...entry, ...(compose.services.worker?.command ?? [])], env);
    await worker.says("worker-waits");
    worker.stop();
    const ended = await worker.outcome;
    expect([ended.code, ended.err]).toEqual([143, ""]);
    expect(ended.out).toContain('"type":"published"');

    const run = await deployed.start([...entry, "run"], env).outcome;
    expect([run.code, run.err]).toEqual([0, ""]);

    // As in a container: it listens beyond loopback, so it asks for a key first.
    const open = { ...env, HOST: "0.0.0.0" };
    const refused = await deployed.start([...entry, ...execForm(image, "CMD")], open).outcome;
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("keys create")]);
    const made = await deployed.start([...entry, "keys", "create", "--name", "painel"], open)
      .outcome;
    expect(made.code).toBe(0);
    const web = deployed.start([...entry, ...execForm(image, "CMD")], open);
    const port = /Dashboard: http:\/\/[\d.]+:(\d+)/.exec(await web.says("Dashboard: "))?.[1];
    const health = await fetch(`http://127.0.0.1:${port}/health`);
    expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
    expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}/api/kpis`)).status).toBe(401);
    web.stop();
    expect((await web.outcome).err).toBe("");

    expect(deployed.contents()).toEqual(before);
  });
});
