import type { Pool } from "pg";
import type { ServerConfig } from "../runner/config.ts";
import type { ServerLog } from "./events.ts";
import type { KeyRing } from "./key-ring.ts";
import type { PublicationWatch } from "./publication.ts";

/** What every handler works with. */
export type ServerContext = {
  readonly pool: Pool;
  readonly config: ServerConfig;
  readonly watch: PublicationWatch;
  readonly keys: KeyRing;
  readonly log: ServerLog;
  readonly now: () => Date;
};
