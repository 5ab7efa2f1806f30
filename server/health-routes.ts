import type { RequestHandler } from "express";
import { readSourceAges, type SourceAge } from "../runner/freshness/source-ages.ts";
import { pendingMigrations } from "../runner/migrate.ts";
import type { ServerContext } from "./context.ts";
import { Problem } from "./problem.ts";
import { readPublished } from "./read-published.ts";

/** The process lives. Never asks the database. */
export const answerHealth: RequestHandler = (_request, response) => {
  response.setHeader("Cache-Control", "no-store");
  response.json({ status: "ok" });
};

/** Older than this is told, whatever the limit is. */
const oldMs = 48 * 3_600_000;

/**
 * Whether it makes sense to send readers here: `{status, publicacao:{id,em}, idade_segundos,
 * publicacao_antiga, fontes_atrasadas, migracoes_pendentes}`. 503 when the database is away, nothing is published,
 * migrations are pending, or the publication is older than READY_MAX_AGE_HOURS. Without that limit
 * an old publication is only told, as are sources that were read too long ago (by object, without
 * naming accounts to a stranger): they are still better than none.
 */
export function answerReady(context: ServerContext): RequestHandler {
  let looking: Promise<object> | undefined;
  return async (_request, response) => {
    response.setHeader("Cache-Control", "no-store");
    // Strangers may ask, as often as they like: all who ask at the same time are one connection.
    looking ??= lookReady(context).finally(() => {
      looking = undefined;
    });
    response.json(await looking);
  };
}

async function lookReady({ pool, config, now }: ServerContext): Promise<object> {
  const { readyMaxAgeMs } = config;
  const { id, em } = await readPublished(
    pool,
    { contas: undefined },
    async ({ publication }) => publication,
  );
  const pending = await pendingMigrations(pool);
  if (pending.length > 0) {
    throw new Problem({
      status: 503,
      type: "migracoes-pendentes",
      title: "Faltam migrações",
      detail: "O programa é mais novo que o banco de dados. Reinicie-o para migrar.",
      members: { migracoes_pendentes: pending },
    });
  }
  const age = Math.max(0, now().getTime() - Date.parse(em));
  const seconds = Math.floor(age / 1000);
  if (readyMaxAgeMs !== undefined && age > readyMaxAgeMs) {
    throw new Problem({
      status: 503,
      type: "publicacao-antiga",
      title: "A publicação é antiga",
      detail: `A última publicação é de ${em}, há ${seconds} s; o limite é ${Math.floor(readyMaxAgeMs / 1000)} s.`,
    });
  }
  const ages = await readSourceAges(pool, now());
  return {
    status: "ok",
    publicacao: { id: Number(id), em },
    idade_segundos: seconds,
    publicacao_antiga: age > (readyMaxAgeMs ?? oldMs),
    fontes_atrasadas: staleObjects(ages),
    migracoes_pendentes: [],
  };
}

/** Of several accounts the oldest reading counts. */
function staleObjects(ages: readonly SourceAge[]) {
  const oldestFirst = ages
    .filter(({ level }) => level !== "fresh")
    .sort((a, b) => b.ageSeconds - a.ageSeconds);
  const objects = [...new Set(oldestFirst.map(({ object }) => object))];
  return objects.map((objeto) => {
    const [oldest] = oldestFirst.filter(({ object }) => object === objeto);
    return {
      objeto,
      nivel: oldest?.level === "error" ? "erro" : "aviso",
      idade_segundos: oldest?.ageSeconds ?? 0,
    };
  });
}
