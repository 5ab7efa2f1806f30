import type { Pool } from "pg";
import type { ServerConfig } from "../runner/config.ts";
import type { AnswerCache } from "./answer-cache.ts";
import type { DashboardMemory } from "./dashboard/read-dashboard.ts";
import type { ServerLog } from "./events.ts";
import type { ExportSlots } from "./export-slots.ts";
import type { KeyRing } from "./key-ring.ts";
import type { CatalogueSource } from "./marts/catalogue.ts";
import type { Metrics } from "./metrics.ts";
import type { PublicationWatch } from "./publication.ts";

/** What every handler works with. */
export type ServerContext = {
  readonly pool: Pool;
  readonly config: ServerConfig;
  readonly watch: PublicationWatch;
  readonly keys: KeyRing;
  readonly catalogue: CatalogueSource;
  readonly answers: AnswerCache;
  readonly dashboard: DashboardMemory;
  readonly metrics: Metrics;
  readonly exportSlots: ExportSlots;
  /** An export whose caller takes nothing for as long is given up; absent means half a minute. */
  readonly stallMs?: number | undefined;
  readonly log: ServerLog;
  readonly now: () => Date;
};
