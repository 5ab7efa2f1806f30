import type { JsonType } from "../../extract/fields.ts";
import type { FieldShape } from "./field-shapes.ts";

/** How staging should read a field. */
export type Cast = {
  /** A function of `elt`, without the schema. */
  readonly call: CastCall;
  /** Why it is no better than text, or what to keep in mind; a few words. */
  readonly remark?: string;
};

const suffixes = {
  as_text: "",
  as_flag: "",
  as_bigint: "",
  as_integer: "",
  as_money: "::numeric(15, 2)",
  as_numeric: "::numeric(12, 2)",
  as_percent: "::numeric(7, 2)",
  as_date: "",
  as_timestamp: "",
} as const;
export type CastCall = keyof typeof suffixes;

/** In the order of a staging model's columns. */
export const castOrder: readonly CastCall[] = [
  ...(["as_bigint", "as_text", "as_integer", "as_money", "as_numeric", "as_percent"] as const),
  ...(["as_flag", "as_date", "as_timestamp"] as const),
];

/** The call of the cast, as staging models write it. */
export function castExpression(call: CastCall, argument: string): string {
  return `elt.${call}(${argument})${suffixes[call]}`;
}

/** `…_int` is a code of another system, not an id of this one. */
const idName = /^id(?!ade|ioma|entifica|entidade|eal|oso|s_)_?[a-z](?!.*_int$)|_id$|^id$/i;
/** Digits that are no quantity, and may lose their zeros or get letters some day. */
const codeName =
  /documento|cpf|cnpj|^rg|_rg|cep(_|$)|telefone|celular|fone|codigo|referencia|numero|protocolo|inscricao|matricula|unidade|bloco|etapa|andar|conta|agencia|chave|versao/i;
const moneyName = /^(valor|preco|vgv|vpl|saldo|renda|custo|total)|_valor(_|$)|_preco(_|$)/i;
const percentName = /porcentagem|percentual|percentagem|^taxa|_taxa/i;
/** Measures, which are whole only by chance. */
const measureName = /^area|_area|metragem|medida|fracao|indice|juros|altura|largura|peso/i;
const dateName = /(^|_)(data|dt|nasc|vencimento|nascimento)(_|$)|_(em|desde|ate)$/i;

/** The digits before the point that a cast has room for. */
const room = { as_money: 13, as_numeric: 10, as_percent: 5, as_integer: 9 } as const;

/**
 * Picks the cast for a field: one that loses no value of the sample, and that its name and JSON types
 * make likely. Text whenever there is doubt: it loses nothing.
 */
export function pickCast(
  name: string,
  types: readonly JsonType[],
  shape: FieldShape | undefined,
): Cast {
  if (types.includes("array") || types.includes("object")) {
    return { call: "as_text", remark: `JSON ${types.join(" or ")}: as text` };
  }
  if (shape === undefined || shape.valued === 0) return castByName(name);
  const isNumber = types.every((type) => type === "number");
  if (shape.notFlag === 0) return { call: "as_flag" };
  if (shape.notInstant === 0 && !isNumber) {
    return { call: shape.withTime > 0 ? "as_timestamp" : "as_date" };
  }
  if (shape.notDecimal > 0 || shape.leadingZero > 0) return { call: "as_text" };
  if (idName.test(name)) return { call: shape.notWhole === 0 ? "as_bigint" : "as_text" };
  const call = moneyName.test(name)
    ? "as_money"
    : percentName.test(name)
      ? "as_percent"
      : undefined;
  if (call !== undefined) return decimalCast(call, shape);
  if (!isNumber || codeName.test(name)) return { call: "as_text" };
  if (shape.notWhole > 0 || measureName.test(name)) return decimalCast("as_numeric", shape);
  return { call: shape.digits <= room.as_integer ? "as_integer" : "as_bigint" };
}

function castByName(name: string): Cast {
  const remark = "no value so far: guessed by its name";
  if (idName.test(name)) return { call: "as_bigint", remark };
  if (dateName.test(name)) return { call: "as_timestamp", remark };
  if (percentName.test(name)) return { call: "as_percent", remark };
  if (moneyName.test(name)) return { call: "as_money", remark };
  return { call: "as_text", remark: "no value so far" };
}

/** Casts of numbers keep two places; what is finer, or has no room, stays text. */
function decimalCast(call: "as_money" | "as_percent" | "as_numeric", shape: FieldShape): Cast {
  if (shape.digits > room[call]) return { call: "as_text", remark: "too large for a cast" };
  if (shape.finer > 0) return { call: "as_text", remark: "more than two decimal places" };
  return { call };
}

const LONGEST_NAME = 63;

/**
 * The column's name in staging: the field's own in snake case, and `idempreendimento` →
 * `empreendimento_id` where it is cast to one. A name that is taken gets a number.
 */
export function columnName(field: string, call: CastCall, taken: ReadonlySet<string>): string {
  const snake = field
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  const subject = call === "as_bigint" && idName.test(snake) ? snake.replace(/^id_?/, "") : "";
  const named = subject === "" || snake.endsWith("_id") ? snake : `${subject}_id`;
  const safe = /^[a-z]/.test(named) ? named : `campo_${named}`;
  const candidates = [safe, ...(safe === snake || !/^[a-z]/.test(snake) ? [] : [snake])];
  for (let n = 2; ; n++) {
    const free = candidates
      .map((name) => name.slice(0, LONGEST_NAME))
      .find((name) => !taken.has(name));
    if (free !== undefined) return free;
    candidates.push(`${safe.slice(0, LONGEST_NAME - 4)}_${n}`);
  }
}
