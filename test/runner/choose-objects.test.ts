import { describe, expect, test } from "vitest";
import { catalogue } from "../../extract/catalogue.ts";
import { chooseObjects } from "../../runner/choose-objects.ts";

function choose(...names: string[]): { objects: string[]; problems: string[] } {
  const problems: string[] = [];
  const objects = chooseObjects(names, problems).map(({ name }) => name);
  return { objects, problems };
}

const pessoas = [
  ...["pessoas", "pessoas_bancarios", "pessoas_bens_empresa", "pessoas_contatos"],
  ...["pessoas_financeiros", "pessoas_patrimoniais", "pessoas_profissional"],
  "pessoas_tag_associadas",
];

test("a slip in the first letters is told by the nearest name alone", () => {
  const problems: string[] = [];
  chooseObjects(["resrevas"], problems);
  expect(problems).toEqual(["CVDW has no object resrevas: did you mean reservas?"]);
});

describe("a person names objects", () => {
  test.each<[string, string, readonly string[]]>([
    ["by the catalogue's name", "reservas_condicoes", ["reservas_condicoes"]],
    ["by path", "reservas/condicoes", ["reservas_condicoes"]],
    ["by path with its slash", "/reservas/condicoes", ["reservas_condicoes"]],
    ["by a path that two objects have", "/corretores", ["corretores", "corretores_profissional"]],
    ["by a group, which holds the path itself", "pessoas/*", pessoas],
    ["by a group whose star the shell ate", "pessoas/", pessoas],
    ["by a group below a path", "leads/workflow/*", ["leads_workflow_tempo"]],
    ["by a group of names", "pessoas_*", pessoas.slice(1)],
    ["by a star in the middle", "leads_*_situacoes", ["leads_historico_situacoes"]],
  ])("%s", (_, name, expected) => {
    expect(choose(name)).toEqual({ objects: expected, problems: [] });
  });

  test("and a lone star means every object", () => {
    expect(choose("*").objects).toHaveLength(catalogue.length);
  });

  test("and each is taken once, in the order named", () => {
    expect(choose("pessoas_contatos", "pessoas/*", "leads").objects).toEqual([
      "pessoas_contatos",
      ...pessoas.filter((name) => name !== "pessoas_contatos"),
      "leads",
    ]);
  });

  test("a group holds no path that merely begins with the same letters", () => {
    expect(choose("precadastro/*").objects).not.toContain("precadastros");
    expect(choose("correspondentes/*").problems).toHaveLength(1);
  });

  test("every object of the catalogue is found by its name and by its path", () => {
    for (const object of catalogue) {
      expect(choose(object.name).objects).toEqual([object.name]);
      expect(choose(object.path).objects).toContain(object.name);
    }
  });

  test.each(["lead", "pessoa/*", "leads/conversao", "lead*s(", "(", "a|leads", "", "/", "*x"])(
    "and %j, which means none, is a problem of its own",
    (name) => {
      const { objects, problems } = choose("leads", name, "vendas");
      expect(objects).toEqual(["leads", "vendas"]);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(/^CVDW has no object .*(Near it|Objects): .*(leads|pessoas)/);
    },
  );
});
