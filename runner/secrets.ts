import type { Environment } from "./config.ts";

/** Shorter ones would be found in innocent words; whoever chose one has told it to everybody. */
const SHORTEST = 6;
const TAKEN_OUT = "[secret]";

/**
 * What in an environment nobody else may learn: tokens, passwords, keys, addresses that are keys. The
 * longest come first. A password that also is the name of a user, host or database is no secret.
 */
export function secretsOf(env: Environment): readonly string[] {
  const keys = [
    env.CVCRM_API_TOKEN,
    env.ALERT_EMAIL_PASSWORD,
    env.ALERT_EMAIL_PASSWORD?.replaceAll(/\s/g, ""),
    env.METABASE_API_KEY,
    env.SESSION_SECRET,
    env.ALERT_WEBHOOK_URL,
    ...(env.SERVER_API_KEYS ?? "").split(/[:,]/).filter((part) => part.length >= 32),
  ];
  const addresses = [env.DATABASE_URL, env.SMTP_URL, env.CVCRM_API_URL, env.METABASE_URL];
  const webhook = urlOf(env.ALERT_WEBHOOK_URL);
  const found = [
    ...keys,
    ...addresses.flatMap(passwordsIn),
    ...(webhook === undefined ? [] : [webhook.pathname + webhook.search]),
  ].flatMap((text) => text?.trim() ?? []);
  const known = new Set([env.CVCRM_ACCOUNT, ...addresses.flatMap(namesIn)]);
  return [...new Set(found)]
    .filter((text) => text.length >= SHORTEST && !known.has(text))
    .sort((a, b) => b.length - a.length);
}

/** A text in which `[secret]` stands for each of the secrets, also where JSON wrote them. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) {
    for (const form of new Set([secret, JSON.stringify(secret).slice(1, -1)])) {
      clean = clean.replaceAll(form, TAKEN_OUT);
    }
  }
  return clean;
}

/** As written, and as meant. What is no address may be nothing but a password. */
function passwordsIn(address: string | undefined): readonly string[] {
  const url = urlOf(address);
  if (url === undefined) return address === undefined ? [] : [address];
  const passwords = [url.password, url.searchParams.get("password") ?? ""];
  return passwords.filter((text) => text !== "").flatMap((text) => [text, decoded(text)]);
}

function namesIn(address: string | undefined): readonly string[] {
  const url = urlOf(address);
  if (url === undefined) return [];
  return [decoded(url.username), url.hostname, decoded(url.pathname.slice(1))];
}

function urlOf(text: string | undefined): URL | undefined {
  return text !== undefined && URL.canParse(text) ? new URL(text) : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
