import type { Budget } from "../../extract/budget.ts";
import type { CvdwObject } from "../../extract/catalogue.ts";
import { type CvdwClient, createCvdwClient, type PageRequest } from "../../extract/cvdw.ts";
import { CvdwError } from "../../extract/errors.ts";
import { OutOfTimeError } from "../../extract/limits.ts";
import { brasiliaWallClock, formatWallClock, minutesBefore } from "../../extract/wall-clock.ts";
import type { SourceConfig } from "../config.ts";
import { type Finding, fail, ok, skip, warn } from "./finding.ts";

/** One record answers at once nearly everywhere; a few objects take longer. */
const ANSWER_TIMEOUT_MS = 60_000;
/** CVDW refuses a whole minute after too many requests. */
const BLOCK_MS = 60_000;

export type ObjectsToCheck = {
  readonly source: SourceConfig;
  readonly objects: readonly CvdwObject[];
  readonly budget: Budget;
  /** When the budget is no longer waited for. */
  readonly until: Date;
  readonly now: () => Date;
};

type Answer =
  | { readonly status: "read"; readonly records: number; readonly ms: number }
  | { readonly status: "refused"; readonly error: CvdwError }
  | { readonly status: "no-time" };

/**
 * Asks for one record of each object, within the account's budget: whether the credentials are right,
 * which objects the user may read, and whether date filters take a time of day. The first two are
 * asked alone: what refuses both of them would refuse the others, too.
 */
export async function checkObjects(wanted: ObjectsToCheck): Promise<readonly Finding[]> {
  const { source, objects } = wanted;
  const [first, second, ...others] = objects;
  if (first === undefined) return [];
  const client = createCvdwClient(
    { ...source, baseUrl: source.url },
    { timeoutMs: ANSWER_TIMEOUT_MS },
  );
  const ask = (object: CvdwObject): Promise<Answer> => askFor(wanted, client, { object });
  try {
    const answers = [await ask(first)];
    if (second !== undefined && !isAway(answers[0])) answers.push(await ask(second));
    const token = checkToken(source, first, answers);
    if (token.status === "fail") {
      return [token, ...objects.map((object) => skip(object.name, "Not asked: see credentials."))];
    }
    answers.push(...(await Promise.all(others.map(ask))));
    const readable = objects.find((_, at) => answers[at]?.status === "read");
    return [
      token,
      ...objects.map((object, at) => objectFinding(object, answers[at] ?? { status: "no-time" })),
      await checkDateMode(wanted, client, readable),
    ];
  } finally {
    await client.close();
  }
}

function isAway(answer: Answer | undefined): boolean {
  if (answer?.status !== "refused") return false;
  return answer.error.fault === "network" || answer.error.fault === "timeout";
}

/** What all of the first answers have in common is no object's own. */
function checkToken(
  { conta }: SourceConfig,
  first: CvdwObject,
  answers: readonly Answer[],
): Finding {
  const check = "credentials";
  const errors = answers.flatMap((answer) => (answer.status === "refused" ? answer.error : []));
  const [error] = errors;
  const isCommon = errors.length === answers.length && error !== undefined;
  if (isCommon && errors.every(({ fault }) => fault === "unauthorized")) {
    return fail(
      check,
      answers.length > 1
        ? `CVDW refuses them for account ${conta} (401).`
        : `CVDW refuses them for account ${conta}, or the user has no permission for ${first.name} (401).`,
      "Copy CVCRM_API_EMAIL and CVCRM_API_TOKEN again from CV: they must be a pair of this account, of a user with the permission for CVDW. A token may have expired.",
    );
  }
  if (isCommon && errors.every(({ fault }) => fault === "forbidden")) {
    return fail(
      check,
      `CVDW does not let this user of account ${conta} in (403).`,
      "Enable CVDW in the profile of the user in CV; it is contracted apart.",
    );
  }
  if (error !== undefined && answers.every(isAway)) {
    return fail(check, "They could not be tried.", whatOf(error));
  }
  return answers.some(({ status }) => status === "read")
    ? ok(check, `Accepted for account ${conta}.`)
    : skip(check, "No answer tells: see the objects.");
}

/** Without an object that the marts need nothing works as it should; any other one is somebody's wish. */
function objectFinding(object: CvdwObject, answer: Answer): Finding {
  const { name, path } = object;
  const refused = object.default === true ? fail : warn;
  if (answer.status === "no-time") {
    return warn(
      name,
      "Not asked: the account's requests are in use by another run.",
      "Ask again when it has ended.",
    );
  }
  if (answer.status === "read") {
    const count = answer.records.toLocaleString("en");
    const records = answer.records === 1 ? "1 record" : `${count} records`;
    return ok(name, `May be read; ${records}; ${(answer.ms / 1000).toFixed(1)} s.`);
  }
  const { error } = answer;
  switch (error.fault) {
    case "unauthorized":
      return refused(
        name,
        "The user has no permission for it (401).",
        `Give the user the permission for ${name} in CV, or leave it out of the extraction.`,
      );
    case "unknown-path":
      return refused(
        name,
        `The path ${path} does not exist in this account's CVDW (${error.status}).`,
        `Leave ${name} out of the extraction; if every object answers so, check CVCRM_API_URL.`,
      );
    case "rate-limited":
      return warn(
        name,
        "Too many requests (429): the account is blocked for a minute.",
        "Ask again later; lower CVCRM_RATE_LIMIT if another program shares the account.",
      );
    case "server":
      return warn(name, whatOf(error), "A failure of the source: ask again later.");
    default:
      return refused(name, whatOf(error), "Ask again; if it lasts, show this to the vendor.");
  }
}

/** The sentence without object and page, which the finding has itself. */
function whatOf({ message, object, page }: CvdwError): string {
  const text = message.replace(`${object}, page ${page}: `, "");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Some accounts take only days in the date filter, and answer 400 to a time of day. */
async function checkDateMode(
  wanted: ObjectsToCheck,
  client: CvdwClient,
  object: CvdwObject | undefined,
): Promise<Finding> {
  const check = "date filter";
  if (object === undefined) return skip(check, "No object could be read.");
  const yesterday = formatWallClock(minutesBefore(brasiliaWallClock(wanted.now()), 24 * 60));
  const asked = await askFor(wanted, client, { object, since: yesterday });
  if (asked.status === "read") return ok(check, "Takes a time of day.");
  if (asked.status === "no-time") return skip(check, "The account's requests are in use.");
  if (asked.error.status !== 400) return skip(check, whatOf(asked.error));
  const day = await askFor(wanted, client, { object, since: yesterday.slice(0, 10) });
  return day.status === "read"
    ? ok(check, "Takes days only: runs ask for a day more, by themselves.")
    : fail(
        check,
        "Takes neither a time of day nor a day (400).",
        "Show this to the vendor; until then: npm run elt -- extract --full.",
      );
}

async function askFor(
  { budget, until, now }: ObjectsToCheck,
  client: CvdwClient,
  wanted: Pick<PageRequest, "object" | "since">,
): Promise<Answer> {
  const request: PageRequest = { ...wanted, page: 1, pageSize: 1 };
  const mayWait = (ms: number): boolean => now().getTime() + ms <= until.getTime();
  const place = { object: wanted.object.name, page: 1, mayWait };
  try {
    return await budget.spend<Answer>(place, async () => {
      const began = performance.now();
      try {
        const { page, bytes } = await client.fetchPage(request);
        const ms = performance.now() - began;
        const result: Answer = { status: "read", records: page.totalRecords, ms };
        return { result, outcome: { status: 200, bytes } };
      } catch (error) {
        if (!(error instanceof CvdwError)) throw error;
        if (error.fault === "rate-limited") await budget.block(error.retryAfterMs ?? BLOCK_MS);
        const result: Answer = { status: "refused", error };
        return { result, outcome: { status: error.status ?? 0, bytes: 0 } };
      }
    });
  } catch (error) {
    if (error instanceof OutOfTimeError) return { status: "no-time" };
    throw error;
  }
}
