import type { Seed } from "../../runner/models/seed.ts";

/** A row of a mapping; `cliente` rows are a customer's own and come before the shipped ones. */
export type MappingRow = {
  readonly conta: string;
  readonly origem: "padrao" | "cliente";
  /** What is looked up: a prefix, a text, an id; '' where the mapping is of the account. */
  readonly from: string;
  readonly to: string;
};

export type Mappings = {
  readonly series: readonly MappingRow[];
  readonly situacoes: readonly MappingRow[];
  readonly times: readonly MappingRow[];
  readonly leitura: readonly MappingRow[];
};

export type Classe =
  | "entrada"
  | "parcelas"
  | "financiamento"
  | "fgts"
  | "subsidio"
  | "fora_do_preco"
  | "nao_classificada";

const classes: readonly string[] = [
  "entrada",
  "parcelas",
  "financiamento",
  "fgts",
  "subsidio",
  "fora_do_preco",
] satisfies readonly Classe[];

/** The rows of the mappings that models/seeds keeps. */
export function readMappings(seeds: readonly Seed[]): Mappings {
  const rowsOf = (relation: string, from: string | undefined, to: string): MappingRow[] => {
    const seed = seeds.find((candidate) => candidate.relation === relation);
    const cell = (row: readonly (string | null)[], column: string | undefined) =>
      (column === undefined ? "" : row[seed?.columns.indexOf(column) ?? -1]) ?? "";
    const read = (seed?.rows ?? []).map(
      (row): MappingRow => ({
        conta: cell(row, "conta"),
        origem: cell(row, "origem") === "cliente" ? "cliente" : "padrao",
        from: cell(row, from),
        to: cell(row, to),
      }),
    );
    // A row that says nothing maps nothing.
    return read.filter((row) => row.to.trim() !== "");
  };
  return {
    series: rowsOf("series", "prefixo", "classe"),
    situacoes: rowsOf("situacoes", "situacao", "estagio"),
    times: rowsOf("times", "corretor_id", "time"),
    leitura: rowsOf("leitura_condicoes", undefined, "leitura"),
  };
}

/** Lower case, no accents, single blanks, trimmed. */
export function fold(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/\s+/g, " ").trim();
}

/** The class of a payment row's `serie`. */
export function classOf(mappings: Mappings, conta: string, serie: string | null): Classe {
  const found = lookUp(mappings.series, conta, (row) =>
    startsAtWord(fold(serie ?? ""), fold(row.from)),
  );
  return isClasse(found) ? found : "nao_classificada";
}

/** The stage of a `situacao`: distrato, cancelada, or null. */
export function stageOf(mappings: Mappings, conta: string, situacao: string | null): string | null {
  return (
    lookUp(mappings.situacoes, conta, (row) => fold(row.from) === fold(situacao ?? "")) ?? null
  );
}

/** The team that the customer gave a broker. */
export function mappedTeam(mappings: Mappings, conta: string, corretorId: bigint): string | null {
  return lookUp(mappings.times, conta, (row) => row.from === `${corretorId}`) ?? null;
}

/** The reading of payment rows that the customer forces. */
export function forcedReading(mappings: Mappings, conta: string): string | null {
  return lookUp(mappings.leitura, conta, () => true) ?? null;
}

/** Own account, own `*`, shipped; within each the longest match. */
function lookUp(
  rows: readonly MappingRow[],
  conta: string,
  matches: (row: MappingRow) => boolean,
): string | undefined {
  const ranks = [
    (row: MappingRow) => row.origem === "cliente" && row.conta === conta,
    (row: MappingRow) => row.origem === "cliente" && row.conta === "*",
    (row: MappingRow) => row.origem === "padrao" && (row.conta === "*" || row.conta === conta),
  ];
  for (const ofRank of ranks) {
    const found = rows.filter((row) => ofRank(row) && matches(row));
    const [longest] = found.sort((a, b) => fold(b.from).length - fold(a.from).length);
    if (longest !== undefined) return longest.to;
  }
  return undefined;
}

function startsAtWord(text: string, prefix: string): boolean {
  return text.startsWith(prefix) && !/[\p{L}\p{N}]/u.test(text.charAt(prefix.length));
}

function isClasse(name: string | undefined): name is Classe {
  return name !== undefined && classes.includes(name);
}
