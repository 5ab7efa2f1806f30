import type { AccountFacts } from "../account.ts";
import { type OracleRelation, row } from "../relation.ts";
import { porCorretor, porEmpreendimento, porTime } from "./sales-by-group.ts";
import { anoAtualVsPassado, mensais } from "./sales-by-time.ts";
import { tabelaGeral } from "./sales-table.ts";
import { ground } from "./view.ts";
import { prosolutoAnalise, vsoMensal } from "./vso-prosoluto.ts";

/** The eight views of some accounts as of a day. Accounts without reservations have no rows. */
export function expectedViews(
  accounts: readonly AccountFacts[],
  hoje: string,
): readonly OracleRelation[] {
  const grounds = accounts
    .filter((facts) => facts.reservas.length > 0)
    .map((facts) => ground(facts, hoje));
  return [
    anoAtualVsPassado,
    mensais,
    porEmpreendimento,
    porCorretor,
    porTime,
    vsoMensal,
    prosolutoAnalise,
    tabelaGeral,
  ].map((view) => {
    const { name, key, columns, rowsOf } = view;
    const rows = grounds.flatMap((each) =>
      rowsOf(each).map((cells) => row({ ...cells, conta: each.facts.conta })),
    );
    return { name, key: [...key, "conta"], columns: { ...columns, conta: "text" }, rows };
  });
}
