import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Environment, readDatabaseConfig } from "../../runner/config.ts";
import { openDatabase } from "../../runner/database.ts";
import { diagnose } from "../../runner/doctor/diagnose.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../runner/postgres/embedded.ts";
import { nativeDirectory } from "../native-directory.ts";

const folder = mkdtempSync(path.join(tmpdir(), "elt-tls-"));
const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
let server: EmbeddedPostgres;
beforeAll(async () => {
  const subject = ["-subj", "/CN=db.example", "-addext", "subjectAltName=IP:127.0.0.1"];
  const form = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
  execFileSync("openssl", [...form, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
  chmodSync(key, 0o600);
  // PostgreSQL takes a key of its own user alone, which is nobody where root runs the tests.
  if (process.getuid?.() === 0) {
    chmodSync(folder, 0o755);
    chownSync(key, 65_534, 65_534);
  }
  server = await startEmbeddedPostgres({
    dataDir: path.join(folder, "cluster"),
    nativeDir: nativeDirectory(process.env.PG_MAJOR),
    settings: { ssl: "on", ssl_cert_file: cert, ssl_key_file: key, fsync: "off" },
  });
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

function settings(host: string, mode: string, more: Environment = {}): Environment {
  const url = new URL(server.url);
  url.hostname = host;
  if (mode !== "") url.searchParams.set("sslmode", mode);
  return { DATABASE_URL: url.href, ...more };
}

/** `TLSv1.3` and the like, or why the database was not opened. */
async function connect(env: Environment): Promise<string> {
  try {
    const database = await openDatabase(readDatabaseConfig(env), { migrations: "left" });
    const { rows } = await database.pool.query(
      "select coalesce(version, 'none') as version from pg_stat_ssl where pid = pg_backend_pid()",
    );
    await database.close();
    return rows[0].version;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const production = { RAILWAY_ENVIRONMENT: "production" };
const authority = () => ({ DATABASE_CA: readFileSync(cert, "utf8") });

test("a connection is encrypted when its address or production asks for it", async () => {
  expect(await connect(settings("127.0.0.1", ""))).toBe("none");
  expect(await connect(settings("127.0.0.1", "require"))).toMatch(/^TLSv1/);
  expect(await connect(settings("127.0.0.1", "", production))).toMatch(/^TLSv1/);
});

test("a certificate that nobody vouches for is refused where it is to be checked", async () => {
  const refusal = await connect(settings("127.0.0.1", "verify-full"));
  expect(refusal).toContain("was refused");
  expect(refusal).toContain("set DATABASE_CA");
  expect(refusal).not.toContain(new URL(server.url).password);
});

test("with DATABASE_CA the host's name is checked: always in production, else when it is asked for", async () => {
  expect(await connect(settings("127.0.0.1", "verify-full", authority()))).toMatch(/^TLSv1/);
  expect(await connect(settings("localhost", "require", authority()))).toMatch(/^TLSv1/);
  for (const mode of ["", "require", "verify-full"]) {
    const refusal = await connect(settings("localhost", mode, { ...authority(), ...production }));
    expect([mode, refusal]).toEqual([mode, expect.stringContaining("is another host's")]);
    expect(refusal).toContain("sslmode=verify-ca");
  }
  const lenient = settings("localhost", "verify-ca", { ...authority(), ...production });
  expect(await connect(lenient)).toMatch(/^TLSv1/);
});

test("elt doctor tells how the connection is encrypted", async () => {
  const encryption = async (env: Environment) => {
    const groups = await diagnose({
      ...{ env, objects: [], now: () => new Date(), log: () => undefined },
    });
    return groups.flatMap(({ findings }) => findings).find(({ check }) => check === "encryption");
  };
  expect(await encryption(settings("127.0.0.1", ""))).toMatchObject({
    status: "ok",
    message: expect.stringContaining("None is needed"),
  });
  expect(await encryption(settings("127.0.0.1", "verify-full", authority()))).toMatchObject({
    status: "ok",
    message: expect.stringMatching(/^TLSv1\.\d, certificate and host name checked/),
  });
});
