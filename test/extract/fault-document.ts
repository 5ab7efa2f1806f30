import { type Fault, faultCases, faults, struckObjects } from "./fault-cases.ts";
import { treatments } from "./fault-treatments.ts";

/** The operators' guide to what the source does wrong: the cases of the matrix, in words. */
export function faultDocument(): string {
  const rows = [...alike().values()].map((treated) => {
    const names = treated.map(({ falta }) => falta).join("; ");
    const { sistema, fazer } = treatments[treated[0].treatment];
    return `| ${names} | ${sistema} | ${seenByOperator(treated)} | ${fazer} |`;
  });
  const [first, ...others] = struckObjects.map((name) => `\`${name}\``);
  return `# O que acontece quando a CVDW falha

Para quem opera o programa. Vale para todas as linhas da tabela:

- O que já chegou fica gravado e o cursor do objeto não anda. A próxima execução continua na linha em
  que a leitura parou; o que não mudou não ocupa espaço de novo.
- A falha de um objeto não para os outros. A execução termina com **saída 3** e uma frase que diz o objeto,
  a página, o motivo e o que fazer. O que chegou é publicado, se passar nos testes.
- 401 em **todos** os objetos é outra coisa: **saída 2**, e-mail ou token errados
  (\`CVCRM_API_EMAIL\`, \`CVCRM_API_TOKEN\`).
- Depois de uma execução sem falhas, o que está gravado é igual ao que a fonte tem: nada perdido, nada em dobro.

Quando a falha é passageira, as novas tentativas aparecem no terminal e a execução termina com saída 0,
menos onde o sistema não insiste.

| falta | o que o sistema faz | o que o operador vê se ela continua | o que fazer |
|---|---|---|---|
${rows.join("\n")}

\`npm run elt -- status\` mostra até onde cada objeto foi lido e o que falta.

Cada falta é testada uma vez e sempre: em ${first} na primeira, na do meio e na última página, e em
${others.join(", ")} em uma delas. São ${faultCases().length} casos:

\`\`\`sh
npx vitest run test/extract/fault-matrix.test.ts   # todos, com o que deve acontecer em cada um
npm run bench faults                               # perdidos, em dobro e requisições, ao lado de um laço simples
\`\`\`
`;
}

/** Faults that are treated alike and end alike share a row. */
function alike(): ReadonlyMap<string, readonly [Fault, ...Fault[]]> {
  const groups = new Map<string, [Fault, ...Fault[]]>();
  for (const fault of faults) {
    const { treatment, always } = fault;
    const name = always.verdict === "failed" ? `${treatment} ${always.fault}` : treatment;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [fault]);
    else group.push(fault);
  }
  return groups;
}

function seenByOperator(treated: readonly Fault[]): string {
  const sentences = treated.flatMap(({ always }) =>
    always.verdict === "proven" ? [] : [`\`… ${always.says.replace(/\.$/, "")}…\``],
  );
  if (sentences.length === 0) return "saída 0, e o novo tamanho das páginas";
  return `saída 3: ${[...new Set(sentences)].join(", ")}`;
}
