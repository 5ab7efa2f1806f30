import type { FaultScript } from "../../emulator/faults.ts";
import type { CvdwRecord } from "../../emulator/record.ts";
import type { CvdwFault } from "../../extract/errors.ts";
import type { treatments } from "./fault-treatments.ts";

/** How a run ends that meets a fault. */
export type Ending =
  | { readonly verdict: "proven" }
  | { readonly verdict: "failed"; readonly fault: CvdwFault; readonly says: string }
  | { readonly verdict: "unproven"; readonly says: string };

/** Something that the source does wrong, and what must come of it. */
export type Fault = {
  readonly name: string;
  /** In the operators' guide. */
  readonly falta: string;
  readonly treatment: keyof typeof treatments;
  readonly script: Pick<FaultScript, "kind" | "retryAfter" | "ms" | "pageSizeAbove">;
  /** What the account's landing has when the fault strikes. */
  readonly before: "nothing" | "all records" | "older records";
  /** Records that the scan has to read, and how many a page shows. */
  readonly records: number;
  readonly pageSize: number;
  /** The client's patience, in milliseconds; its own when absent. */
  readonly timeoutMs?: number;
  readonly once: Ending;
  readonly always: Ending;
  /** A pause that is asked for in milliseconds, by the source or by rule. */
  readonly waitMs?: number;
};

const proven: Ending = { verdict: "proven" };

/** Every page has to be struck for it to matter: three pages, the last one not full. */
const threePages = { before: "nothing", records: 10, pageSize: 4 } as const;

function healing(
  name: string,
  falta: string,
  details: Pick<Fault, "script"> &
    Partial<Fault> & { readonly fault: CvdwFault; readonly says: string },
): Fault {
  const { fault, says, ...others } = details;
  return {
    name,
    falta,
    treatment: "repete",
    ...threePages,
    ...others,
    once: proven,
    always: { verdict: "failed", fault, says },
  };
}

function refusing(
  name: string,
  falta: string,
  details: Pick<Fault, "script"> &
    Partial<Fault> & { readonly fault: CvdwFault; readonly says: string },
): Fault {
  const { fault, says, ...others } = details;
  const failed: Ending = { verdict: "failed", fault, says };
  return {
    name,
    falta,
    treatment: "recusa",
    ...threePages,
    ...others,
    once: failed,
    always: failed,
  };
}

/** Answers that are pages, but not of what the source has. */
function miscounting(name: string, falta: string, script: Fault["script"]): Fault {
  const says = "different records were read where the source counts";
  return {
    name,
    falta,
    treatment: "confere",
    ...threePages,
    script,
    once: proven,
    always: { verdict: "unproven", says },
  };
}

const html = {
  headers: { "content-type": "text/html; charset=UTF-8" },
  body: "<!DOCTYPE html><html><body><h1>Sistema em manutenção</h1></body></html>",
};
const refusedDate = {
  status: 400,
  headers: { "content-type": "application/json" },
  body: '{"error":"O campo a_partir_data_referencia não é válido","code":400}',
};
/** Longer than a loaded machine takes to answer, shorter than a test may last. */
const PATIENCE_MS = 400;
const NEVER_MS = 3_600_000;
const slowPages = { records: 40, pageSize: 16, timeoutMs: PATIENCE_MS } as const;

export const faults: readonly Fault[] = [
  healing("429", "429, limite de requisições", {
    script: { kind: "429" },
    treatment: "espera",
    waitMs: 60_000,
    fault: "rate-limited",
    says: "CVDW answered 429. Too many requests",
  }),
  healing("429 with Retry-After", "429 com `Retry-After: 7`", {
    script: { kind: "429", retryAfter: 7 },
    treatment: "espera",
    waitMs: 7_000,
    fault: "rate-limited",
    says: "CVDW answered 429. Too many requests",
  }),
  healing("429 with a Retry-After of 0", "429 com `Retry-After: 0`", {
    script: { kind: "429", retryAfter: 0 },
    treatment: "espera",
    waitMs: 60_000,
    fault: "rate-limited",
    says: "CVDW answered 429. Too many requests",
  }),
  healing("429 as a 200", "200 com o texto `Too many requests`", {
    script: { kind: "200-too-many" },
    treatment: "espera",
    waitMs: 60_000,
    fault: "rate-limited",
    says: "CVDW answered 429. Too many requests",
  }),
  healing("500", "500, erro interno", {
    script: { kind: "500" },
    fault: "server",
    says: "CVDW answered 500. A failure of the source",
  }),
  healing("503 html", "503 com uma página HTML", {
    script: { kind: "503-html" },
    fault: "server",
    says: "CVDW answered 503. A failure of the source",
  }),
  healing("520", "520 da Cloudflare", {
    script: { kind: "520" },
    fault: "server",
    says: "CVDW answered 520. A failure of the source",
  }),
  healing("422", "422, erro inesperado na API", {
    script: { kind: "422" },
    fault: "server",
    says: "CVDW answered 422. A failure of the source",
  }),
  healing("text", "200 com texto e uma página de erro SQL", {
    script: { kind: "text" },
    fault: "malformed",
    says: "the answer is not a page of CVDW",
  }),
  healing("html", "200 com uma página HTML", {
    script: { kind: { status: 200, ...html } },
    fault: "malformed",
    says: "the answer is not a page of CVDW",
  }),
  healing("invalid json", "200 com JSON quebrado", {
    script: { kind: "invalid-json" },
    fault: "malformed",
    says: "the answer is not a page of CVDW",
  }),
  healing("cut", "resposta cortada no meio", {
    script: { kind: "cut" },
    fault: "network",
    says: "no complete answer from",
  }),
  healing("reset", "conexão derrubada", {
    script: { kind: "reset" },
    fault: "network",
    says: "no complete answer from",
  }),
  {
    ...healing("silent", "nenhuma resposta dentro do prazo", {
      script: { kind: "slow", ms: NEVER_MS },
      ...slowPages,
      fault: "timeout",
      says: "no complete answer from",
    }),
    treatment: "divide",
  },
  healing("silent for small pages", "o mesmo com páginas de até 10 registros", {
    script: { kind: "slow", ms: NEVER_MS },
    timeoutMs: PATIENCE_MS,
    treatment: "divide",
    fault: "timeout",
    says: "Asked 5 times.",
  }),
  {
    ...healing("slow for big pages", "páginas grandes passam do prazo", {
      script: { kind: "slow", ms: NEVER_MS, pageSizeAbove: 12 },
      ...slowPages,
      fault: "timeout",
      says: "",
    }),
    treatment: "divide",
    always: proven,
  },
  healing("zero bytes", "200 sem nenhum byte, onde há registros", {
    script: { kind: "empty" },
    treatment: "vazio",
    before: "all records",
    fault: "empty",
    says: "the source answered without records where it has had some",
  }),
  healing("204", "204, onde há registros", {
    script: { kind: "204" },
    treatment: "vazio",
    before: "all records",
    fault: "empty",
    says: "the source answered without records where it has had some",
  }),
  healing("empty envelope", "envelope que diz 0 registros, onde há registros", {
    script: { kind: "empty-envelope" },
    treatment: "vazio",
    before: "all records",
    fault: "empty",
    says: "the source answered without records where it has had some",
  }),
  healing("no rows", "total certo, mas `dados` vazio", {
    script: { kind: "no-rows" },
    treatment: "vazio",
    before: "all records",
    fault: "empty",
    says: "the source answered without records where it has had some",
  }),
  miscounting("short page", "página com registros a menos", { kind: "short" }),
  miscounting("another page", "a página de outro número", { kind: "other-page" }),
  miscounting("no totals", "total 0 com registros na página", { kind: "no-totals" }),
  {
    ...refusing("400 on a date-time", "400 na data com hora", {
      script: { kind: refusedDate },
      before: "older records",
      fault: "refused",
      says: "CVDW answered 400. The source refuses this request",
    }),
    treatment: "data",
    once: proven,
  },
  refusing("401", "401 em um objeto", {
    script: { kind: "401" },
    fault: "unauthorized",
    says: "CVDW answered 401. The user has no permission for",
  }),
  refusing("403", "403, perfil sem CVDW", {
    script: { kind: "403" },
    fault: "forbidden",
    says: "CVDW answered 403. The user's profile has no access to CVDW",
  }),
  refusing("404", "404", {
    script: { kind: { status: 404, ...html } },
    treatment: "endereco",
    fault: "unknown-path",
    says: "CVDW answered 404. Check CVCRM_ACCOUNT and CVCRM_API_URL",
  }),
  refusing("405", "405, caminho que não existe", {
    script: { kind: "405" },
    treatment: "caminho",
    fault: "unknown-path",
    says: "CVDW answered 405. The path",
  }),
];

/** Where in a scan a fault strikes. */
export const places = ["first", "middle", "last"] as const;

/** The row, from 1, whose page is struck. */
export function struckRow(place: (typeof places)[number], { records }: Fault): number {
  switch (place) {
    case "first":
      return 1;
    case "middle":
      return Math.ceil(records / 2);
    case "last":
      return records;
  }
}

/** How often a fault strikes. */
export const repetitions = { once: 1, always: 1_000_000 } as const;

/** Objects that differ: an usual one, one that hides edits, another path, a key of two parts. */
export const struckObjects = [
  "reservas",
  "comissoes",
  "reservas_condicoes",
  "unidades_precos",
] as const;
export type StruckObject = (typeof struckObjects)[number];

const keyOf: Readonly<Record<StruckObject, (nth: number) => CvdwRecord>> = {
  reservas: (nth) => ({ idreserva: nth }),
  comissoes: (nth) => ({ idcomissao: nth }),
  reservas_condicoes: (nth) => ({ idreservascondicoes: nth }),
  unidades_precos: (nth) => ({ idunidade: Math.ceil(nth / 2), idtabela: (nth % 2) + 1 }),
};

const TWO_HOURS_MS = 2 * 3_600_000;

/** The nth record of an object, from 1: two hours after the one before, counted from a day on. */
export function numberedRecord(object: StruckObject, nth: number, day: string): CvdwRecord {
  const instant = new Date(Date.parse(`${day}T00:00:00Z`) + nth * TWO_HOURS_MS);
  const date = instant.toISOString().slice(0, 19).replace("T", " ");
  const referencia = Object.values(keyOf[object](nth)).join("_");
  return {
    ...keyOf[object](nth),
    referencia,
    referencia_data: date,
    data_cad: date,
    descricao: `Registro nº ${nth}`,
    valor: nth * 1000.25,
    ativo: "S",
  };
}

/** One cell of the matrix. */
export type FaultCase = {
  readonly conta: string;
  readonly object: StruckObject;
  readonly fault: Fault;
  readonly place: (typeof places)[number];
  readonly repetition: keyof typeof repetitions;
};

/**
 * Every fault × place × repetition of the first object; of the others every fault at one place, another
 * one for each.
 */
export function faultCases(): readonly FaultCase[] {
  const cells = struckObjects.flatMap((struck, nth) =>
    faults.flatMap((fault, row) =>
      places
        .filter((_, column) => nth === 0 || column === (row + nth) % places.length)
        .flatMap((place) =>
          (["once", "always"] as const).map((repetition) => {
            return { object: struck, fault, place, repetition };
          }),
        ),
    ),
  );
  return cells.map((cell, index) => ({ ...cell, conta: `caso-${index + 1}` }));
}
