import type { BaseRows } from "../base-rows.ts";
import { type FieldSpec, specOf } from "../fields.ts";
import type { Random } from "../random.ts";
import { type CvdwRecord, type Json, keyText } from "../record.ts";
import { brazilianDayText, dayText, momentText } from "../wall-clock.ts";
import { computedRows, reais, reaisText } from "./computed-rows.ts";
import { firstId, randomFor } from "./market.ts";
import { brazilianNumber } from "./reservas.ts";
import { type Words, wordsFor } from "./words.ts";
import type { World } from "./world.ts";

/** Rows for each reservation; objects not named here have a tenth. None has fewer than seven. */
const perReserva: { readonly [object: string]: number } = {
  campos_adicionais: 2,
  leads: 4,
  leads_conversoes: 4,
  leads_historico_situacoes: 6,
  leads_infos: 4,
  leads_interacoes: 8,
  leads_workflow_tempo: 6,
  pessoas: 1,
  pessoas_contatos: 1,
  pessoas_financeiros: 1,
  pessoas_profissional: 1,
  precadastros: 0.5,
  reservas_associados: 1.3,
  reservas_comissoes: 2,
  reservas_coordenador: 1,
  reservas_historico: 5,
  reservas_historico_situacoes: 4,
  reservas_registros_flags: 1,
  reservas_workflow_tempo: 3,
  simulacoes: 0.8,
  unidades_precos: 1.6,
  unidades_situacao: 1.5,
  atendimentos_times: 0,
  atendimentos_times_integrantes: 0,
  correspondentes_empresas: 0,
  correspondentes_usuarios: 0,
  pesquisas_perguntas: 0,
  usuarios_administrativos: 0,
};

/** The object whose ids a key field holds, when that is not the keyed object itself. */
const owners: { readonly [field: string]: string } = {
  idreserva: "reservas",
  idpessoa: "pessoas",
  idlead: "leads",
  idunidade: "unidades",
};

/** Objects in which several records share a key. */
const repeatingKeys: ReadonlySet<string> = new Set([
  "leads_corretores",
  "leads_momentos",
  "pesquisas",
  "pessoas_bens_empresa",
]);

/** How many rows of an object a generated account of this size has. */
export function otherCount(object: string, reservas: number): number {
  return Math.max(7, Math.round(reservas * (perReserva[object] ?? 0.1)));
}

/** Rows of any object, made from its field types and the forms seen on the wire. */
export function otherRows(world: World, object: string): BaseRows {
  const { calendar } = world.market;
  const spec = specOf(object);
  const count = otherCount(object, world.market.reservas);
  const changedAt = (position: number) => calendar.at((position + 0.5) / count);
  const shape = shapeOf(object);
  const record = (position: number) =>
    otherRecord(world, object, shape, { position, changed: changedAt(position) });
  const forms = shape.referenciaData;
  const dated = forms.some((form) => form === "str:datetime" || form === "str:date");
  const oddFirst = forms.includes("null") || forms.includes("str:zero-date");
  return computedRows({
    count,
    undated: dated
      ? oddFirst
        ? undatedRows(count)
        : object === "leads_conversoes"
          ? 2
          : 0
      : count,
    record,
    changedAt,
    hoje: calendar.hoje,
    find: (key) => {
      // Only tests ask for single keys here.
      for (let position = 0; position < count; position++) {
        if (keyText(record(position), spec.key) === key) return position;
      }
      return undefined;
    },
  });
}

type Field = {
  readonly name: string;
  readonly type: string;
  readonly forms: readonly string[];
  /** The object its ids point at. */
  readonly target: string | undefined;
  readonly nested: readonly Field[] | undefined;
  /** Makes a text for it. */
  readonly words: Words;
};

type Shape = {
  readonly key: readonly string[];
  /** Wire forms of `referencia` and `referencia_data`. */
  readonly referencia: readonly string[];
  readonly referenciaData: readonly string[];
  readonly fields: readonly Field[];
  /** The field that repeats `referencia_data`. */
  readonly dateField: string | undefined;
};

type Place = { readonly position: number; readonly changed: number };

function undatedRows(count: number): number {
  return Math.min(5, Math.ceil(count / 20));
}

function shapeOf(object: string): Shape {
  const spec = specOf(object);
  const fields = Object.entries(spec.fields).map(([name, field]) => readField(name, field));
  const formsOf = (name: string) => fields.find((field) => field.name === name)?.forms ?? [];
  return {
    key: spec.key,
    referencia: formsOf("referencia"),
    referenciaData: formsOf("referencia_data"),
    fields,
    dateField: spec.referencia_data_is,
  };
}

function readField(name: string, spec: FieldSpec): Field {
  if (typeof spec !== "string") {
    const nested = Object.entries(spec).map(([inner, field]) => readField(inner, field));
    return { name, type: "array", forms: [], target: undefined, nested, words: wordsFor(name) };
  }
  const [declared = "", target] = spec.split(" -> ");
  const [type = "", forms = ""] = declared.split(" ");
  const observed = forms === "" ? [defaultForm(type, name)] : forms.split("|");
  return { name, type, forms: observed, target, nested: undefined, words: wordsFor(name) };
}

function otherRecord(world: World, object: string, shape: Shape, place: Place): CvdwRecord {
  const { position, changed } = place;
  const random = randomFor(world.market.seed, object, position);
  if (object === "leads_conversoes" && position < 2) {
    // The source sends such rows: nothing in them at all.
    return Object.fromEntries(
      shape.fields.map(({ name }) => [name, name === "referencia" ? "" : null]),
    );
  }
  const record: Record<string, Json> = {};
  for (const field of shape.fields) record[field.name] = fieldValue(world, field, random, changed);
  const group = repeatingKeys.has(object) ? position >>> 1 : position;
  const [first = "", second] = shape.key;
  const composed = second !== undefined && !repeatingKeys.has(object);
  if (first !== "referencia") {
    record[first] = firstId(owners[first] ?? object) + (composed ? position >>> 1 : group);
  }
  if (composed) record[second] = 1 + (position & 1);
  record.referencia = referenciaOf(object, shape, record, firstId(object) + group);
  const shown = shownDate(shape, place, otherCount(object, world.market.reservas));
  record.referencia_data = shown;
  if (shape.dateField !== undefined) record[shape.dateField] = shown;
  return record;
}

function referenciaOf(object: string, shape: Shape, record: CvdwRecord, id: number): Json {
  if (object === "unidades_situacao") return `${record.idunidade}_${id}`;
  const [first = ""] = shape.key;
  const text = first === "referencia" ? `${id}` : shape.key.map((field) => record[field]).join("_");
  const forms = shape.referencia;
  return forms.length === 1 && forms[0] === "int" ? Number(text) : text;
}

function shownDate(shape: Shape, { position, changed }: Place, count: number): Json {
  const forms = shape.referenciaData;
  const dated = forms.some((form) => form === "str:datetime" || form === "str:date");
  const odd = forms.includes("str:zero-date")
    ? "0000-00-00 00:00:00"
    : forms.includes("null")
      ? null
      : undefined;
  if (odd !== undefined && (!dated || position < undatedRows(count))) return odd;
  return momentText(changed);
}

function fieldValue(world: World, field: Field, random: Random, changed: number): Json {
  if (field.nested !== undefined) {
    if (random.chance(0.6)) return [];
    const row = field.nested.map((inner) => [
      inner.name,
      fieldValue(world, inner, random, changed),
    ]);
    return [Object.fromEntries(row)];
  }
  const form = field.forms[random.int(field.forms.length)];
  if (form === undefined || form === "null") return null;
  if (form === "str:empty") return "";
  if (field.target !== undefined) {
    const id = firstId(field.target) + random.int(Math.max(7, world.market.reservas));
    return form.startsWith("str") ? `${id}` : id;
  }
  switch (form) {
    case "int":
      return field.name.startsWith("id") ? 1 + random.int(900) : random.int(5_000);
    case "float":
      return reais(random.int(90_000_000));
    case "bool":
      return false;
    case "array":
      return [];
    case "str:int":
      return `${random.int(90_000)}`;
    case "str:decimal":
      return reaisText(random.int(2_000_000));
    case "str:S/N":
      return random.pick(["S", "S", "S", "N"]);
    case "str:Sim/Nao":
      return random.pick(["Sim", "Não"]);
    case "str:zero-date":
      return field.type === "date" ? "0000-00-00" : "0000-00-00 00:00:00";
    case "str:date":
      return dayText(Math.floor(changed / 86_400) - random.int(60));
    case "str:datetime":
      return momentText(changed - random.int(5_000_000));
    case "str:br-date":
      return brazilianDayText(Math.floor(changed / 86_400));
    case "str:id-list":
      return `${1 + random.int(900)},${1 + random.int(900)}`;
    case "str:csv-or-br-number":
      return brazilianNumber(random.int(90_000_000));
    default:
      return field.words(world.market, random);
  }
}

/** The form of a field that was never observed. */
function defaultForm(type: string, name: string): string {
  switch (type) {
    case "integer":
      return "int";
    case "number":
      return "float";
    case "datetime":
      return "str:datetime";
    case "date":
      return "str:date";
    case "array":
      return "array";
    default:
      return /^(ativo|novo|retorno)/.test(name) ? "str:S/N" : "str";
  }
}
