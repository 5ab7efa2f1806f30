import { findObject } from "./catalogue.ts";

/*
 * Which fields of the source's records are about a person, and which lead from one record to another
 * of the same person. Figures, dates and ids of a sale stay: they are the company's books.
 */

/** Objects that are nothing but a person: all of it goes, but for ids, dates of the record, flags. */
const wholePerson: ReadonlySet<string> = new Set([
  "pessoas",
  "pessoas_bancarios",
  "pessoas_bens_empresa",
  "pessoas_contatos",
  "pessoas_financeiros",
  "pessoas_patrimoniais",
  "pessoas_profissional",
  "pessoas_tag_associadas",
  "corretores",
  "corretores_profissional",
  "correspondentes_usuarios",
]);

/** Fields about the client, and free text about them, where their names do not show it. */
const byObject: Readonly<Record<string, string>> = {
  assistencias: "descricao_localidade descricao_area",
  assistencias_itens: "descricao",
  atendimentos: "assunto descricao tags nome_cliente titulo",
  atendimentos_interacoes: "descricao",
  atendimentos_respostas: "pessoa resposta",
  atendimentos_tarefas: "observacao descricao",
  campanhas_ativacao: "lead_nome",
  campos_adicionais: "valor",
  distribuicao_leads: "lead_nome",
  imobiliarias:
    "nome_favorecido gerente_nome gerente_cpf gerente_telefone gerente_celular gerente_email diretor_nome diretor_cpf diretor_telefone diretor_celular diretor_email observacoes",
  leads:
    "nome renda_familiar score profissao conversao caracteristicas feedback tags descricao_motivo_cancelamento data_nasc sexo idade estado_civil",
  leads_conversoes: "nome conversao",
  leads_infos: "tags conversoes",
  leads_interacoes: "descricao",
  leads_momentos: "nome nome_lead",
  leads_tarefas: "descricao observacao",
  leads_visitas: "descricao observacao",
  pesquisas: "nome resposta",
  pesquisas_respostas: "resposta",
  precadastros:
    "pessoa renda_cliente_principal renda_total observacoes descricao_motivo_reprovacao descricao_motivo_cancelamento",
  reservas:
    "renda sexo idade estado_civil profissao data_nasc espacos_complementares descricao_motivo_cancelamento observacoes",
  reservas_associados: "nome renda_familiar tipo_associacao",
  reservas_campos_adicionais: "valor",
  reservas_contratos: "justificativa _post",
  reservas_historico: "de para",
  simulacoes: "renda_familiar descricao_motivo_reprovacao descricao_motivo_cancelamento",
  unidades: "situacao_nome",
  vendas: "renda sexo idade estado_civil profissao data_nasc nome",
};

const listed: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(byObject).map(([object, names]) => [object, new Set(names.split(" "))]),
);

/** Names that say it themselves, also those of fields that the source adds some day. */
const TELLING =
  /(^|_)(cliente|documento|cpf|cnpj|rg|email|e_mail|telefone|celular|whatsapp|cep|endereco|logradouro)(_|$)/;
/** About somebody or something else, or no value of the person. */
const ABOUT_OTHERS =
  /^(id|data_|flag_|codigo|tipo_|qtd|quantidade|valor_|total_)|corretor|imobiliaria|usuario|gestor|empreendimento|construtora/;
/** Of an object that is a person: what is about the record. */
const ABOUT_THE_RECORD =
  /^(id\w*|referencia|referencia_data|ativo\w*|data_cad|data_modificacao|data_ultima_alteracao|data_sincronizacao|imobiliaria)$/;
/** Of an additional field: its value; the rest names it. */
const ADDITIONAL = /^campos_adicionais/;
const ADDITIONAL_VALUE = /valor|resposta|conteudo|texto/;

/**
 * Whether a field of a person's record goes when the person is forgotten.
 * @param path names from the record's top down to the field
 */
export function isPersonal(object: string, path: readonly string[]): boolean {
  const [top = "", ...below] = path;
  const name = below.at(-1) ?? top;
  if (below.length === 0 && findObject(object)?.key.includes(name)) return false;
  if (wholePerson.has(object)) return !ABOUT_THE_RECORD.test(name);
  if (ADDITIONAL.test(top) && below.length > 0) return ADDITIONAL_VALUE.test(name);
  if (below.length === 0 && listed.get(object)?.has(name)) return true;
  if (below.length > 0 && name === "nome") return true;
  return TELLING.test(name) && !ABOUT_OTHERS.test(name);
}

/** Fields that hold the document of the person whom an object of the JSON is about. */
export const DOCUMENT_FIELD = /^(documento|documento_cliente|documento_pessoa|cpf|cnpj|cpf_cnpj)$/;

/** Fields that hold the person's name. */
export const NAME_FIELD =
  /^(cliente|nome|nome_cliente|cliente_nome|nome_lead|lead_nome|pessoa|pessoa_nome|situacao_nome|razao_social)$/;

/** Fields that hold the person's e-mail address. */
export const EMAIL_FIELD = /^(email|email_cliente|email_lead|lead_email)$/;

export const PHONE_FIELD = /telefone|celular|whatsapp/;

/** Ids of which all records that carry them are about the same client. */
export const clientIds = [
  "idreserva",
  "idlead",
  "idpessoa",
  "idcliente",
  "idprecadastro",
  "idatendimento",
  "idassistencia",
  "idrepasse",
  "idprocesso",
  "idsimulacao",
  "idassociado",
] as const;

/** Records with it are about others too: they name the broker among other things. */
export const BROKER_ID = "idcorretor";

/** Ids that stand for one client, and not for something that may change hands. */
export const ownIds: readonly string[] = ["idcliente", "idpessoa"];

/** What a broker sold: records with it may name the broker without the id. */
export const SALE_ID = "idreserva";

/** Fields of an object that hold such an id under another name. */
export const idAliases: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  repasses: { reserva: "idreserva" },
  unidades: { situacao_vendida: "idreserva", situacao_reservada: "idreserva" },
};

/** The ids that a record gives when it is about the person: not those of other people it names. */
const idsOfOwner: Readonly<Record<string, string>> = {
  reservas: "idreserva idcliente idlead idprecadastro",
  vendas: "idreserva idcliente idlead",
  distratos: "idreserva idcliente",
  repasses: "idrepasse idreserva idcliente idlead",
  leads: "idlead",
  precadastros: "idprecadastro idpessoa idlead",
  processos: "idprocesso idcliente",
  assistencias: "idassistencia idcliente",
  atendimentos: "idatendimento idcliente idlead",
  agendamentos_vistorias: "idcliente",
  reservas_associados: "idassociado idpessoa",
  reservas_registros_flags: "idcliente",
  simulacoes: "idsimulacao",
  pesquisas: "idcliente",
  pessoas: "idpessoa",
  corretores: BROKER_ID,
};

/** The ids that lead on from a record about the person to others about the same one. */
export function ownerIds(object: string): readonly string[] {
  return idsOfOwner[object]?.split(" ") ?? [];
}

/** Of `campos_adicionais`, which name their owner's object: the kind of its id. */
export function idOfFunction(functionality: string): string | undefined {
  const word = functionality.toLowerCase();
  return clientIds.find((id) => word.startsWith(id.slice(2)));
}
