import { toCount, toDay, toInteger, toMoment, toMoney, toText } from "./casts.ts";
import { fitting, type Hundredths, sum } from "./decimal.ts";
import { groupBy } from "./group.ts";
import { type Classe, classOf, forcedReading, type Mappings } from "./mappings.ts";
import type { Reserva, SourceAccount, Venda } from "./reservas.ts";

/** Does a payment row's `valor` name one instalment, or the whole row? */
export type Leitura = "parcela" | "total";

/** A payment row as the source shows it. */
type Payment = {
  readonly id: bigint;
  readonly reservaId: bigint | null;
  readonly serie: string | null;
  readonly classe: Classe;
  readonly ativo: string | null;
  readonly quantidade: bigint | null;
  readonly valor: Hundredths | null;
  readonly valorComJuros: Hundredths | null;
  readonly portador: string | null;
  readonly indexador: string | null;
  readonly vencimento: string | null;
  readonly atualizadoEm: string | null;
};

/** A payment row under its account's reading. */
export type Condicao = Payment & { readonly valorTotal: Hundredths | null };

/** What the payment rows of one reservation add up to. */
export type Valores = {
  readonly entrada: Hundredths;
  readonly parcelas: Hundredths;
  /** Its rows, else the reservation's own field. */
  readonly financiamento: Hundredths;
  readonly fgts: Hundredths;
  readonly subsidio: Hundredths;
  readonly foraDoPreco: Hundredths;
  readonly naoClassificado: Hundredths;
  readonly numeroParcelas: bigint;
  readonly prosoluto: Hundredths;
  readonly prosolutoOrigem: "condicoes" | "diferenca";
};

const priced: readonly Classe[] = ["entrada", "parcelas", "financiamento", "fgts", "subsidio"];
const FEWEST_SALES = 20;

/** An account's payment rows and how their values are read. */
export function readCondicoes(
  account: SourceAccount,
  vendas: readonly Venda[],
  mappings: Mappings,
): { readonly condicoes: readonly Condicao[]; readonly leitura: Leitura } {
  const { conta } = account;
  const payments = [...account.records("reservas_condicoes")].flatMap((record): Payment[] => {
    const id = toInteger(record.idreservascondicoes);
    if (id === null) return [];
    const serie = toText(record.serie);
    return [
      {
        id,
        reservaId: toInteger(record.idreserva),
        serie,
        classe: classOf(mappings, conta, serie),
        ativo: toText(record.ativo),
        quantidade: toCount(record.parcela_quantidade),
        valor: toMoney(record.valor),
        valorComJuros: toMoney(record.valor_com_juros),
        portador: toText(record.portador),
        indexador: toText(record.indexador),
        vencimento: toDay(record.vencimento),
        atualizadoEm: toMoment(record.data_modificacao) ?? toMoment(record.referencia_data),
      },
    ];
  });
  const forced = forcedReading(mappings, conta);
  const leitura =
    forced === "parcela" || forced === "total" ? forced : likelierReading(payments, vendas);
  return {
    leitura,
    condicoes: payments.map((payment) => ({ ...payment, valorTotal: totalOf(payment, leitura) })),
  };
}

/** The reading under which the priced rows come closer to the contracts. */
function likelierReading(payments: readonly Payment[], vendas: readonly Venda[]): Leitura {
  const rows = groupBy(
    payments.filter((row) => row.ativo === "S" && priced.includes(row.classe)),
    (row) => row.reservaId,
  );
  let sales = 0;
  const off = { parcela: 0n, total: 0n };
  for (const { id, valorContrato } of vendas) {
    const mine = rows.get(id);
    if (mine === undefined || valorContrato === null || valorContrato <= 0n) continue;
    sales++;
    for (const leitura of ["parcela", "total"] as const) {
      const difference = sum(mine.map((row) => productOf(row, leitura))) - valorContrato;
      off[leitura] += difference < 0n ? -difference : difference;
    }
  }
  return sales >= FEWEST_SALES && off.parcela < off.total ? "parcela" : "total";
}

function totalOf(payment: Payment, leitura: Leitura): Hundredths | null {
  const total = productOf(payment, leitura);
  return total === null ? null : fitting(total, 15);
}

function productOf({ valor, quantidade }: Payment, leitura: Leitura): Hundredths | null {
  return valor === null || leitura === "total" ? valor : valor * (quantidade ?? 1n);
}

/** Sums by class for one reservation; only active rows count. */
export function sumPayments(reserva: Reserva, condicoes: readonly Condicao[]): Valores {
  const active = condicoes.filter((row) => row.ativo === "S");
  const rowsOf = (...classes: Classe[]) => active.filter((row) => classes.includes(row.classe));
  const total = (classe: Classe) => sum(rowsOf(classe).map((row) => row.valorTotal));
  const totalOrOwn = (classe: Classe, own: Hundredths | null) =>
    rowsOf(classe).length > 0 ? total(classe) : (own ?? 0n);
  const financiamento = totalOrOwn("financiamento", reserva.financiamento);
  const fgts = totalOrOwn("fgts", reserva.fgts);
  const subsidio = totalOrOwn("subsidio", reserva.subsidio);
  const parcelas = total("parcelas");
  const difference = (reserva.valor ?? 0n) - financiamento - subsidio - fgts;
  return {
    entrada: total("entrada"),
    parcelas,
    financiamento,
    fgts,
    subsidio,
    foraDoPreco: total("fora_do_preco"),
    naoClassificado: total("nao_classificada"),
    numeroParcelas: rowsOf("entrada", "parcelas").reduce(
      (count, row) => count + (row.quantidade ?? 0n),
      0n,
    ),
    ...(active.length > 0
      ? { prosoluto: parcelas, prosolutoOrigem: "condicoes" }
      : { prosoluto: difference > 0n ? difference : 0n, prosolutoOrigem: "diferenca" }),
  };
}
