import type { Pool } from "pg";
import { readSourceAges, type SourceAge } from "../../runner/freshness/source-ages.ts";
import { formatAge, formatPlural } from "./formats.ts";
import { type Html, html } from "./html.ts";

export type StaleSources = {
  /** Sources older than declared, of these accounts, or of any when none is named. */
  current(contas: readonly string[]): Promise<readonly SourceAge[]>;
};

/** So long an answer serves again. */
const keptMs = 15_000;

/** Reads which sources were read longer ago than their models declare. */
export function createStaleSources(pool: Pool, now: () => Date): StaleSources {
  let kept: { readonly at: number; readonly ages: readonly SourceAge[] } | undefined;
  return {
    current: async (contas) => {
      const instant = now();
      if (kept === undefined || Math.abs(instant.getTime() - kept.at) >= keptMs) {
        const ages = await readSourceAges(pool, instant);
        kept = { at: instant.getTime(), ages: ages.filter(({ level }) => level !== "fresh") };
      }
      return kept.ages.filter(({ conta }) => contas.length === 0 || contas.includes(conta));
    },
  };
}

/** Names are told as long as they are few. */
const SHOWN = 4;

/**
 * Which sources are behind, the oldest first, and what that means for the numbers; nothing when all
 * were read in time.
 */
export function renderStaleSources(
  stale: readonly SourceAge[],
  { now, contas }: { readonly now: Date; readonly contas: number },
): Html | undefined {
  if (stale.length === 0) return undefined;
  const oldest = [...stale].sort((a, b) => b.ageSeconds - a.ageSeconds);
  const names = oldest.slice(0, SHOWN).map(({ object, conta, readAt, ageSeconds }) => {
    const since = new Date(now.getTime() - ageSeconds * 1_000);
    const age = readAt === null ? "nunca lida até o fim" : formatAge(since, now);
    return `${object}${contas > 1 ? ` de ${conta}` : ""} (${age})`;
  });
  const more = oldest.length - names.length;
  const list =
    more > 0
      ? `${names.join(", ")} e mais ${formatPlural(more, "fonte", "fontes")}`
      : names.join(", ");
  const look = stale.some(({ level }) => level === "error") ? "carga falha" : "carga";
  const held = stale.some(({ level, blocks }) => level === "error" && blocks);
  const meaning = held
    ? "parte dos números ficou como estava"
    : "os números que vêm dela podem estar desatualizados";
  const head = stale.length === 1 ? "fonte atrasada" : "fontes atrasadas";
  const tables = [...new Set(oldest.flatMap(({ feeds }) => feeds))]
    .filter((name) => name.startsWith("marts."))
    .map((name) => name.slice("marts.".length));
  return html`<p class="${look}" title="Alimenta ${tables.join(", ")}">${head}: ${list}; ${stale.length === 1 ? meaning : meaning.replace("dela", "delas")}</p>`;
}
