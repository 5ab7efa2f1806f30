import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { ConfigError } from "../errors.ts";
import type { BackedUpTable, Manifest } from "./manifest.ts";

/**
 * Reads every file of a backup and compares it with the manifest.
 * @throws ConfigError naming each file that is missing or is not what was written
 */
export async function verifyFiles(folder: string, { tables }: Manifest): Promise<void> {
  const problems: string[] = [];
  for (const table of tables) {
    const problem = await problemOf(folder, table);
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length === 0) return;
  throw new ConfigError([
    `The backup in ${folder} is damaged, and nothing was restored:`,
    ...problems,
    "Take another copy of this backup, or another backup.",
  ]);
}

async function problemOf(
  folder: string,
  { file, bytes, sha256 }: BackedUpTable,
): Promise<string | undefined> {
  const digest = createHash("sha256");
  let read = 0;
  try {
    await pipeline(createReadStream(path.join(folder, file)), async (chunks) => {
      for await (const chunk of chunks) {
        digest.update(chunk);
        read += chunk.length;
      }
    });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return code === "ENOENT"
      ? `  ${file} is missing`
      : `  ${file} cannot be read (${error instanceof Error ? error.message : String(error)})`;
  }
  if (read !== bytes) return `  ${file} has ${read} bytes, and had ${bytes}`;
  return digest.digest("hex") === sha256
    ? undefined
    : `  ${file} holds other bytes than were written`;
}
