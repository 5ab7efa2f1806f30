/** What the program does about a fault, in the words of the operators' guide. */
export const treatments = {
  espera: {
    sistema:
      "para a conta inteira pelo tempo que o `Retry-After` pede (sem ele, 60 s) e pede a página de novo, até 5 vezes",
    fazer:
      "se acontece sempre, outro programa usa a mesma conta: diminua `CVCRM_RATE_LIMIT` ou o ritmo dele",
  },
  repete: {
    sistema: "pede a mesma página de novo, até 5 vezes, cada vez com mais espera",
    fazer:
      "nada, se passou; se continua por horas, abra um chamado no CV CRM com o objeto e a página",
  },
  vazio: {
    sistema: "não acredita: pede a mesma página de novo, até 5 vezes, cada vez com mais espera",
    fazer:
      "nada, se passou; se os registros foram mesmo apagados, o comando da mensagem: `--full --allow-mass-removal`",
  },
  divide: {
    sistema:
      "pede páginas com a metade dos registros, até 10, e essas até 5 vezes; lembra o tamanho e volta ao normal aos poucos",
    fazer: "nada, se passou; se nem 10 registros chegam, abra um chamado no CV CRM",
  },
  confere: {
    sistema:
      "vê que os registros diferentes não dão o total que a fonte informa e lê o objeto de novo, até 3 passagens",
    fazer:
      "nada, se passou: a próxima execução lê de novo; se continua por dias, abra um chamado no CV CRM",
  },
  data: {
    sistema:
      "passa a mandar só a data, de um dia antes, e lembra disso para esse objeto dessa conta",
    fazer: "nada, se passou; se nem a data é aceita, rode o objeto com `--full` e avise o suporte",
  },
  recusa: {
    sistema: "não insiste: pedir de novo não muda a resposta",
    fazer: "dê a permissão no CRM ao usuário do token, ou tire o objeto da extração",
  },
  caminho: {
    sistema: "não insiste: pedir de novo não muda a resposta",
    fazer: "tire o objeto da extração: a CVDW dessa conta não o tem",
  },
  endereco: {
    sistema: "não insiste: pedir de novo não muda a resposta",
    fazer: "confira `CVCRM_ACCOUNT` e `CVCRM_API_URL`",
  },
} as const satisfies { readonly [name: string]: { sistema: string; fazer: string } };
