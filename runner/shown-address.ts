/**
 * The database's address as a terminal may show it. Only the embedded PostgreSQL's password is in it, which
 * nobody could know otherwise; that of a DATABASE_URL is the operator's, and stays theirs.
 */
export function shownAddress(database: {
  readonly url: string;
  readonly embedded?: unknown;
}): string {
  if (database.embedded !== undefined) return database.url;
  const address = new URL(database.url);
  address.password = "";
  address.searchParams.delete("password");
  return address.href;
}
