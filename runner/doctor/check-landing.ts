import type { Pool } from "pg";
import { defaultObjects } from "../../extract/catalogue.ts";
import { query, sql } from "../../extract/query.ts";
import { staleText } from "../freshness/age-text.ts";
import { readSourceAges } from "../freshness/source-ages.ts";
import { type Finding, ok, warn } from "./finding.ts";

type Reading = {
  readonly object: string;
  readonly verdict: string;
  readonly proven: boolean;
  readonly date_only: boolean;
};

/** Looks how much of the source has arrived. Nothing of a record is told. */
export async function checkLanding(
  pool: Pool,
  conta: string | undefined,
  now: Date,
): Promise<readonly Finding[]> {
  const readings = await lastReadings(pool, conta);
  return [
    ...checkReadings(readings),
    await checkQuarantine(pool, conta),
    ...(await checkAges(pool, conta, now)),
  ];
}

/** Of each object the last reading that ended, backfills apart. */
function lastReadings(pool: Pool, conta: string | undefined): Promise<readonly Reading[]> {
  return query<Reading>(
    pool,
    sql`
      select distinct on (loads.conta, loads.objeto)
        loads.objeto as object,
        loads.verdict,
        coalesce(cursors.last_full_at is not null, false) as proven,
        coalesce(cursors.date_only, false) as date_only
      from elt.loads
      left join elt.cursors
        on cursors.conta = loads.conta and cursors.objeto = loads.objeto
      where loads.mode in ('full', 'incremental') and loads.verdict <> 'running'
        and (${conta ?? null}::text is null or loads.conta = ${conta ?? null})
      order by loads.conta, loads.objeto, loads.load_id desc`,
  );
}

function checkReadings(readings: readonly Reading[]): readonly Finding[] {
  const check = "readings";
  if (readings.length === 0) {
    return [warn(check, "Nothing was ever extracted.", "npm run elt")];
  }
  const findings: Finding[] = [];
  const read = new Set(readings.map(({ object }) => object));
  const never = defaultObjects.filter(({ name }) => !read.has(name)).map(({ name }) => name);
  if (never.length > 0) {
    findings.push(
      warn(
        "never read",
        `${never.join(", ")}, which the marts need.`,
        `npm run elt -- extract ${never.join(" ")}`,
      ),
    );
  }
  const fixes = {
    failed: "npm run elt -- status says why.",
    unproven:
      "Run again when the source is quiet (at night); npm run elt -- status says what disagrees.",
    stopped: "Nothing: the next run goes on where a limit stopped it.",
  } as const;
  for (const [verdict, fix] of Object.entries(fixes)) {
    const names = readings
      .filter((reading) => reading.verdict === verdict)
      .map(({ object }) => object);
    if (names.length > 0) findings.push(warn(`last ${verdict}`, `${names.join(", ")}.`, fix));
  }
  if (findings.length === 0) findings.push(ok(check, `All ${readings.length} objects are proven.`));
  const days = readings.filter(({ date_only }) => date_only).map(({ object }) => object);
  return days.length === 0
    ? findings
    : [...findings, ok("days only", `Asked for by day, without a time: ${days.join(", ")}.`)];
}

async function checkQuarantine(pool: Pool, conta: string | undefined): Promise<Finding> {
  const check = "quarantine";
  const [open] = await query<{ whole: number; repaired: number }>(
    pool,
    sql`
      select
        (count(*) filter (where not repaired))::int as whole,
        (count(*) filter (where repaired))::int as repaired
      from elt.open_quarantine
      where ${conta ?? null}::text is null or conta = ${conta ?? null}`,
  );
  const { whole = 0, repaired = 0 } = open ?? {};
  if (whole > 0) {
    const text = `${whole} records could not land${repaired > 0 ? `, ${repaired} landed repaired` : ""}.`;
    return warn(check, text, "npm run elt -- quarantine shows them and why.");
  }
  return ok(check, repaired > 0 ? `Empty but for ${repaired} that landed repaired.` : "Empty.");
}

async function checkAges(
  pool: Pool,
  conta: string | undefined,
  now: Date,
): Promise<readonly Finding[]> {
  const ages = await readSourceAges(pool, now);
  const stale = ages.filter(
    (age) => age.level !== "fresh" && (conta === undefined || age.conta === conta),
  );
  return stale.map((age) =>
    warn(age.object, `${staleText(age)}.`, "npm run elt; if it comes back: npm run elt -- status."),
  );
}
