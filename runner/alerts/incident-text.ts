import { exitCodes } from "../command.ts";
import { formatDecimal, formatInstant, plural } from "./brazilian-text.ts";
import type { Incident, IncidentDetails } from "./incident.ts";

/** An incident as a person reads it, in Portuguese. */
export type IncidentText = {
  /** Fits into a subject: `reservas não chegou inteiro`. */
  readonly title: string;
  /** The same when it is over: `reservas voltou a chegar inteiro`. */
  readonly recovered: string;
  readonly happened: string;
  readonly whatToDo: string;
};

const NOTHING_PUBLISHED =
  "Nada foi publicado: painéis e relatórios continuam com os dados da publicação anterior.";

/** Says what an incident is, what it means and what to do about it. */
export function incidentText(incident: Incident): IncidentText {
  const { subject } = incident;
  switch (incident.kind) {
    case "run-failed":
      return {
        recovered: "A carga voltou a funcionar",
        ...runFailedText(incident.details),
      };
    case "tests-failing": {
      const { model, test, failures, place } = incident.details;
      const rows = plural(failures, "linha falha", "linhas falham");
      return {
        title: `Teste falhou: ${model}, ${test}`,
        recovered: `Teste voltou a passar: ${model}, ${test}`,
        happened: `${rows} no teste ${test} de ${model}. ${NOTHING_PUBLISHED}`,
        whatToDo: `npm run elt -- test mostra linhas que falham${place === null ? "" : `; o teste está em ${place}`}. Corrija o registro no CV ou o modelo; a próxima carga tenta de novo.`,
      };
    }
    case "stale-data":
      return {
        title: subject === "" ? "Os dados estão desatualizados" : `${subject} está desatualizado`,
        recovered:
          subject === "" ? "Os dados estão em dia de novo" : `${subject} está em dia de novo`,
        ...staleText(subject, incident.details),
      };
    case "object-failed":
      return {
        title: `${subject}: ${faultTexts[incident.details.fault].title}`,
        recovered: `${subject} voltou a chegar inteiro`,
        happened: `${faultTexts[incident.details.fault].happened} O que chegou foi carregado e publicado; o resto de ${subject} está como na última leitura completa.`,
        whatToDo: faultTexts[incident.details.fault].whatToDo,
      };
    case "mass-removal":
      return {
        title: `${subject}: muitos registros sumiram de uma vez`,
        recovered: `${subject}: os registros voltaram, ou sua remoção foi aceita`,
        happened: `Mais de um quinto dos registros de ${subject} não veio mais. Nenhum foi removido, porque assim costuma parecer uma permissão perdida.`,
        whatToDo: `Confira no CV se os registros existem e se o usuário do token os vê. Se foram mesmo apagados: npm run elt -- extract ${subject} --full --allow-mass-removal.`,
      };
    case "quarantine": {
      const { records } = incident.details;
      const what = plural(records, "registro", "registros");
      const [could, came, lack] =
        records === 1 ? ["pôde", "veio", "falta"] : ["puderam", "vieram", "faltam"];
      return {
        title: `${subject}: ${what} em quarentena`,
        recovered: `${subject}: a quarentena está vazia`,
        happened: `${what} de ${subject} não ${could} ser carregado${records === 1 ? "" : "s"} como ${came} do CV e ${lack} nos painéis. O texto original está guardado.`,
        whatToDo:
          "npm run elt -- quarantine mostra o motivo de cada um. Corrija no CV, e a próxima carga os traz; npm run elt -- quarantine retry tenta de novo o que está guardado.",
      };
    }
    case "drift":
      return {
        title: `${subject}: os campos do CV mudaram`,
        recovered: "",
        happened: `${driftText(incident.details)} A carga seguiu normalmente; nada do que veio se perdeu.`,
        whatToDo: "npm run elt -- drift mostra cada campo, quem o lê e as linhas para incluí-lo.",
      };
    case "kpi-moved": {
      const { kpi, before, after, thresholdPercent, published } = incident.details;
      return {
        title: `${kpi} mudou além do limite`,
        recovered: `${kpi} não retém mais as publicações`,
        happened: `${kpi} ${published ? "foi" : "iria"} de ${formatDecimal(before)} para ${formatDecimal(after)}, além do limite de ${thresholdPercent.replace(".", ",")} %. ${published ? "A publicação foi feita." : NOTHING_PUBLISHED}`,
        whatToDo:
          "npm run elt -- plan mostra o que muda. Corrija o que está errado (mapeamento, modelo ou registro no CV) ou, se os números estão certos, aceite-os: npm run elt -- status mostra o comando.",
      };
    }
    case "database-lost":
      return {
        title: "O banco de dados não responde",
        recovered: "O banco de dados voltou a responder",
        happened: "As cargas esperam por ele; painel e relatórios podem estar fora do ar.",
        whatToDo:
          "Veja se o PostgreSQL está no ar e alcançável a partir desta máquina. As cargas continuam sozinhas quando ele voltar.",
      };
    case "digest":
      return { title: "", recovered: "", happened: "", whatToDo: "" };
  }
}

function runFailedText({
  exitCode,
  runId,
  places,
}: IncidentDetails["run-failed"]): Omit<IncidentText, "recovered"> {
  const run = runId === null ? "A carga" : `A carga ${runId}`;
  switch (exitCode) {
    case exitCodes.modelFailed:
      return {
        title: "Um modelo falhou e nada foi publicado",
        happened: `${run} parou${places.length === 0 ? "" : ` em ${places.join(", ")}`}. ${NOTHING_PUBLISHED}`,
        whatToDo:
          "npm run elt -- status mostra o motivo e npm run elt -- check todos os problemas dos modelos. Depois de corrigir: npm run elt -- retry.",
      };
    case exitCodes.configuration:
      return {
        title: "O CV recusou as credenciais",
        happened: `${run} não leu nenhum objeto: o CV respondeu 401 a todos. ${NOTHING_PUBLISHED}`,
        whatToDo:
          "Confira CVCRM_ACCOUNT, CVCRM_API_EMAIL e CVCRM_API_TOKEN, e peça a um administrador do CV que confirme o token e o acesso ao CVDW.",
      };
    case exitCodes.infrastructure:
      return {
        title: "O banco de dados interrompeu a carga",
        happened: `${run} perdeu o banco de dados, ou ele recusou o trabalho. ${NOTHING_PUBLISHED}`,
        whatToDo:
          "Veja se o PostgreSQL está no ar e se há espaço em disco; npm run elt -- status mostra o motivo. A próxima carga continua de onde esta parou.",
      };
    default:
      return {
        title: "A carga terminou com um erro do programa",
        happened: `${run} terminou de um modo que ninguém previu (código ${exitCode}). ${NOTHING_PUBLISHED}`,
        whatToDo:
          "npm run elt -- status mostra o erro. Envie-o, sem dados de clientes, a quem mantém o programa.",
      };
  }
}

function staleText(
  object: string,
  { since, lacks }: IncidentDetails["stale-data"],
): Pick<IncidentText, "happened" | "whatToDo"> {
  const last = formatInstant(new Date(since));
  const what = object === "" ? "Nenhum objeto" : `O objeto ${object} não`;
  return {
    happened:
      lacks === "publication"
        ? `A última publicação é de ${last}.`
        : `${what} foi lido até o fim desde ${last}: o que se publica não traz nada de novo.`,
    whatToDo:
      "npm run elt -- status mostra as últimas cargas. Veja se as cargas agendadas rodam (elt worker ou cron) e por que não terminam.",
  };
}

type FaultText = Pick<IncidentText, "title" | "happened" | "whatToDo">;

const COMES_BACK =
  "Costuma passar sozinho: a próxima carga continua de onde esta parou. Se durar, avise o suporte do CV.";

const faultTexts: Readonly<Record<IncidentDetails["object-failed"]["fault"], FaultText>> = {
  unauthorized: {
    title: "sem permissão no CV (401)",
    happened: "O CV respondeu 401: o usuário do token não tem permissão para este objeto.",
    whatToDo:
      "Peça a um administrador do CV que dê a permissão, ou deixe o objeto fora da extração.",
  },
  forbidden: {
    title: "sem acesso ao CVDW (403)",
    happened: "O CV respondeu 403: o perfil do usuário do token não tem acesso ao CVDW.",
    whatToDo: "Peça a um administrador do CV que habilite o CVDW no perfil do usuário.",
  },
  "unknown-path": {
    title: "não existe nesta conta (404 ou 405)",
    happened: "O CV respondeu que este objeto não existe no CVDW desta conta (404 ou 405).",
    whatToDo:
      "Confira CVCRM_ACCOUNT e CVCRM_API_URL. Se só este objeto falha, pergunte ao suporte do CV se ele está disponível na conta.",
  },
  refused: {
    title: "o CV recusou o pedido",
    happened: "O CV recusou o pedido por este objeto.",
    whatToDo: "npm run elt -- status mostra a resposta. Se durar, avise o suporte do CV.",
  },
  "rate-limited": {
    title: "limite de pedidos do CV atingido (429)",
    happened: "O CV respondeu várias vezes que houve pedidos demais (429).",
    whatToDo: "Diminua CVCRM_RATE_LIMIT se outro programa usa a mesma conta.",
  },
  server: {
    title: "falha no CV",
    happened: "O CV respondeu com um erro dele, também ao tentar de novo.",
    whatToDo: COMES_BACK,
  },
  network: {
    title: "o CV não respondeu",
    happened: "Não houve resposta completa do CV, também ao tentar de novo.",
    whatToDo: `Veja a rede desta máquina e CVCRM_API_URL. ${COMES_BACK}`,
  },
  timeout: {
    title: "o CV demorou demais",
    happened: "O CV demorou demais para responder, também com páginas menores.",
    whatToDo: COMES_BACK,
  },
  "too-large": {
    title: "resposta grande demais do CV",
    happened: "A resposta do CV não tinha fim razoável, também com páginas menores.",
    whatToDo: COMES_BACK,
  },
  malformed: {
    title: "resposta ilegível do CV",
    happened: "A resposta do CV não é uma página do CVDW, também ao tentar de novo.",
    whatToDo: COMES_BACK,
  },
  empty: {
    title: "o CV respondeu sem registros",
    happened: "O CV respondeu sem registros onde havia registros.",
    whatToDo:
      "Confira no CV se os registros existem e se o usuário do token os vê. npm run elt -- status diz como aceitar que se foram.",
  },
  unproven: {
    title: "a contagem não confere",
    happened: "Foram lidos outros tantos registros do que o CV conta, também ao ler de novo.",
    whatToDo:
      "A próxima carga lê tudo de novo. Se durar dias, procure no CV registros com a mesma chave (npm run elt -- status).",
  },
};

const changeNames = {
  new: "novos",
  returned: "de volta",
  vanished: "sumiram",
  retyped: "mudaram de tipo",
} as const;
const MOST_FIELDS = 8;

function driftText({ fields }: IncidentDetails["drift"]): string {
  const parts = (Object.keys(changeNames) as (keyof typeof changeNames)[]).flatMap((change) => {
    const names = fields.filter((field) => field.change === change).map(({ field }) => field);
    const more = names.length > MOST_FIELDS ? ` e mais ${names.length - MOST_FIELDS}` : "";
    const shown = `${names.slice(0, MOST_FIELDS).join(", ")}${more}`;
    return names.length === 0 ? [] : [`${changeNames[change]}: ${shown}`];
  });
  return `Campos ${parts.join("; ")}.`;
}
