import { type Queryable, query, sql } from "../extract/query.ts";

/** What a BI tool is told to connect; no password is among it. */
export type BiSettings = {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly schema: "marts";
  /** Whether the connection is encrypted now. */
  readonly encrypted: boolean;
  /** The program's own PostgreSQL, which runs while a command does. */
  readonly embedded: boolean;
  /** Roles to make logins members of; absent ones could not be created. */
  readonly roles: readonly string[];
  /** Logins that may read the marts now. */
  readonly logins: readonly BiLogin[];
  readonly relations: number;
  /** Whether the server's own address for others is known, or only this machine's. */
  readonly local: boolean;
};

export type BiLogin = {
  readonly name: string;
  readonly seesPersonalData: boolean;
  /** Accounts it is narrowed to; none means all. */
  readonly contas: readonly string[];
};

/** Reads the settings from the address that the program itself uses and from the database. */
export async function readBiSettings(
  on: Queryable,
  url: string,
  embedded: boolean,
): Promise<BiSettings> {
  const { hostname, port, pathname, searchParams } = new URL(url);
  const host = hostname === "" ? (searchParams.get("host") ?? "localhost") : hostname;
  const [facts] = await query<{
    readonly encrypted: boolean;
    readonly roles: readonly string[] | null;
    readonly relations: number;
  }>(
    on,
    sql`
      select
          coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as encrypted,
          (
              select array_agg(rolname::text order by rolname)
              from pg_roles
              where rolname in ('bi_reader', 'bi_reader_pii')
          ) as roles,
          (
              select count(*)::integer
              from elt.relations
              where starts_with(relation, 'marts.')
          ) as relations`,
  );
  const logins = await query<BiLogin>(
    on,
    sql`
      with readers as (
          select rolname, oid
          from pg_roles
          where rolname in ('bi_reader', 'bi_reader_pii')
      )

      select
          login.rolname::text as name,
          coalesce(bool_or(readers.rolname = 'bi_reader_pii'), false) as "seesPersonalData",
          coalesce(
              (
                  select array_agg(substr(papel.rolname, 10)::text order by papel.rolname)
                  from pg_roles as papel
                  where starts_with(papel.rolname, 'bi_conta_')
                      and pg_has_role(login.oid, papel.oid, 'member')
              ),
              '{}'
          ) as contas
      from pg_roles as login
      inner join readers on pg_has_role(login.oid, readers.oid, 'member')
      where login.rolcanlogin and not login.rolsuper
      group by login.oid, login.rolname
      order by login.rolname`,
  );
  return {
    host,
    port: Number(port === "" ? "5432" : port),
    database: decodeURIComponent(pathname.slice(1)),
    schema: "marts",
    encrypted: facts?.encrypted ?? false,
    embedded,
    roles: facts?.roles ?? [],
    logins,
    relations: facts?.relations ?? 0,
    local: host.startsWith("/") || /^(localhost|127\..*|\[?::1\]?)$/.test(host),
  };
}
