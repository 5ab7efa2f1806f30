import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { readdir, stat, statfs } from "node:fs/promises";
import path from "node:path";
import { collectProblems } from "../errors.ts";
import { serverAccount } from "../postgres/account.ts";
import { findBinaries } from "../postgres/binaries.ts";
import { greet, readLease } from "../postgres/lease.ts";
import { postmasterState } from "../postgres/postmaster.ts";
import { type Finding, fail, failFrom, ok, warn } from "./finding.ts";

/** What the files of an embedded PostgreSQL tell, and whether it is worth starting it. */
export type EmbeddedFindings = {
  readonly findings: readonly Finding[];
  /** `absent`: the first run makes it. */
  readonly state: "usable" | "absent" | "broken";
};

const MB = 1024 * 1024;
/** A build writes its results beside the old ones. */
const LEAST_FREE = { fail: 256 * MB, warn: 1024 * MB };

/**
 * Looks at the folder of the embedded PostgreSQL without starting it or changing anything.
 * @param nativeDir programs of another version, see EmbeddedOptions
 */
export async function checkEmbedded(
  home: string,
  nativeDir?: string | undefined,
): Promise<EmbeddedFindings> {
  const data = path.join(home, "data");
  const findings: Finding[] = [];
  let absent = false;
  if (!existsSync(data)) {
    absent = true;
    findings.push(...checkAbsent(home));
  } else {
    findings.push(...checkFolder(home), await checkServerProcess(home, data));
  }
  findings.push(await checkPrograms(data, nativeDir), await checkDisk(home, data));
  const broken = findings.some(({ status }) => status === "fail");
  return { findings, state: broken ? "broken" : absent ? "absent" : "usable" };
}

function checkAbsent(home: string): readonly Finding[] {
  const parent = nearestFolder(home);
  if (!mayWrite(parent)) return [notWritable(parent)];
  return existsSync(path.join(home, "data.unfinished"))
    ? [ok("cluster", `The making of ${home} was interrupted; the next run makes it anew.`)]
    : [ok("cluster", `There is none in ${home} yet: the first run makes it.`)];
}

function checkFolder(home: string): readonly Finding[] {
  const findings: Finding[] = [];
  if (!mayWrite(home)) findings.push(notWritable(home));
  const password = path.join(home, "password");
  if (!existsSync(password)) {
    findings.push(
      fail(
        "cluster",
        `${password} is missing, and nobody can log in without it.`,
        "Put it back from a backup of the folder, or move the folder away and run a full extraction.",
      ),
    );
  } else if (process.platform !== "win32" && (statSync(password).mode & 0o077) !== 0) {
    findings.push(
      warn("cluster", `Other users of this machine may read ${password}.`, `chmod 600 ${password}`),
    );
  }
  return findings;
}

function notWritable(folder: string): Finding {
  return fail(
    "cluster",
    `This user may not write into ${folder}.`,
    "Run as the user who made it, or set DATABASE_URL.",
  );
}

async function checkServerProcess(home: string, data: string): Promise<Finding> {
  const lease = readLease(home);
  const conversation = lease === undefined ? undefined : await greet(lease);
  conversation?.end();
  const state = await postmasterState({ data });
  if (conversation !== undefined) {
    return ok("server process", "It runs, and is shared by the programs that use it.");
  }
  switch (state) {
    case "running":
      return warn(
        "server process",
        "It runs without its supervisor, which was killed.",
        "Nothing: the next command adopts it.",
      );
    case "killed":
      return warn(
        "server process",
        "It was killed and left its pid file behind.",
        "Nothing: the next start recovers it. If it happens often, look for memory that ran out.",
      );
    case "none":
      return ok("server process", "It is stopped; each command starts it.");
  }
}

async function checkPrograms(data: string, nativeDir: string | undefined): Promise<Finding> {
  const problems: string[] = [];
  let found: Awaited<ReturnType<typeof findBinaries>> | undefined;
  try {
    found = await findBinaries(nativeDir, serverAccount(data));
  } catch (error) {
    collectProblems(problems, () => {
      throw error;
    });
  }
  if (found === undefined) return failFrom("programs", problems[0] ?? "");
  const made = existsSync(data)
    ? readFileSync(path.join(data, "PG_VERSION"), "utf8").trim()
    : String(found.major);
  return made === String(found.major)
    ? ok("programs", `PostgreSQL ${found.version}.`)
    : fail(
        "programs",
        `${data} was made by PostgreSQL ${made}, and this is ${found.major}.`,
        `Install the package of ${made} again, or move the folder away and run a full extraction.`,
      );
}

async function checkDisk(home: string, data: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(nearestFolder(home));
  const free = bavail * bsize;
  const used = existsSync(data) ? await folderSize(data) : 0;
  const text = `${megabytes(used)} used by the cluster, ${megabytes(free)} free.`;
  const fix = `Make room on the disk of ${home}, or set DATABASE_URL.`;
  if (free < LEAST_FREE.fail) return fail("disk", text, fix);
  return free < Math.max(LEAST_FREE.warn, used / 2) ? warn("disk", text, fix) : ok("disk", text);
}

async function folderSize(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  let size = 0;
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    // A running server removes files meanwhile.
    const found = await stat(path.join(entry.parentPath, entry.name)).catch(() => undefined);
    size += found?.size ?? 0;
  }
  return size;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / MB).toLocaleString("en")} MB`;
}

function nearestFolder(folder: string): string {
  return existsSync(folder) ? folder : nearestFolder(path.dirname(folder));
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
