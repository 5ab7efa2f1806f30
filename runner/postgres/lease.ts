import { randomBytes } from "node:crypto";
import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { type Conversation, converse, isGreeting } from "./conversation.ts";

/**
 * Who supervises a cluster: a file `supervisor.<generation>` that says where the supervisor listens.
 * The highest generation counts, and it is held as long as its supervisor answers there; a process
 * that dies stops answering, however it died, so that no lease outlives its holder.
 */
export type Lease = {
  readonly generation: number;
  /** For people who look at the file; whether the holder lives is asked at its port. */
  readonly pid: number;
  readonly port: number;
  /** Shows the supervisor that the caller may read this file. */
  readonly token: string;
  /** Shows the caller that the supervisor wrote it, and no stranger got the port since. */
  readonly proof: string;
};

const answerTimeoutMs = 5_000;

/** The lease of the highest generation, held or not. */
export function readLease(home: string): Lease | undefined {
  const generation = Math.max(0, ...generations(home));
  if (generation === 0) return undefined;
  try {
    return JSON.parse(readFileSync(leaseFile(home, generation), "utf8"));
  } catch {
    // A newer holder removed it between the two reads.
    return undefined;
  }
}

/**
 * Tries to become the supervisor that listens on `port`. Returns undefined when another one holds
 * the lease: among processes that try at once exactly one gets it.
 */
export async function acquireLease(home: string, port: number): Promise<Lease | undefined> {
  for (;;) {
    const current = readLease(home);
    if (current !== undefined) {
      const conversation = await greet(current);
      conversation?.end();
      if (conversation !== undefined) return undefined;
    }
    // The one after the generation that was asked: a newer one would go unasked.
    const generation = (current?.generation ?? 0) + 1;
    const lease: Lease = { generation, pid: process.pid, port, token: secret(), proof: secret() };
    if (!publish(home, lease)) continue;
    if (Math.max(...generations(home)) === generation) {
      for (const old of generations(home)) {
        if (old < generation) rmSync(leaseFile(home, old), { force: true });
      }
      return lease;
    }
    rmSync(leaseFile(home, generation), { force: true });
  }
}

/** Connects to the holder of a lease. Returns undefined when it is gone. */
export function greet(lease: Lease): Promise<Conversation | undefined> {
  return new Promise((resolve) => {
    const socket = connect(lease.port, "127.0.0.1");
    const conversation = converse(socket);
    // Another program may listen on this port by now: it does not know the proof.
    const giveUp = setTimeout(() => socket.destroy(), answerTimeoutMs);
    conversation.send({ token: lease.token });
    conversation.next().then((answer) => {
      clearTimeout(giveUp);
      resolve(isGreeting(answer, lease.proof) ? conversation : undefined);
      if (!isGreeting(answer, lease.proof)) socket.destroy();
    });
  });
}

function secret(): string {
  return randomBytes(16).toString("base64url");
}

/** Makes the lease's file whole in one step. Returns false when the generation is taken. */
function publish(home: string, lease: Lease): boolean {
  const draft = path.join(home, `.lease-${process.pid}-${randomBytes(4).toString("hex")}`);
  writeFileSync(draft, JSON.stringify(lease), { mode: 0o600 });
  try {
    linkSync(draft, leaseFile(home, lease.generation));
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function generations(home: string): number[] {
  return readdirSync(home).flatMap((name) => {
    const match = /^supervisor\.(\d+)$/.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
}

function leaseFile(home: string, generation: number): string {
  return path.join(home, `supervisor.${generation}`);
}
