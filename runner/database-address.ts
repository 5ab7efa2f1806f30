import { readFileSync } from "node:fs";

/** TLS to the database: off, encrypted only, or checked against an authority and the host name. */
export type DatabaseTls =
  | { readonly mode: "disable" }
  | { readonly mode: "require" }
  | { readonly mode: "verify-ca" | "verify-full"; readonly ca?: string };

/** Where a database server is, and how to talk to it. */
export type DatabaseAddress = { readonly url: string; readonly tls: DatabaseTls };

/** What an address does not say itself. */
type TlsRules = {
  /** Certificate of the database's authority, in PEM form. */
  readonly ca: string | undefined;
  /** Nothing goes unencrypted, and what can be checked is. */
  readonly production: boolean;
};

/** Reads DATABASE_CA: the text of a certificate, or the path of a file that holds it. */
export function readAuthority(text: string | undefined, problems: string[]): string | undefined {
  if (text === undefined) return undefined;
  // A deployment panel holds one line, so "\n" may stand for a line break in a certificate.
  if (text.startsWith("-----BEGIN")) return text.replaceAll("\\n", "\n");
  try {
    const pem = readFileSync(text, "utf8");
    if (pem.includes("-----BEGIN CERTIFICATE-----")) return pem;
    problems.push(`DATABASE_CA names ${text}, which holds no certificate in PEM form.`);
  } catch {
    problems.push(
      `DATABASE_CA names ${text}, which cannot be read: give the certificate's text or the path of its file.`,
    );
  }
  return undefined;
}

/**
 * Splits DATABASE_URL into the address for the driver and what its `sslmode` asks for. Adds a
 * sentence to `problems` for each thing that is wrong; none of them holds the address.
 */
export function readDatabaseUrl(
  address: string,
  rules: TlsRules,
  problems: string[],
): DatabaseAddress | undefined {
  const example = "postgresql://user:password@host:5432/database";
  if (!URL.canParse(address) || !/^postgres(ql)?:\/\//i.test(address)) {
    problems.push(
      `DATABASE_URL is not an address of PostgreSQL: give ${example} (special characters of the password as %XX).`,
    );
    return undefined;
  }
  const url = new URL(address);
  if (url.pathname.length < 2) {
    problems.push(`DATABASE_URL names no database: add it at the end, ${example}.`);
  }
  for (const name of ["ssl", "sslcert", "sslkey", "sslrootcert"]) {
    if (!url.searchParams.has(name)) continue;
    problems.push(
      `DATABASE_URL says ${name}: use sslmode, and DATABASE_CA for the authority's certificate.`,
    );
  }
  const mode = url.searchParams.get("sslmode");
  const tls = readTls(mode, rules, problems);
  // The driver gives sslmode a meaning of its own, so it gets the decision instead of the text.
  url.searchParams.delete("sslmode");
  return tls === undefined ? undefined : { url: url.href, tls };
}

function readTls(
  mode: string | null,
  { ca, production }: TlsRules,
  problems: string[],
): DatabaseTls | undefined {
  const authority = ca === undefined ? {} : { ca };
  switch (mode) {
    case null:
      if (ca !== undefined) return { mode: "verify-full", ca };
      return { mode: production ? "require" : "disable" };
    case "disable":
    case "allow":
    case "prefer":
      if (production) {
        problems.push(
          `DATABASE_URL says sslmode=${mode}, but RAILWAY_ENVIRONMENT=production requires TLS to the database: use sslmode=require or verify-full.`,
        );
      }
      return { mode: "disable" };
    case "require":
    case "no-verify":
      if (ca === undefined) return { mode: "require" };
      return { mode: production ? "verify-full" : "verify-ca", ca };
    case "verify-ca":
    case "verify-full":
      return { mode, ...authority };
    default:
      problems.push(
        `DATABASE_URL says sslmode=${mode}: use disable, require, verify-ca or verify-full.`,
      );
      return undefined;
  }
}
