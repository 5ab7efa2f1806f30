import { describe, expect, test } from "vitest";
import { formatShown } from "../../runner/format-shown.ts";

const shown = {
  model: "marts.vendas",
  columns: ["conta", "empreendimento", "valor", "data_contrato"],
  rows: [
    ["praia", "Vila Restinga", "1.00", null],
    ["praia", "Alto do Tangará", "20.00", "2026-01-31"],
    ["serra", "Lago", "300.00", "2026-02-28"],
  ],
  fromFiles: [],
  masked: [],
} as const;

describe("the rows of a model on a terminal", () => {
  test("are one a line where that fits, and where there is no terminal", () => {
    const lines = [
      "  conta  empreendimento    valor  data_contrato",
      "  praia  Vila Restinga      1.00",
      "  praia  Alto do Tangará   20.00  2026-01-31",
      "  serra  Lago             300.00  2026-02-28",
      "",
      "marts.vendas: 3 rows",
    ].join("\n");
    expect(formatShown(shown, { limit: 10, width: undefined })).toBe(lines);
    expect(formatShown(shown, { limit: 10, width: 47 })).toBe(lines);
  });

  test("stand side by side where a line would wrap, as many as fit", () => {
    expect(formatShown(shown, { limit: 3, width: 46 })).toBe(
      [
        "  conta           praia",
        "  empreendimento  Vila Restinga",
        "  valor           1.00",
        "  data_contrato",
        "",
        "  conta           praia            serra",
        "  empreendimento  Alto do Tangará  Lago",
        "  valor           20.00            300.00",
        "  data_contrato   2026-01-31       2026-02-28",
        "",
        "marts.vendas: first 3 rows",
      ].join("\n"),
    );
  });
});
