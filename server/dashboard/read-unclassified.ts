import { sql } from "../../extract/query.ts";
import type { Snapshot } from "../read-published.ts";
import type { Filters } from "./filters.ts";
import { selectRecords } from "./records.ts";
import { accountCondition } from "./sales-scope.ts";

export type UnclassifiedKind = "serie" | "situacao" | "corretor_sem_time";

/** Texts of one kind that no mapping knows. */
export type Unclassified = {
  readonly tipo: UnclassifiedKind;
  /** How many texts there are, in how many rows. */
  readonly textos: number;
  readonly linhas: number;
  /** Those with most rows. */
  readonly maiores: readonly {
    readonly conta: string;
    readonly texto: string;
    readonly linhas: number;
    readonly valor: number;
  }[];
};

const shownTexts = 6;
const kinds: readonly UnclassifiedKind[] = ["serie", "situacao", "corretor_sem_time"];

/** What no mapping knows, in an order of their own; kinds without any are left out. */
export async function readUnclassified(
  snapshot: Snapshot,
  filters: Pick<Filters, "conta">,
): Promise<readonly Unclassified[]> {
  const rows = await selectRecords(
    snapshot,
    sql`
      select
          tipo,
          conta,
          texto,
          linhas,
          valor,
          count(*) over (partition by tipo) as textos,
          sum(linhas) over (partition by tipo) as de_todos,
          row_number() over (partition by tipo order by linhas desc, conta, texto) as lugar
      from marts.nao_classificados
      where ${accountCondition(filters)}
      order by tipo, lugar`,
  );
  return kinds.flatMap((tipo) => {
    const mine = rows.filter((row) => row.text("tipo") === tipo);
    const [first] = mine;
    if (first === undefined) return [];
    return {
      tipo,
      textos: first.number("textos"),
      linhas: first.number("de_todos"),
      maiores: mine.slice(0, shownTexts).map((row) => ({
        conta: row.text("conta"),
        texto: row.text("texto"),
        linhas: row.number("linhas"),
        valor: row.number("valor"),
      })),
    };
  });
}
