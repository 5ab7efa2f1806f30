/** One object of CVDW that can be landed. */
export type CvdwObject = {
  /** Name in the catalogue, and of its table in schema `landing`. */
  readonly name: string;
  /** Path below the API base. */
  readonly path: string;
  /** Fields that identify a record within one account. */
  readonly key: readonly string[];
  /** The source repeats this key for different records: a hash of the record completes it. */
  readonly keyRepeats?: true;
  /** `referencia_data` is the creation date, so the date filter may never show an edit again. */
  readonly editsHidden?: true;
  /** Landed when no object is named: what the marts need. */
  readonly default?: true;
};

/** Every object of CVDW v1, as consumers of the API and the vendor's documentation know them. */
export const catalogue: readonly CvdwObject[] = [
  { name: "agendamentos_vistorias", path: "/agendamentos/vistorias", key: ["idvistoria"] },
  { name: "assistencias", path: "/assistencias", key: ["idassistencia"] },
  { name: "assistencias_itens", path: "/assistencias/itens", key: ["idassistencia_item"] },
  {
    name: "assistencias_itens_workflow_tempo",
    path: "/assistencias/itens/workflow/tempo",
    key: ["idtempo"],
    editsHidden: true,
  },
  {
    name: "assistencias_visitas_workflow_tempo",
    path: "/assistencias/visitas/workflow/tempo",
    key: ["idtempo"],
    editsHidden: true,
  },
  {
    name: "assistencias_workflow_tempo",
    path: "/assistencias/workflow/tempo",
    key: ["idtempo"],
    editsHidden: true,
  },
  { name: "atendimentos", path: "/atendimentos", key: ["idatendimento"], default: true },
  { name: "atendimentos_interacoes", path: "/atendimentos/interacoes", key: ["idinteracao"] },
  { name: "atendimentos_respostas", path: "/atendimentos/respostas", key: ["idresposta"] },
  { name: "atendimentos_tarefas", path: "/atendimentos/tarefas", key: ["idtarefa_criada"] },
  { name: "atendimentos_times", path: "/atendimentos/times", key: ["idtime"] },
  {
    name: "atendimentos_times_integrantes",
    path: "/atendimentos/times/integrantes",
    key: ["idintegrante"],
  },
  {
    name: "atendimentos_workflow_tempo",
    path: "/atendimentos/workflow/tempo",
    key: ["idtempo"],
    editsHidden: true,
  },
  { name: "campanhas_ativacao", path: "/campanhas_ativacao", key: ["idcampanha_lead"] },
  { name: "campos_adicionais", path: "/campos_adicionais", key: ["referencia"], editsHidden: true },
  { name: "comissoes", path: "/comissoes", key: ["idcomissao"], editsHidden: true, default: true },
  { name: "comissoes_pagamentos", path: "/comissoes/pagamentos", key: ["idpagamento"] },
  {
    name: "comissoes_workflow_tempo",
    path: "/comissoes/workflow/tempo",
    key: ["idtempo"],
    editsHidden: true,
  },
  {
    name: "corretores",
    path: "/corretores",
    key: ["idcorretor"],
    editsHidden: true,
    default: true,
  },
  { name: "corretores_profissional", path: "/corretores", key: ["idcorretor"] },
  { name: "demandas", path: "/demandas", key: ["iddemanda"], editsHidden: true },
  { name: "distratos", path: "/distratos", key: ["idreserva"], default: true },
  { name: "imobiliarias", path: "/imobiliarias", key: ["idimobiliaria"], default: true },
  { name: "leads", path: "/leads", key: ["idlead"] },
  {
    name: "leads_conversoes",
    path: "/leads/conversoes",
    key: ["idlead_conversao"],
    editsHidden: true,
  },
  {
    name: "leads_corretores",
    path: "/leads/corretores",
    key: ["idlead", "idcorretor", "data_cad"],
    keyRepeats: true,
  },
  { name: "leads_ganhos", path: "/leads/ganhos", key: ["idlead_reativacao"] },
  {
    name: "leads_historico_situacoes",
    path: "/leads/historico/situacoes",
    key: ["idhistorico"],
    editsHidden: true,
  },
  { name: "leads_infos", path: "/leads/infos", key: ["idlead"] },
  { name: "leads_interacoes", path: "/leads/interacoes", key: ["idinteracao"], editsHidden: true },
  {
    name: "leads_momentos",
    path: "/leads/momentos",
    key: ["idmomento_lead", "idlead", "data_cad"],
    keyRepeats: true,
  },
  { name: "leads_perdas", path: "/leads/perdas", key: ["idlead_reativacao"] },
  { name: "leads_tarefas", path: "/leads/tarefas", key: ["idtarefa"], editsHidden: true },
  { name: "leads_visitas", path: "/leads/visitas", key: ["idtarefa"], editsHidden: true },
  {
    name: "leads_workflow_tempo",
    path: "/leads/workflow/tempo",
    key: ["idtempo"],
    editsHidden: true,
  },
  { name: "pesquisas", path: "/pesquisas", key: ["referencia"], keyRepeats: true },
  { name: "pesquisas_perguntas", path: "/pesquisas/perguntas", key: ["idpesquisa_pergunta"] },
  { name: "pesquisas_respostas", path: "/pesquisas/respostas", key: ["referencia"] },
  { name: "pessoas", path: "/pessoas", key: ["idpessoa"] },
  { name: "pessoas_bancarios", path: "/pessoas/bancarios", key: ["idpessoa"] },
  {
    name: "pessoas_bens_empresa",
    path: "/pessoas/bens-empresa",
    key: ["idpessoa"],
    keyRepeats: true,
  },
  { name: "pessoas_contatos", path: "/pessoas/contatos", key: ["idpessoa"] },
  { name: "pessoas_financeiros", path: "/pessoas/financeiros", key: ["idpessoa"] },
  { name: "pessoas_patrimoniais", path: "/pessoas/patrimoniais", key: ["idpessoa"] },
  { name: "pessoas_profissional", path: "/pessoas/profissional", key: ["idpessoa"] },
  {
    name: "precadastro_historico_situacoes",
    path: "/precadastro/historico/situacoes",
    key: ["idhistorico"],
    editsHidden: true,
  },
  {
    name: "precadastro_workflow_tempo",
    path: "/precadastro/workflow/tempo",
    key: ["idtempo"],
    editsHidden: true,
  },
  { name: "precadastros", path: "/precadastros", key: ["idprecadastro"] },
  { name: "processos", path: "/processos", key: ["idprocesso"] },
  { name: "repasses", path: "/repasses", key: ["idrepasse"], default: true },
  {
    name: "repasses_historico_situacoes",
    path: "/repasses/historico/situacoes",
    key: ["idhistorico"],
    editsHidden: true,
  },
  { name: "repasses_workflow_tempo", path: "/repasses/workflow/tempo", key: ["idtempo"] },
  { name: "reservas", path: "/reservas", key: ["idreserva"], default: true },
  {
    name: "reservas_associados",
    path: "/reservas/associados",
    key: ["idassociado"],
    editsHidden: true,
  },
  {
    name: "reservas_campos_adicionais",
    path: "/reservas/campos-adicionais",
    key: ["idreserva", "idcampo"],
  },
  { name: "reservas_comissoes", path: "/reservas/comissoes", key: ["id"], editsHidden: true },
  {
    name: "reservas_comissoes_programacao",
    path: "/reservas/comissoes/programacao",
    key: ["idprogramacao"],
  },
  {
    name: "reservas_condicoes",
    path: "/reservas/condicoes",
    key: ["idreservascondicoes"],
    default: true,
  },
  { name: "reservas_contratos", path: "/reservas/contratos", key: ["idreservacontrato"] },
  {
    name: "reservas_coordenador",
    path: "/reservas/coordenador",
    key: ["idreserva_coordenador_produto"],
    editsHidden: true,
  },
  { name: "reservas_historico", path: "/reservas/historico", key: ["idhistorico"] },
  {
    name: "reservas_historico_situacoes",
    path: "/reservas/historico/situacoes",
    key: ["idhistorico"],
    editsHidden: true,
  },
  { name: "reservas_registros_flags", path: "/reservas/registros/flags", key: ["idreserva"] },
  { name: "reservas_sienge", path: "/reservas/sienge", key: ["idsienge_reserva"] },
  { name: "reservas_workflow_tempo", path: "/reservas/workflow/tempo", key: ["idtempo"] },
  { name: "simulacoes", path: "/simulacoes", key: ["idsimulacao"] },
  { name: "unidades", path: "/unidades", key: ["idunidade"], default: true },
  { name: "unidades_precos", path: "/unidades/precos", key: ["idunidade", "idtabela"] },
  { name: "usuarios_administrativos", path: "/usuarios_administrativos", key: ["idusuario"] },
  { name: "vendas", path: "/vendas", key: ["idreserva"] },
  { name: "unidades_situacao", path: "/unidades/situacao", key: ["referencia"] },
  { name: "leads_possibilidade", path: "/leads/possibilidade", key: ["referencia"] },
  { name: "distribuicao_leads", path: "/distribuicao/leads", key: ["id_log"] },
  { name: "pessoas_tag_associadas", path: "/pessoas/tag_associadas", key: ["idpessoa", "idtag"] },
  { name: "correspondentes_usuarios", path: "/correspondentes-usuarios", key: ["idusuario"] },
  { name: "correspondentes_empresas", path: "/correspondentes-empresas", key: ["idempresa"] },
];

const byName = new Map(catalogue.map((object) => [object.name, object]));

/** The catalogue entry of that name, or undefined. */
export function findObject(name: string): CvdwObject | undefined {
  return byName.get(name);
}

/** The objects landed when a run names none. */
export const defaultObjects: readonly CvdwObject[] = catalogue.filter((object) => object.default);
