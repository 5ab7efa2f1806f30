/** What was found of one thing. `skip`: it could not be looked at, and says because of what. */
export type Finding = {
  /** What was looked at, in a word or two. */
  readonly check: string;
} & (
  | { readonly status: "ok" | "skip"; readonly message: string }
  | {
      readonly status: "warn" | "fail";
      readonly message: string;
      /** What to do about it. */
      readonly fix: string;
    }
);

/** All findings of one part of the installation. */
export type Findings = { readonly group: string; readonly findings: readonly Finding[] };

/** A finding without a problem. */
export function ok(check: string, message: string): Finding {
  return { check, status: "ok", message };
}

/** Something that could not be looked at. */
export function skip(check: string, because: string): Finding {
  return { check, status: "skip", message: because };
}

/** Something to look at that keeps nothing from working. */
export function warn(check: string, message: string, fix: string): Finding {
  return { check, status: "warn", message, fix };
}

/** Something that keeps the program from working. */
export function fail(check: string, message: string, fix: string): Finding {
  return { check, status: "fail", message, fix };
}

/**
 * A failure from a sentence of the form `what is wrong: what to do`, as this program's own errors
 * have it.
 */
export function failFrom(check: string, sentence: string): Finding {
  const at = sentence.search(/: (?=[a-z])/);
  const what = at < 0 ? sentence : `${sentence.slice(0, at)}.`;
  const fix = at < 0 ? "See .env.example." : sentence.slice(at + 2);
  return fail(check, capital(what.replace(`${check} is `, "")), capital(fix));
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
