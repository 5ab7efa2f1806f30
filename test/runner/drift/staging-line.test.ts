import { describe, expect, test } from "vitest";
import type { JsonType } from "../../../extract/fields.ts";
import type { FieldShape } from "../../../runner/drift/field-shapes.ts";
import { columnName, pickCast } from "../../../runner/drift/staging-line.ts";

const valued = 40;
const text: FieldShape = {
  field: "",
  valued,
  notWhole: valued,
  notDecimal: valued,
  finer: 0,
  leadingZero: 0,
  digits: 0,
  notInstant: valued,
  withTime: 0,
  notFlag: valued,
};
const whole = { ...text, notWhole: 0, notDecimal: 0, digits: 3 };
const decimal = { ...whole, notWhole: 12, digits: 6 };
const date = { ...text, notInstant: 0 };
const nothing = { ...text, valued: 0 };

describe("the cast of a field", () => {
  test.each<[string, string, readonly JsonType[], FieldShape | undefined, string]>([
    ["an id", "idtime", ["number"], whole, "as_bigint"],
    ["an id that comes as text", "idtime", ["string"], whole, "as_bigint"],
    ["a list of ids", "idlead", ["string"], text, "as_text"],
    ["several ids", "ids_perguntas", ["string"], whole, "as_text"],
    ["an age, which is no id", "idade", ["number"], whole, "as_integer"],
    ["a code of another system", "idunidade_int", ["string"], whole, "as_text"],
    ["money", "valor_entrada", ["number"], decimal, "as_money"],
    ["money as text", "valor_entrada", ["string", "number"], decimal, "as_money"],
    ["money too large for a cast", "valor", ["number"], { ...decimal, digits: 14 }, "as_text"],
    ["a percentage", "percentual_juros", ["number"], { ...decimal, digits: 2 }, "as_percent"],
    ["a percentage beyond its type", "taxa", ["number"], { ...decimal, digits: 6 }, "as_text"],
    ["a measure", "fator", ["number"], decimal, "as_numeric"],
    ["a measure that is whole by chance", "area_comum", ["number"], whole, "as_numeric"],
    ["a coordinate", "latitude", ["number"], { ...decimal, finer: 3 }, "as_text"],
    ["a count", "quantidade", ["number"], whole, "as_integer"],
    ["a large count", "tempo", ["number"], { ...whole, digits: 12 }, "as_bigint"],
    ["a document that lost its zeros", "documento", ["number"], whole, "as_text"],
    ["a document that has them", "idpessoa", ["string"], { ...whole, leadingZero: 1 }, "as_text"],
    ["digits in a text", "andar_nome", ["string"], whole, "as_text"],
    ["a day", "entrega", ["string"], date, "as_date"],
    ["an instant", "entrega", ["string"], { ...date, withTime: 2 }, "as_timestamp"],
    ["a yes and no", "aceita", ["string"], { ...text, notFlag: 0 }, "as_flag"],
    ["a boolean", "aceita", ["boolean"], { ...text, notFlag: 0 }, "as_flag"],
    ["a list", "valores", ["array"], text, "as_text"],
    ["words", "observacao", ["string"], text, "as_text"],
    ["a date never seen", "data_entrega", [], undefined, "as_timestamp"],
    ["an id never seen", "idtime", [], nothing, "as_bigint"],
    ["money never seen", "valor_extra", [], nothing, "as_money"],
    ["anything never seen", "extra", [], undefined, "as_text"],
  ])("%s (%s %j)", (_, name, types, shape, call) => {
    expect(pickCast(name, types, shape).call).toBe(call);
  });
});

describe("the column of a field", () => {
  test.each([
    ["idempreendimento", "as_bigint", "empreendimento_id"],
    ["idBoleto", "as_bigint", "boleto_id"],
    ["id_fila", "as_bigint", "fila_id"],
    ["id", "as_bigint", "id"],
    ["situacao_tipo_id", "as_bigint", "situacao_tipo_id"],
    ["idlead", "as_text", "idlead"],
    ["nomeDaObra", "as_text", "nome_da_obra"],
    ["Observação (última)", "as_text", "observacao_ultima"],
    ["2a_via", "as_text", "campo_2a_via"],
    ["💰", "as_text", "campo_"],
    ["tomado", "as_text", "tomado_2"],
    ["idtomada", "as_bigint", "idtomada"],
  ] as const)("%s by %s is %s", (field, call, column) => {
    expect(columnName(field, call, new Set(["tomado", "tomada_id"]))).toBe(column);
  });

  test("is no longer than PostgreSQL keeps, and still its own", () => {
    const taken = new Set<string>();
    for (let i = 0; i < 12; i++) taken.add(columnName("n".repeat(100), "as_text", taken));
    expect(taken.size).toBe(12);
    expect(Math.max(...[...taken].map((name) => name.length))).toBe(63);
  });
});
