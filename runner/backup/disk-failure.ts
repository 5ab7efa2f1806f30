import { InfrastructureError } from "../errors.ts";

const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const BROKEN = new Set(["EIO", "EROFS", "ENODEV", "ESTALE", "ENOENT"]);

/** Runs work on the files of a backup; a full or broken disk becomes a sentence. */
export async function explainDisk<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (FULL.has(code)) {
      throw new InfrastructureError(
        `There is no room left for the backup in ${folder}: it is not finished and cannot be restored. Delete it, make room, and back up again.`,
        { cause: error },
      );
    }
    if (BROKEN.has(code) && error instanceof Error && "syscall" in error) {
      throw new InfrastructureError(
        `The backup in ${folder} could not be written on (${error.message}): it is not finished and cannot be restored. Delete it, and back up again.`,
        { cause: error },
      );
    }
    throw error;
  }
}
