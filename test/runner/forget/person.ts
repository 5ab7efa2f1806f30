import type { Pool } from "pg";
import type { Account } from "../../../emulator/account.ts";

/** A made-up client who stands in many records of an account, written in many ways. */
export const zuleide = {
  nome: "Zuleide Ferraz Quintão",
  documento: "01234567890",
  email: "zuleide.quintao@example.com",
  telefone: "(47) 98877-6655",
} as const;

/** Somebody else in the same sale, with the same telephone. */
export const benicio = { nome: "Benício Prado", documento: "52998224725" } as const;

/** Every way in which a trace of the person could be written. */
export const values = [
  "Zuleide Ferraz Quintão",
  "ZULEIDE FERRAZ",
  "Quint&atilde;o",
  "012.345.678-90",
  "1234567890",
  "zuleide.quintao@example.com",
  "98877-6655",
  "Rua das Acácias, 77",
];

/** Puts the person into a sale of the account and everything about it. Gives the sale's id. */
export function addPerson(account: Account): number {
  const sale = [...account.records("reservas")].find(({ ativo, data_venda }) => {
    return ativo === "S" && typeof data_venda === "string" && data_venda > "2000";
  });
  const idreserva = Number(sale?.idreserva);
  const now = "2026-01-02 10:00:00";
  account.edit("reservas", idreserva, {
    cliente: zuleide.nome,
    documento_cliente: "012.345.678-90",
    email: zuleide.email,
    renda: "9100.00",
    idcliente: 7001,
    idlead: "8001,8002",
    idprecadastro: 8101,
    campos_adicionais: [
      { referencia: "x1", nome: "Endereço", valor: "Rua das Acácias, 77" },
      { referencia: "x2", nome: "Contato", valor: `falar com ${zuleide.nome}` },
    ],
  });
  const add = (object: string, record: Parameters<Account["insert"]>[1]) =>
    account.insert(object, { referencia: "r", referencia_data: now, ...record });
  for (const comissao of account.records("comissoes")) {
    if (comissao.idreserva === idreserva) {
      account.edit("comissoes", Number(comissao.idcomissao), { cliente: "ZULEIDE FERRAZ QUINTAO" });
    }
  }
  for (const unidade of account.records("unidades")) {
    if (String(unidade.idunidade) === String(sale?.idunidade)) {
      account.edit("unidades", Number(unidade.idunidade), {
        situacao_vendida: String(idreserva),
        situacao_nome: "Zuleide Ferraz Quint&atilde;o",
      });
    }
  }
  add("repasses", {
    idrepasse: 9001,
    reserva: idreserva,
    // As a number it loses its leading zero.
    documento_cliente: 1234567890,
    cliente: zuleide.nome,
    valor_previsto: 1000.5,
    saldo_devedor: 98765432109.25,
  });
  add("leads", {
    idlead: 8001,
    nome: zuleide.nome,
    email: zuleide.email,
    telefone: "47988776655",
    feedback: "quer ver o decorado",
  });
  add("leads", {
    idlead: 8002,
    nome: "Zuleide F. Quintão",
    email: null,
    telefone: zuleide.telefone,
  });
  add("leads_interacoes", {
    idinteracao: 8201,
    idlead: 8002,
    descricao: "ligou de (47) 98877-6655",
  });
  add("precadastros", { idprecadastro: 8101, idpessoa: 8301, pessoa: zuleide.nome });
  add("pessoas", {
    idpessoa: 8301,
    nome: zuleide.nome,
    documento: zuleide.documento,
    logradouro: "Rua das Acácias, 77",
  });
  add("pessoas_contatos", { idpessoa: 8301, email: zuleide.email, celular: zuleide.telefone });
  add("atendimentos", {
    idatendimento: 8401,
    idlead: "8001",
    cliente: zuleide.nome,
    assunto: "Zuleide Ferraz pede as chaves",
    protocolo: "P-1",
    ativo: "S",
  });
  add("reservas_associados", {
    idassociado: 8501,
    idreserva,
    nome: zuleide.nome,
    documento: 1234567890,
  });
  add("reservas_associados", { idassociado: 8502, idreserva, ...benicio });
  account.edit("vendas", idreserva, {
    cliente: zuleide.nome,
    documento_cliente: zuleide.documento,
    associados: [
      { nome: benicio.nome, documento: benicio.documento },
      { nome: zuleide.nome, documento: zuleide.documento },
    ],
  });
  add("campos_adicionais", {
    referencia: "c1",
    funcionalidade: "reservas",
    idfuncionalidade: idreserva,
    valor: "Rua das Acácias, 77",
  });
  // Somebody else's record that names the person among other things.
  add("simulacoes", {
    idsimulacao: 8601,
    observacoes: "com o cônjuge, CPF 012.345.678-90",
    renda_familiar: "1",
  });
  return idreserva;
}

/** Rows of every table of the database that hold a text, in whatever column. */
export async function searchEverything(
  pool: Pool,
  texts: readonly string[],
): Promise<Readonly<Record<string, number>>> {
  const { rows: tables } = await pool.query<{ name: string }>(`
    select format('%I.%I', nspname, relname) as name
    from pg_class
    inner join pg_namespace on pg_namespace.oid = relnamespace
    where relkind in ('r', 'm') and nspname !~ '^pg_' and nspname <> 'information_schema'`);
  const patterns = texts.flatMap((text) => [
    `%${text}%`,
    // What stands in a bytea is shown as digits.
    `%${Buffer.from(text).toString("hex")}%`,
  ]);
  const found: Record<string, number> = {};
  for (const { name } of tables) {
    const { rows } = await pool.query<{ n: number }>(
      `select count(*)::int as n from ${name} as row where row::text ilike any ($1::text[])`,
      [patterns],
    );
    const n = rows[0]?.n ?? 0;
    if (n > 0) found[name] = n;
  }
  return found;
}
