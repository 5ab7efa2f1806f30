import type { BiLogin, BiSettings } from "./bi-settings.ts";

/**
 * The settings as a text for whoever sets up a BI tool, in Portuguese.
 * @param port where `elt serve` listens
 */
export function biGuide(settings: BiSettings, { port }: { readonly port: number }): string {
  return [
    address(settings),
    logins(settings),
    metabase(settings),
    powerBi(settings),
    excel(settings),
    api(port),
  ].join("\n\n");
}

function address(settings: BiSettings): string {
  const { host, port, database, schema, encrypted, relations } = settings;
  const notes = [
    ...(relations === 0
      ? ["Ainda não há nada publicado: rode npm run elt antes de ligar o BI."]
      : []),
    ...(settings.embedded
      ? [
          "Este é o PostgreSQL embutido: só atende esta máquina, e só enquanto um comando roda.",
          "Deixe npm run serve aberto, ou use um servidor seu com DATABASE_URL.",
        ]
      : settings.local
        ? ["O endereço é o desta máquina. De outra, use o nome ou o IP dela."]
        : []),
    ...(host.startsWith("/")
      ? ["O programa usa um soquete local; ferramentas de BI precisam de um endereço TCP."]
      : []),
  ];
  return section("Conexão", [
    ...fields([
      ["Servidor", host],
      ["Porta", String(port)],
      ["Banco", database],
      ["Esquema", `${schema} (${relations} tabelas e visões; só ele interessa ao BI)`],
      ["TLS", encrypted ? "sim (sslmode=require)" : "não"],
    ]),
    ...notes,
  ]);
}

function logins({ roles, logins: found }: BiSettings): string {
  const existing =
    found.length === 0
      ? ["Nenhum usuário de BI ainda."]
      : ["Usuários que já leem os marts:", ...found.map((login) => `  ${describe(login)}`)];
  const how = roles.includes("bi_reader")
    ? [
        "Para criar um (troque a senha; quem administra o banco roda isto uma vez):",
        "  create role metabase login password 'TROQUE-ME' in role bi_reader;",
        "Só as contas a e b:  create role bi_conta_a; create role bi_conta_b;",
        "                     grant bi_conta_a, bi_conta_b to metabase;",
        "Nomes e documentos de clientes aparecem mascarados. Quem precisa deles em claro:",
        "in role bi_reader_pii, e lê também o esquema marts_pii.",
      ]
    : [
        "O papel bi_reader não existe, porque o usuário do programa não pode criar papéis.",
        "Quem administra o banco roda: create role bi_reader nologin; e depois npm run elt -- build",
      ];
  return section("Usuário", [...existing, ...how]);
}

function describe({ name, seesPersonalData, contas }: BiLogin): string {
  const sees = seesPersonalData ? "dados pessoais em claro" : "dados pessoais mascarados";
  return `${name}: ${contas.length === 0 ? "todas as contas" : `contas ${contas.join(", ")}`}, ${sees}`;
}

function metabase({ host, port, database, encrypted }: BiSettings): string {
  return section("Metabase", [
    "Administração → Bancos de dados → Adicionar → PostgreSQL",
    ...fields([
      ["Host", host],
      ["Port", String(port)],
      ["Database name", database],
      ["Schemas", "Only these: marts"],
      ["Use a secure connection (SSL)", encrypted ? "sim" : "não"],
    ]),
    "As descrições das colunas vêm junto. Para o Metabase reler as tabelas após cada publicação,",
    "defina METABASE_URL e METABASE_API_KEY no .env (Administração → Autenticação → Chaves de API).",
  ]);
}

function powerBi({ host, port, database, encrypted }: BiSettings): string {
  return section("Power BI", [
    "Obter dados → Banco de dados PostgreSQL",
    ...fields([
      ["Servidor", `${host}:${port}`],
      ["Banco de dados", database],
      ["Modo", "Importar (DirectQuery também funciona)"],
      ["Autenticação", "Banco de dados: usuário e senha acima"],
    ]),
    ...(encrypted
      ? []
      : ["Se ele avisar que a conexão não é criptografada, aceite só em rede privada."]),
    "No Navegador, abra marts e marque as tabelas. vendas já vem completa; comissoes, condicoes e",
    'repasses relacionam-se com reservas por reserva_id (com várias contas: conta & "-" & reserva_id).',
    "Guia completo: docs/bi.md",
  ]);
}

function excel({ host, port, database, encrypted }: BiSettings): string {
  return section("Excel", [
    "Instale o driver psqlODBC (64 bits): https://odbc.postgresql.org",
    "Dados → Obter Dados → De Outras Fontes → Do ODBC, e em opções avançadas cole:",
    `  Driver={PostgreSQL Unicode(x64)};Server=${host};Port=${port};Database=${database};SSLmode=${encrypted ? "require" : "prefer"}`,
    "Sem driver: Dados → Da Web, com a API abaixo em CSV; a chave vai como senha em Básico.",
  ]);
}

function api(port: number): string {
  return section("Sem ligar ao banco: a API", [
    `npm run serve, e depois http://SERVIDOR:${port}/api/docs`,
    `  http://SERVIDOR:${port}/api/marts/vendas?format=csv`,
    "Uma chave para cada uso: npm run elt -- keys create --name excel",
  ]);
}

function section(title: string, lines: readonly string[]): string {
  return [title, ...lines.map((line) => `  ${line}`)].join("\n");
}

function fields(pairs: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}
