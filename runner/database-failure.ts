import pg from "pg";
import { ConfigError } from "./errors.ts";

/** How long a server may take to answer the first time. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** Turns a failed first connection into a sentence; what it does not know stays as it is. */
export function explainConnection(error: unknown, url: string): unknown {
  if (!(error instanceof Error)) return error;
  const code = "code" in error ? String(error.code) : "";
  const where = databasePlace(url);
  const { user, database } = databaseNames(url);
  const problem = (sentence: string) => new ConfigError([sentence], { cause: error });
  if (error.message.includes("timeout")) {
    return problem(
      `No PostgreSQL answered at ${where} within ${CONNECT_TIMEOUT_MS / 1000} seconds: check DATABASE_URL, the network and the firewall.`,
    );
  }
  if (/Connection terminated/.test(error.message)) {
    return problem(
      `${where} closed the connection before it answered: check DATABASE_URL, and that a PostgreSQL listens there.`,
    );
  }
  if (/client password must be/.test(error.message)) {
    return problem(
      `The server at ${where} asks for the password of user "${user}", and DATABASE_URL has none: add it, postgresql://user:password@host:5432/database (special characters as %XX).`,
    );
  }
  if (error.message.includes("does not support SSL")) {
    return problem(
      `The server at ${where} offers no TLS: enable it there, or use sslmode=disable where the network is private.`,
    );
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return problem(
      `The TLS certificate of ${where} is another host's: name the host in DATABASE_URL as the certificate does, or use sslmode=verify-ca to check only who signed it.`,
    );
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/.test(code)) {
    return problem(
      `The TLS certificate of ${where} was refused (${error.message}): set DATABASE_CA to its authority's certificate, or use sslmode=require to encrypt without a check.`,
    );
  }
  switch (code) {
    case "ECONNREFUSED":
    case "ECONNRESET":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ENOENT":
      return problem(
        `No PostgreSQL answers at ${where}: check that it runs, and DATABASE_URL. Without DATABASE_URL the program brings its own.`,
      );
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return problem(
        `The host of ${where} has no address: check the host name in DATABASE_URL and the network.`,
      );
    case "28P01":
      return problem(
        `The server at ${where} refused the password of user "${user}": correct DATABASE_URL.`,
      );
    case "28000":
      return problem(
        `The server at ${where} does not let user "${user}" in (${error.message}): correct DATABASE_URL, or its pg_hba.conf.`,
      );
    case "3D000":
      return problem(
        `The server at ${where} has no database "${database}": create it (create database "${database}"), or correct DATABASE_URL.`,
      );
    case "42501":
      return problem(
        `User "${user}" may not connect to database "${database}" at ${where}: grant connect on database.`,
      );
    case "53300":
      return problem(
        `The server at ${where} has no free connection: close others, or raise max_connections.`,
      );
    case "57P03":
      return problem(
        `The server at ${where} is starting up or shutting down: try again in a moment.`,
      );
    default:
      return error;
  }
}

/** PostgreSQL's code for a session, a standby or a database that only reads. */
const READ_ONLY = "25006";

/** What to do about a database that takes no changes. */
export const writableFix =
  "name the primary's address in DATABASE_URL where this is a replica; otherwise let an administrator run, with this user's and this database's name: alter role <user> reset default_transaction_read_only; alter database <database> reset default_transaction_read_only;";

/** Turns a database that only reads into a sentence; any other error stays as it is. */
export function explainReadOnly(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError) || error.code !== READ_ONLY) return error;
  return new ConfigError([`The database takes no changes from this user: ${writableFix}`], {
    cause: error,
  });
}

/** Turns a right that a migration lacked into a sentence; what it does not know stays as it is. */
export function explainMigration(error: unknown, url: string): unknown {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (!(cause instanceof pg.DatabaseError)) return error;
  if (cause.code === READ_ONLY) return explainReadOnly(cause);
  if (cause.code !== "42501") return error;
  const { user, database } = databaseNames(url);
  return new ConfigError(
    [
      `User "${user}" lacks a right to prepare database "${database}" (${cause.message}): make it the owner, or grant create on database "${database}".`,
    ],
    { cause },
  );
}

/** Host and port, or the folder of a socket. */
export function databasePlace(url: string): string {
  const { hostname, port, searchParams } = new URL(url);
  return hostname === ""
    ? (searchParams.get("host") ?? "localhost")
    : `${hostname}:${port || 5432}`;
}

/** Who connects, and to what; nothing of it is secret. */
export function databaseNames(url: string): { user: string; database: string } {
  const { username, pathname } = new URL(url);
  return { user: decodeURIComponent(username), database: decodeURIComponent(pathname.slice(1)) };
}
