import { hostname, userInfo } from "node:os";

/** Who runs this process, as the machine knows them: `ana on servidor`. */
export function acceptedBy(): string {
  return `${userName()} on ${hostname()}`;
}

/** A container may run under a number that no user has. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}
