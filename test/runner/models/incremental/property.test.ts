import path from "node:path";
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { generateAccount } from "../../../../emulator/generate-account.ts";
import { defaultObjects } from "../../../../extract/catalogue.ts";
import { buildProject } from "../../../../runner/models/build.ts";
import { ModelError } from "../../../../runner/models/problem.ts";
import { loadProject, type Model, type Project } from "../../../../runner/models/project.ts";
import { parseSelect } from "../../../../runner/models/select.ts";
import { TestFailure } from "../../../../runner/models/test-failure.ts";
import { startRun } from "../../../../runner/run-record.ts";
import { projectRoot } from "../../../pipeline.ts";
import { cloneDatabase, createTestDatabase, type TestDatabase } from "../../../postgres.ts";
import { unguarded } from "../../../project.ts";
import { differencesFromTexts } from "./differences.ts";
import { at, type LandingEdit, openLander } from "./landing-edits.ts";

/**
 * `ELT_PROPERTY_RUNS=300` tries more sequences than a suite has time for, `ELT_PROPERTY_SEED` others;
 * `ELT_PROPERTY_SHRINK=1` looks for a smaller one that fails, which takes minutes.
 */
const runs = Number(process.env.ELT_PROPERTY_RUNS ?? 6);
const contas = ["acme", "beta"];

/** What happens between two builds. */
type Step = {
  readonly edits: readonly LandingEdit[];
  /** Which rows a customer keeps in the mappings, which variant each model's text is. */
  readonly seeds: number;
  readonly texts: number;
  /** Loads end before the build, or go on during it. */
  readonly loads: "end" | "go on";
  /** A build before, which fails: what it saw, its changes and the loads it read count for nothing. */
  readonly fails: boolean;
  /** The build computes everything. */
  readonly fullRefresh: boolean;
  /** Models that a build of some alone comes to before; numbers count round and round. */
  readonly some: readonly number[];
};

let base: TestDatabase;
let shipped: Project;
beforeAll(async () => {
  shipped = unguarded(await loadProject(projectRoot));
  base = await createTestDatabase();
  // Its own pool stays unused: a database that somebody is connected to cannot be copied.
  const pool = new pg.Pool({ connectionString: base.url });
  const lander = openLander(pool, contas);
  for (const [index, conta] of contas.entries()) {
    await lander.landAll(generateAccount({ conta, seed: index + 1, reservas: 24 }));
  }
  await lander.finishLoads();
  await build({ pool }, shipped);
  await pool.end();
});
afterAll(() => base.drop());

async function build(
  { pool }: Pick<TestDatabase, "pool">,
  project: Project,
  { only, fullRefresh }: { only?: ReadonlySet<string>; fullRefresh?: boolean } = {},
) {
  const runId = await startRun(pool, { command: "test", conta: null });
  // A text that goes back to what it was takes a column away.
  const options = { allowDestructive: true, only, fullRefresh };
  return buildProject({ pool, runId, emit: () => undefined }, project, options);
}

/** A build that leaves models behind what they read: the next one must notice. */
async function buildSome(
  database: TestDatabase,
  project: Project,
  numbers: readonly number[],
): Promise<void> {
  if (numbers.length === 0) return;
  const only = new Set(numbers.map((number) => at(project.models, number).name));
  try {
    await build(database, project, { only });
  } catch (error) {
    // A mart without its readers may leave them pointing at rows that are gone, or without a column.
    if (!(error instanceof TestFailure || error instanceof ModelError)) throw error;
  }
}

/** A build that a test ends after all models are built. */
async function buildInVain(database: TestDatabase, project: Project): Promise<void> {
  const text = "select r.conta from staging.reservas as r";
  const parsed = await parseSelect(text);
  if (parsed.status === "invalid") throw new Error(parsed.message);
  const { references, tree } = parsed;
  const place = { name: "nunca", file: "models/tests/nunca.sql", text, select: text };
  const rest = { description: "", severity: "error", allowed: 0 } as const;
  const tests = [...project.tests, { ...place, references, tree, ...rest }];
  await expect(build(database, { ...project, tests })).rejects.toThrow(TestFailure);
}

/** Rows of a customer, by number; 0 is none. */
const customerRows: readonly { readonly [seed: string]: readonly (readonly string[])[] }[] = [
  {},
  { times: [["acme", "1", "Time Um"]], situacoes: [["*", "Vendida", "distrato"]] },
  {
    series: [
      ["*", "sinal", "fora_do_preco"],
      ["beta", "mensais", "entrada"],
    ],
  },
  { leitura_condicoes: [["acme", "parcela"]], times: [["*", "2", "Time Dois"]] },
];

/** Edits of models' texts, by number; 0 is none. */
const textEdits: readonly {
  readonly model: string;
  readonly from: string;
  readonly to: string;
}[][] = [
  [],
  [
    {
      model: "marts.comissoes",
      from: "comissoes.data_cadastro\n",
      to: "comissoes.data_cadastro,\n    comissoes.valor_comissao * 2 as dobro\n",
    },
  ],
  [{ model: "marts.vendas", from: "where reservas.eh_venda", to: "where reservas.eh_venda_bruta" }],
  [
    {
      model: "staging.reservas",
      from: "elt.as_text(r.midia) as midia",
      to: "upper(elt.as_text(r.midia)) as midia",
    },
  ],
];

async function projectOf(step: Step): Promise<Project> {
  const rows = at(customerRows, step.seeds);
  const edits = at(textEdits, step.texts);
  const models = await Promise.all(
    shipped.models.map(async (model): Promise<Model> => {
      const edit = edits.find((one) => one.model === model.name);
      if (edit === undefined) return model;
      if (!model.text.includes(edit.from)) throw new Error(`${model.name} has no ${edit.from}`);
      const text = model.text.replace(edit.from, edit.to);
      const parsed = await parseSelect(text);
      if (parsed.status === "invalid") throw new Error(parsed.message);
      const { references, tree, end } = parsed;
      return { ...model, text, select: text.slice(0, end), references, tree };
    }),
  );
  const seeds = shipped.seeds.map((seed) => ({
    ...seed,
    rows: [...seed.rows, ...(rows[seed.relation] ?? []).map((row) => [...row, "cliente"])],
  }));
  return { ...shipped, models, seeds };
}

const anyPlace = fc.record({
  conta: fc.nat(1),
  object: fc.nat(defaultObjects.length - 1),
  record: fc.nat(500),
});
const anyValue = fc.oneof(
  { weight: 3, arbitrary: fc.record({ donor: fc.nat(500) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      own: fc.constantFrom(
        "",
        null,
        0,
        1,
        7,
        "S",
        "N",
        "Distrato",
        "cancelada",
        "2026-01-15",
        "1.234,56",
        "x",
        -5,
        0.004,
        "1e400",
        "NaN",
        "0000-00-00",
        "31/12/2025 23:59",
        " são  paulo ",
        "12345678901234567890",
      ),
    }),
  },
);
/** Fields by which models join, group, choose and sum. */
const tellingFields = [
  "idreserva",
  "idunidade",
  "idempreendimento",
  "idcorretor",
  "idimobiliaria",
  "idcomissao",
  "situacao",
  "ativo",
  "data_venda",
  "valor_contrato",
  "valor_comissao",
  "serie",
  "valor",
  "parcela_quantidade",
  "situacao_mapa_disponibilidade",
  "tipologia",
  "nome_empreendimento",
];
const anyEdit: fc.Arbitrary<LandingEdit> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("edit" as const),
      place: anyPlace,
      field: fc.oneof(fc.nat(200), fc.constantFrom(...tellingFields)),
      value: anyValue,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("insert" as const),
      place: anyPlace,
      id: fc.integer({ min: 900_000, max: 900_100 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("back" as const), place: anyPlace }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), place: anyPlace }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("return" as const), place: anyPlace }) },
);
const anyStep: fc.Arbitrary<Step> = fc.record({
  edits: fc.array(anyEdit, { minLength: 1, maxLength: 8 }),
  seeds: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) }),
  texts: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) }),
  loads: fc.constantFrom("end" as const, "go on" as const),
  fails: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
  fullRefresh: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
  some: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.nat(50), { minLength: 1, maxLength: 12 }) },
  ),
});

/** A few reservas change, then something that no reserva is made of: the least a sequence must do. */
const plain: Step = {
  edits: [],
  seeds: 0,
  texts: 0,
  loads: "end",
  fails: false,
  fullRefresh: false,
  some: [],
};
const editOf = (name: string, record: number, field: string): LandingEdit => ({
  kind: "edit",
  place: { conta: 0, object: defaultObjects.findIndex((one) => one.name === name), record },
  field,
  value: { own: 7 },
});
const example: readonly Step[] = [
  { ...plain, edits: [0, 2, 4].map((record) => editOf("reservas", record, "valor_contrato")) },
  { ...plain, edits: [editOf("atendimentos", 0, "assunto")] },
];

test("after any edits, what a build brought up to date equals what its texts give over the whole", {
  timeout: 60_000 + runs * 20_000,
}, async () => {
  const modes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 5 }), async (steps) => {
      const database = await cloneDatabase(path.basename(new URL(base.url).pathname));
      try {
        const lander = openLander(database.pool, contas);
        for (const step of steps) {
          for (const edit of step.edits) await lander.apply(edit);
          if (step.loads === "end") await lander.finishLoads();
          const project = await projectOf(step);
          if (step.fails) await buildInVain(database, project);
          await buildSome(database, project, step.some);
          const { fullRefresh } = step;
          const { models } = await build(database, project, { fullRefresh });
          for (const { model, mode } of models) modes.add(`${model} ${mode}`);
          expect(await differencesFromTexts(database.pool, project)).toEqual([]);
        }
      } finally {
        await database.drop();
      }
    }),
    {
      numRuns: runs,
      seed: Number(process.env.ELT_PROPERTY_SEED ?? 7),
      examples: [[example]],
      endOnFailure: process.env.ELT_PROPERTY_SHRINK === undefined,
    },
  );
  // The property would hold for an engine that computes everything, too.
  for (const name of ["staging.reservas", "marts.reservas", "marts.vendas"]) {
    expect([...modes]).toContain(`${name} incremental`);
    expect([...modes]).toContain(`${name} unchanged`);
  }
});
