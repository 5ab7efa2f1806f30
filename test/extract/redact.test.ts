import { describe, expect, test } from "vitest";
import { readJsonText } from "../../extract/json-text.ts";
import { type Person, redactRecord } from "../../extract/redact.ts";
import { markOf, recogniseBy, trait } from "../../extract/tombstones.ts";

const nobody: Person = {
  hasDocument: () => false,
  hasEmail: () => false,
  hasKey: () => false,
  isMentionedBy: () => false,
  hasId: () => false,
  isNear: () => false,
  isOthers: () => false,
  isNamedIn: () => false,
  isIdentifiedIn: () => false,
};
const maria: Person = { ...nobody, hasDocument: (digits) => digits === "1234567890" };

function redact(text: string, person = maria, object = "reservas", chave = "7") {
  const redacted = redactRecord({ json: Buffer.from(text), object, chave, person });
  return redacted?.json.toString();
}

describe("a record of somebody who is forgotten", () => {
  test("keeps every byte but the values that are personal", () => {
    expect(
      redact(
        '{ "idreserva":7, "cliente" : "Maria \\"M\\" da Silva", "documento_cliente":"012.345.678-90","valor_contrato":12345678901234567890.10,"x":1e400, "data_venda":"2026-01-02" }',
      ),
    ).toBe(
      '{ "idreserva":7, "cliente" : null, "documento_cliente":null,"valor_contrato":12345678901234567890.10,"x":1e400, "data_venda":"2026-01-02" }',
    );
  });

  test.each(['"01234567890"', "1234567890", '"1234567890"', '" 012.345.678-90 "'])(
    "is recognised by the document written %s",
    (documento) => {
      expect(redact(`{"documento":${documento},"cliente":"M"}`)).toBe(
        '{"documento":null,"cliente":null}',
      );
    },
  );

  test("is somebody else's when it carries another document, though the key is the person's", () => {
    const text = '{"idreserva":7,"documento_cliente":"52998224725","cliente":"B"}';
    expect(redact(text, { ...maria, hasKey: () => true })).toBe(text);
    expect(redact('{"idreserva":7,"cliente":"B"}', { ...maria, hasKey: () => true })).toBe(
      '{"idreserva":7,"cliente":null}',
    );
  });

  test("is another client's when a client's id says so, though the sale is the person's", () => {
    const linked: Person = {
      ...nobody,
      hasId: (kind, id) => kind === "idreserva" && id === "7",
      isOthers: (kind, id) => kind === "idcliente" && id !== "70",
    };
    const before = '{"idreserva":7,"idcliente":60,"cliente":"B"}';
    expect(redact(before, linked, "repasses")).toBe(before);
    expect(redact('{"idreserva":7,"idcliente":70,"cliente":"M"}', linked, "repasses")).toBe(
      '{"idreserva":7,"idcliente":70,"cliente":null}',
    );
  });

  test("in a list of people goes alone", () => {
    expect(
      redact(
        '{"documento_cliente":"52998224725","cliente":"B","associados":[{"nome":"M","documento":1234567890},{"nome":"C","documento":"11144477735"}]}',
      ),
    ).toBe(
      '{"documento_cliente":"52998224725","cliente":"B","associados":[{"nome":null,"documento":null},{"nome":"C","documento":"11144477735"}]}',
    );
  });

  test("that is no JSON is told from one that is", () => {
    expect(redact('{"cliente":"M"')).toBeUndefined();
    expect(redact("[1]")).toBeUndefined();
    expect(readJsonText(Buffer.from(" { } "))).toMatchObject({ kind: "object", entries: [] });
    expect(readJsonText(Buffer.from('{"a":1}x'))).toBeUndefined();
    expect(readJsonText(Buffer.from("[".repeat(100_000)))).toBeUndefined();
  });
});

describe("tombstones", () => {
  const traits = [
    trait.document("1234567890"),
    trait.id("idlead", "8001"),
    trait.mention("simulacoes", "5"),
    trait.value("Maria da Conceição"),
  ];
  const of = (conta: string) =>
    recogniseBy(new Set(traits.map((one) => markOf("s", "acme", one))), "s", conta);

  test("recognise a person by document and id, in their account alone", () => {
    const byDocument = Buffer.from('{"cpf":"012.345.678-90"}');
    const byId = Buffer.from('{"idlead":"12, 8001"}');
    expect(of("acme").mayConcern("leads", "1", byDocument)).toBe(true);
    expect(of("acme").mayConcern("leads_interacoes", "1", byId)).toBe(true);
    expect(of("outra").mayConcern("leads", "1", byDocument)).toBe(false);
    expect(of("acme").mayConcern("leads", "1", Buffer.from('{"idlead":80012,"cpf":""}'))).toBe(
      false,
    );
  });

  test.each([
    ['{"cpf_cnpj":"11.222.333\\/0001-81"}', "a field, its slash escaped"],
    ['{"descricao":"fiadora 11.222.333\\/0001-81."}', "a text, its slash escaped"],
    ['{"descricao":"fiadora 11222333000181, SP"}', "a text, as digits"],
    ['{"descricao":"de:MARIA.S+x@example.com.br;"}', "a text, as an address"],
  ])("look at a record that nobody knew: %s (%s)", (json) => {
    const known = [trait.document("11222333000181"), trait.value("maria.s+x@example.com.br")];
    const marks = new Set(known.map((one) => markOf("s", "acme", one)));
    const { mayConcern } = recogniseBy(marks, "s", "acme");
    expect(mayConcern("leads", "1", Buffer.from(json))).toBe(true);
    expect(mayConcern("leads", "1", Buffer.from(json.replaceAll(/1|x/g, "2")))).toBe(false);
  });

  test("find name and document within a text that is known to hold them", () => {
    const text =
      '{"a":"cônjuge: MARIA DA CONCEICAO.","b":"CPF 012.345.678-90, obrigado","c":"Maria"}';
    expect(redact(text, of("acme").person, "simulacoes", "5")).toBe(
      '{"a":null,"b":null,"c":"Maria"}',
    );
    expect(redact(text, of("acme").person, "simulacoes", "6")).toBe(
      '{"a":"cônjuge: MARIA DA CONCEICAO.","b":null,"c":"Maria"}',
    );
  });
});
