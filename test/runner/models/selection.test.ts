import { describe, expect, test } from "vitest";
import { loadProject } from "../../../runner/models/project.ts";
import { findModel, selectModels } from "../../../runner/models/selection.ts";
import { sampleProject } from "../mistakes.ts";

const project = await loadProject(sampleProject);
const none = async () => new Set<string>();

async function selected(words: string, changed = none): Promise<readonly string[]> {
  return [...(await selectModels(project, words, changed))].sort();
}

describe("a selection", () => {
  test.each([
    ["a model by its name", "marts.estoque", ["marts.estoque"]],
    ["every model of a name", "comissoes", ["marts.comissoes", "staging.comissoes"]],
    [
      "what a model reads",
      "+marts.estoque",
      [
        "marts.comissoes",
        "marts.estoque",
        "marts.reservas",
        "marts.unidades",
        "marts.vendas",
        "staging.comissoes",
        "staging.reservas",
        "staging.unidades",
      ],
    ],
    ["what reads a model", "marts.estoque+", ["marts.estoque", "marts.vw_estoque"]],
    [
      "both",
      "+ranking+",
      [
        "marts.comissoes",
        "marts.ranking",
        "marts.reservas",
        "marts.vendas",
        "marts.vendas_por_corretor",
        "marts.vw_ranking",
        "staging.comissoes",
        "staging.reservas",
      ],
    ],
    [
      "a pattern",
      "marts.vw_*",
      [
        "marts.vw_comissoes",
        "marts.vw_distratos",
        "marts.vw_estoque",
        "marts.vw_ranking",
        "marts.vw_repasses",
        "marts.vw_vendas",
      ],
    ],
    [
      "a folder",
      "views/",
      [
        "marts.vw_comissoes",
        "marts.vw_distratos",
        "marts.vw_estoque",
        "marts.vw_ranking",
        "marts.vw_repasses",
        "marts.vw_vendas",
      ],
    ],
    ["a file", "models/marts/metas.sql", ["marts.metas"]],
    ["a tag", "tag:vendas", ["marts.comissoes", "marts.vendas"]],
    ["several words", "metas, staging.unidades", ["marts.metas", "staging.unidades"]],
  ])("names %s", async (_, words, expected) => {
    expect(await selected(words)).toEqual(expected);
  });

  test("names what changed, and nothing when nothing did", async () => {
    const changed = async () => new Set(["marts.ranking"]);
    expect(await selected("changed", changed)).toEqual(["marts.ranking"]);
    expect(await selected("changed+", changed)).toEqual(["marts.ranking", "marts.vw_ranking"]);
    expect(await selected("changed")).toEqual([]);
  });

  test.each([
    ["a name that nothing has", "estoqe", "There is no model estoqe: did you mean estoque?"],
    ["a tag that no model has", "tag:caixa", "No model has the tag caixa: there are vendas."],
    ["a folder without models", "models/financeiro", "There is no model models/financeiro"],
    ["no word", " ", "--select names nothing"],
  ])("refuses %s", async (_, words, sentence) => {
    await expect(selectModels(project, words, none)).rejects.toThrow(sentence);
  });
});

describe("the model of a command", () => {
  test("is the mart when staging has an object of its name", () => {
    expect(findModel(project, "comissoes").name).toBe("marts.comissoes");
    expect(findModel(project, "staging.comissoes").name).toBe("staging.comissoes");
  });

  test("must exist", () => {
    expect(() => findModel(project, "vw_venda")).toThrow(
      "There is no model vw_venda: did you mean",
    );
  });
});
