import { Problem } from "./problem.ts";

/** Connections that exports may hold at the same time. */
export type ExportSlots = {
  /**
   * Takes one; the function that is returned gives it back.
   * @throws Problem 503 when all of them are taken
   */
  take(): () => void;
};

/** So few that the dashboard and the small answers always find a connection. */
export function createExportSlots(count: number): ExportSlots {
  let taken = 0;
  return {
    take: () => {
      if (taken >= count) {
        throw new Problem({
          status: 503,
          type: "exportacoes-demais",
          title: "Exportações demais ao mesmo tempo",
          detail: `Já há ${count} exportações em andamento. Tente de novo em instantes.`,
          headers: { "Retry-After": "10" },
        });
      }
      taken += 1;
      let isTaken = true;
      return () => {
        if (isTaken) taken -= 1;
        isTaken = false;
      };
    },
  };
}
