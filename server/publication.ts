import { type Queryable, query, sql } from "../extract/query.ts";
import { PUBLICATION_CHANNEL } from "../runner/models/build-record.ts";
import type { ServerLog } from "./events.ts";
import type { Topic } from "./listener.ts";

/** A state of the marts that readers see as a whole. */
export type Publication = {
  readonly id: string;
  /** Instant, ISO 8601 in UTC. */
  readonly em: string;
};

/**
 * What tells a publication from every other: of another database, too, such as the demo's or the one
 * before a restore, which counts from 1 as well.
 */
export function publicationTag({ id, em }: Publication): string {
  return `${id} ${em}`;
}

export type PublicationWatch = {
  /**
   * The publication in force, without a query. Undefined when there is none, or when it is not
   * known for certain because the database is away: ask the database then.
   */
  current(): Publication | undefined;
};

/** Keeps the publication in force in memory, as long as somebody listens to its topic. */
export function watchPublication(log: ServerLog): PublicationWatch & { readonly topic: Topic } {
  let current: Publication | undefined;
  let told: string | undefined;
  return {
    current: () => current,
    topic: {
      channel: PUBLICATION_CHANNEL,
      forget: () => {
        current = undefined;
      },
      refresh: async (on, isCurrent) => {
        const publication = await latestPublication(on);
        if (!isCurrent()) return;
        current = publication;
        if (publication === undefined) return;
        const tag = publicationTag(publication);
        if (tag === told) return;
        told = tag;
        log({ type: "published", publicationId: publication.id });
      },
    },
  };
}

/** The newest publication, or undefined before the first. */
export async function latestPublication(on: Queryable): Promise<Publication | undefined> {
  const [row] = await query<Publication>(
    on,
    sql`
      select
          publication_id::text as id,
          to_char(published_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as em
      from elt.publications
      order by publication_id desc
      limit 1`,
  );
  return row;
}
