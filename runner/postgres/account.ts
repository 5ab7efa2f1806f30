import { realpathSync, type Stats, statSync } from "node:fs";
import path from "node:path";

/** The system user that runs the server, when it is another one than this process's. */
export type Account = { readonly uid: number; readonly gid: number };

/** `nobody` on every Linux distribution; the number works where the name is missing, too. */
const nobody: Account = { uid: 65_534, gid: 65_534 };

/**
 * PostgreSQL refuses to run as root, so root runs it as the owner of the data directory, or as
 * `nobody` when there is none yet. Anybody else runs it as themselves: undefined.
 */
export function serverAccount(dataDirectory: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(dataDirectory, { throwIfNoEntry: false });
  return owner === undefined || owner.uid === 0 ? nobody : { uid: owner.uid, gid: owner.gid };
}

/** Whether the account may enter a directory: every directory on the way must let it pass. */
export function canEnter(directory: string, account: Account | undefined): boolean {
  if (account === undefined) return true;
  let current = realpathSync(directory);
  while (mayPass(statSync(current), account)) {
    const parent = path.dirname(current);
    if (parent === current) return true;
    current = parent;
  }
  return false;
}

function mayPass(directory: Stats, { uid, gid }: Account): boolean {
  if (directory.uid === uid) return (directory.mode & 0o100) !== 0;
  if (directory.gid === gid) return (directory.mode & 0o010) !== 0;
  return (directory.mode & 0o001) !== 0;
}
