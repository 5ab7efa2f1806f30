import type { CvdwRecord } from "../../emulator/record.ts";
import { toDay, toId, toInteger, toMoment, toMoney, toText } from "./casts.ts";
import { type Hundredths, sum } from "./decimal.ts";
import { type Mappings, mappedTeam, stageOf } from "./mappings.ts";

/** One account's records, object by object, as pages of the source show them. */
export type SourceAccount = {
  readonly conta: string;
  readonly records: (object: string) => Iterable<CvdwRecord>;
};

/** A reservation, cast and mapped. */
export type Reserva = {
  readonly conta: string;
  readonly id: bigint;
  readonly empreendimentoId: bigint | null;
  readonly empreendimento: string | null;
  readonly etapa: string | null;
  readonly bloco: string | null;
  readonly unidadeId: bigint | null;
  readonly unidade: string | null;
  readonly corretorId: bigint | null;
  readonly corretor: string | null;
  readonly imobiliariaId: bigint | null;
  readonly imobiliaria: string | null;
  readonly time: string | null;
  readonly clienteId: bigint | null;
  readonly cliente: string | null;
  readonly cidade: string | null;
  readonly situacao: string | null;
  readonly estagio: string | null;
  readonly ativo: string | null;
  readonly ehVenda: boolean;
  readonly valorContrato: Hundredths | null;
  /** Contract value, or the reservation's own financing where the source forgot it. */
  readonly valor: Hundredths | null;
  readonly valorProposta: Hundredths | null;
  readonly vgvTabela: Hundredths | null;
  readonly financiamento: Hundredths | null;
  readonly subsidio: Hundredths | null;
  readonly fgts: Hundredths | null;
  readonly tipoVenda: string | null;
  readonly midia: string | null;
  readonly campanha: string | null;
  readonly motivoCancelamento: string | null;
  readonly dataVenda: string | null;
  readonly dataReserva: string | null;
  readonly dataCancelamento: string | null;
  readonly vencimento: string | null;
  readonly atualizadoEm: string | null;
};

/** A standing sale: its date is real. */
export type Venda = Reserva & { readonly ehVenda: true; readonly dataVenda: string };

/** Every reservation of an account. */
export function readReservas(account: SourceAccount, mappings: Mappings): readonly Reserva[] {
  return [...account.records("reservas")].flatMap((record) => {
    const id = toInteger(record.idreserva);
    return id === null ? [] : [readReserva(account.conta, id, record, mappings)];
  });
}

/** Those that are standing sales, future-dated ones included. */
export function standingSales(reservas: readonly Reserva[]): readonly Venda[] {
  return reservas.filter(isVenda);
}

function isVenda(reserva: Reserva): reserva is Venda {
  return reserva.ehVenda;
}

function readReserva(conta: string, id: bigint, record: CvdwRecord, mappings: Mappings): Reserva {
  const situacao = toText(record.situacao);
  const estagio = stageOf(mappings, conta, situacao);
  const ativo = toText(record.ativo);
  const dataVenda = toDay(record.data_venda);
  const undone = estagio === "distrato" || estagio === "cancelada";
  const corretorId = toId(record.idcorretor);
  const valorContrato = toMoney(record.valor_contrato);
  const financiamento = toMoney(record.valor_financiamento);
  const subsidio = toMoney(record.valor_subsidio);
  const fgts = toMoney(record.valor_fgts);
  const own = sum([financiamento, subsidio, fgts]);
  const forgotten = (valorContrato ?? 0n) === 0n && own !== 0n;
  return {
    conta,
    id,
    empreendimentoId: toId(record.idempreendimento),
    empreendimento: toText(record.empreendimento),
    etapa: toText(record.etapa),
    bloco: toText(record.bloco),
    unidadeId: toId(record.idunidade),
    unidade: toText(record.unidade),
    corretorId,
    corretor: toText(record.corretor),
    imobiliariaId: toId(record.idimobiliaria),
    imobiliaria: toText(record.imobiliaria),
    time:
      (corretorId === null ? null : mappedTeam(mappings, conta, corretorId)) ??
      toText(record.nome_time) ??
      toText(record.time),
    clienteId: toId(record.idcliente),
    cliente: toText(record.cliente),
    cidade: toText(record.cidade),
    situacao,
    estagio,
    ativo,
    ehVenda: ativo === "S" && dataVenda !== null && !undone,
    valorContrato,
    valor: forgotten ? own : valorContrato,
    valorProposta: toMoney(record.valor_proposta),
    vgvTabela: toMoney(record.vgv_tabela),
    financiamento,
    subsidio,
    fgts,
    tipoVenda: toText(record.tipovenda),
    midia: toText(record.midia),
    campanha: toText(record.campanha),
    motivoCancelamento: toText(record.motivo_cancelamento),
    dataVenda,
    dataReserva: toMoment(record.data_cad),
    dataCancelamento: toMoment(record.data_cancelamento),
    vencimento: toMoment(record.vencimento),
    atualizadoEm: toMoment(record.data_modificacao) ?? toMoment(record.referencia_data),
  };
}
