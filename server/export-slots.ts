import { Problem } from "./problem.ts";

/** Connections that exports may hold at the same time. */
export type ExportSlots = {
  /**
   * Takes one, as soon as one is free; the function that is returned gives it back.
   * @throws Problem 503 when all of them stay taken for a while
   */
  take(): Promise<() => void>;
};

/**
 * An export gives its slot back a moment after its caller has the last byte: who asks for one export
 * after the other never meets the limit.
 */
const waitMs = 1_500;

/** So few that the dashboard and the small answers always find a connection. */
export function createExportSlots(count: number): ExportSlots {
  let taken = 0;
  const waiting = new Set<() => void>();
  const giveBack = () => {
    const [next] = waiting;
    // Handed on at once, so that nobody who comes meanwhile takes it.
    if (next === undefined) taken -= 1;
    else next();
  };
  return {
    take: async () => {
      if (taken < count) taken += 1;
      else if (!(await isFreed(waiting))) {
        throw new Problem({
          status: 503,
          type: "exportacoes-demais",
          title: "Exportações demais ao mesmo tempo",
          detail: `Já há ${count} exportações em andamento. Tente de novo em instantes.`,
          headers: { "Retry-After": "10" },
        });
      }
      let isTaken = true;
      return () => {
        if (isTaken) giveBack();
        isTaken = false;
      };
    },
  };
}

/** Whether a slot was given back for this one who waits, in time. */
function isFreed(waiting: Set<() => void>): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (freed: boolean) => {
      clearTimeout(overdue);
      waiting.delete(take);
      resolve(freed);
    };
    const take = () => end(true);
    const overdue = setTimeout(() => end(false), waitMs);
    waiting.add(take);
  });
}
