import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Tells whose browser it is by a signed text, and keeps only those that were ended before time. */
export type Sessions = {
  /** The text for a cookie: the reader's id and its end, signed. */
  issue(readerId: string): string;
  /** The reader's id; undefined when the text is not ours, or over. */
  read(text: string): string | undefined;
  /** From now on it is over, whoever has a copy, as long as this process lives. */
  end(text: string): void;
};

/** A week: who looks every day is asked for the key once in a while. */
export const sessionMs = 7 * 24 * 3_600_000;

/**
 * Signs with a secret of the installation. Without one it is made up, and a restart ends every
 * session. Whether the key of a session is still in force is not asked here.
 */
export function createSessions(secret: string | undefined, now: () => Date): Sessions {
  const key = secret ?? randomBytes(32);
  const sign = (content: string) =>
    createHmac("sha256", key).update(`session:${content}`).digest("base64url");
  /** What was signed, and until when it would have counted. */
  const ended = new Map<string, number>();
  const open = (text: string): { readonly readerId: string; readonly end: number } | undefined => {
    const [content = "", signature = "", ...others] = text.split(".");
    const given = Buffer.from(signature);
    const right = Buffer.from(sign(content));
    if (others.length > 0 || given.length !== right.length) return undefined;
    if (!timingSafeEqual(given, right) || ended.has(content)) return undefined;
    const [readerId, end]: unknown[] = JSON.parse(Buffer.from(content, "base64url").toString());
    const isRunning = typeof end === "number" && now().getTime() < end;
    return isRunning && typeof readerId === "string" ? { readerId, end } : undefined;
  };
  return {
    issue: (readerId) => {
      const end = now().getTime() + sessionMs;
      // Two browsers never share a session, so that one can leave without the other.
      const nonce = randomBytes(9).toString("base64url");
      const content = Buffer.from(JSON.stringify([readerId, end, nonce])).toString("base64url");
      return `${content}.${sign(content)}`;
    },
    read: (text) => open(text)?.readerId,
    end: (text) => {
      const session = open(text);
      if (session === undefined) return;
      for (const [content, end] of ended) if (end <= now().getTime()) ended.delete(content);
      ended.set(text.split(".")[0] ?? "", session.end);
    },
  };
}
