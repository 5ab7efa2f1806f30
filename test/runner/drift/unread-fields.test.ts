import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Account } from "../../../emulator/account.ts";
import { generateAccount } from "../../../emulator/generate-account.ts";
import { startEmulator } from "../../../emulator/server.ts";
import { defaultObjects } from "../../../extract/catalogue.ts";
import { projectRoot } from "../../../runner/building.ts";
import { fieldsRead } from "../../../runner/drift/fields-read.ts";
import type { Place } from "../../../runner/drift/paste-places.ts";
import { type UnreadFields, unreadFields } from "../../../runner/drift/unread-fields.ts";
import { loadProject, type Project } from "../../../runner/models/project.ts";
import { extractEmulated } from "../../extract/emulated-extraction.ts";
import { createTestDatabase } from "../../postgres.ts";
import { projectOf } from "../../project.ts";

const database = await createTestDatabase();
afterAll(() => database.drop());

/** Fields that are hard to name, to quote or to cast. */
const hard = {
  idNovoCampo: 12,
  "com espaço": "a",
  "com \"aspas\" e 'apóstrofo'": "b",
  select: "c",
  conta: "d",
  chave: "e",
  reserva_id: 5,
  "a,b(c)": 7,
  "2a_via": "f",
  [`longo_${"o".repeat(80)}`]: "g",
  latitude: -23.5505199,
  valor_da_taxa: "1.234,56",
  ultima_visita: "31/12/2025",
  data_hora: "2025-12-31 23:59:58",
  ficha: { a: [1, 2] },
  nunca: null,
} as const;

const account: Account = generateAccount({ conta: "conta", seed: 5, reservas: 120 });
const objects = [...defaultObjects.map(({ name }) => name), "leads"];

async function extract(): Promise<void> {
  const emulator = await startEmulator({ accounts: [account], rateLimit: null });
  try {
    const source = { account, now: () => new Date(), letPass: () => undefined, url: emulator.url };
    const { exitCode } = await extractEmulated(database.pool, source, objects, { full: true });
    expect(exitCode).toBe(0);
  } finally {
    await emulator.close();
  }
}

beforeAll(async () => {
  await extract();
  for (const [name, value] of Object.entries(hard)) account.addField("reservas", name, value);
  await extract();
});

const compare = (project: Project, names: readonly string[]) =>
  unreadFields(database.pool, project, fieldsRead(project), names);

/** The model's file with every offered line where the command says that it goes. */
async function pasted({ file, places, fields }: UnreadFields): Promise<readonly [string, string]> {
  if (file === null || places === null) throw new Error("no staging model");
  const lines = (await readFile(path.join(projectRoot, file), "utf8")).split("\n");
  const blocks: readonly (readonly [Place | undefined, readonly (string | null)[]])[] = [
    [places.definitions, fields.map(({ definition }) => definition)],
    [places.select, fields.map(({ select }) => select)],
    [places.header, fields.map(({ test }) => test)],
  ];
  // From the last line up, so that the places before stay where they are.
  for (const [place, block] of blocks) {
    if (place === undefined) continue;
    expect(lines[place.line - 1]?.trim()).toBe(place.text);
    lines.splice(place.line - 1, 0, ...block.filter((line) => line !== null));
  }
  return [file, lines.join("\n")];
}

describe("fields that no model reads", () => {
  test("are those of landing that the shipped staging models leave out", async () => {
    const project = await loadProject(projectRoot);
    const { recorded, unread } = await compare(project, []);
    expect(recorded).toBeGreaterThan(300);
    const reservas = unread.find(({ object }) => object === "reservas");
    const names = reservas?.fields.map(({ field }) => field) ?? [];
    expect(names).toEqual(expect.arrayContaining([...Object.keys(hard), "idtime", "renda"]));
    expect(names).not.toContain("idreserva");
    expect(names).not.toContain("valor_contrato");
    const added = reservas?.fields.filter(({ newSince }) => newSince !== null);
    expect(added?.map(({ field }) => field).sort()).toEqual(Object.keys(hard).sort());
  });

  test("of an object without a staging model are only counted", async () => {
    const project = await loadProject(projectRoot);
    const { unread } = await compare(project, ["leads"]);
    expect(unread).toEqual([
      { object: "leads", file: null, places: null, count: expect.any(Number), fields: [] },
    ]);
    expect(unread[0]?.count).toBeGreaterThan(20);
  });

  test("are read without the loss of a value once every line is pasted into its model", async () => {
    const project = await loadProject(projectRoot);
    const { unread } = await compare(project, []);
    const offered = unread.filter(({ file }) => file !== null);
    expect(offered).toHaveLength(9);
    const wider = await projectOf(Object.fromEntries(await Promise.all(offered.map(pasted))));
    expect(wider.problems).toEqual([]);
    for (const { object, file, fields } of offered) {
      const model = wider.models.find((one) => one.file === file);
      for (const { field, column } of fields) {
        const { rows } = await database.pool.query(
          `select count(*)::int as lost
           from (${model?.select}) as typed
           inner join landing."${object}_atual" as landed using (conta, chave)
           where typed."${column}" is null and elt.has_value(landed.payload ->> $1)`,
          [field],
        );
        expect([object, field, rows[0].lost]).toEqual([object, field, 0]);
      }
      const again = await compare(wider, [object]);
      expect(again.unread).toEqual([]);
    }
  });

  test("become columns of a fitting type and value", async () => {
    const project = await loadProject(projectRoot);
    const { unread } = await compare(project, ["reservas"]);
    const [reservas] = unread;
    if (reservas === undefined) throw new Error("reservas has unread fields");
    const wider = await projectOf(Object.fromEntries([await pasted(reservas)]));
    const { rows } = await database.pool.query(
      `select distinct on (conta) typed.* from (${wider.models[0]?.select}) as typed`,
    );
    expect(rows[0]).toMatchObject({
      novo_campo_id: "12",
      com_espaco: "a",
      com_aspas_e_apostrofo: "b",
      select: "c",
      conta_2: "d",
      chave_2: "e",
      reserva_id_2: "5",
      a_b_c: 7,
      campo_2a_via: "f",
      [`longo_${"o".repeat(57)}`]: "g",
      latitude: "-23.5505199",
      valor_da_taxa: "1234.56",
      data_hora: new Date("2025-12-31T23:59:58-03:00"),
      ficha: '{"a": [1, 2]}',
      nunca: null,
    });
    expect(reservas.fields.find(({ field }) => field === "ultima_visita")?.select).toContain(
      "elt.as_date(r.ultima_visita) as ultima_visita,",
    );
  });

  test("get a line that names the payload where the model does not unfold it", async () => {
    const project = await projectOf({
      "models/staging/reservas.sql": [
        "-- Reservas.",
        "-- @key conta, chave",
        "select l.conta, l.chave,",
        "    elt.as_text(l.payload ->> 'situacao') as situacao,",
        "    elt.as_date(l.payload ->> 'data_venda') as data_venda",
        "from landing.reservas_atual as l",
      ].join("\n"),
    });
    const { unread } = await compare(project, ["reservas"]);
    const quoted = unread[0]?.fields.find(({ column }) => column === "com_aspas_e_apostrofo");
    expect(quoted).toMatchObject({ definition: null });
    expect(quoted?.select).toContain(
      "    elt.as_text(l.payload ->> 'com \"aspas\" e ''apóstrofo''') as com_aspas_e_apostrofo,",
    );
    expect(unread[0]?.places?.select).toEqual({
      line: 5,
      text: "elt.as_date(l.payload ->> 'data_venda') as data_venda",
    });
  });
});
