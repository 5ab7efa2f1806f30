/** How a run reads the objects it was given. */
export type ScanOptions = {
  /** Read everything again, whatever the cursors say. */
  readonly full: boolean;
  /**
   * A backfill: only what was created or altered in this range, `YYYY-MM-DD[ HH:MM:SS]` of
   * Brasília, both ends included. It lands beside the daily runs and touches no cursor.
   */
  readonly range: DateRange | undefined;
  /** Stop after so many pages of the whole run; the next run goes on from there. */
  readonly maxPages: number | undefined;
  /** Ask for no page after this instant; the next run goes on from there. */
  readonly deadline: Date | undefined;
  /** Records a page, from 1 to `MAX_PAGE_SIZE`. */
  readonly pageSize: number;
  /** Believe the source also when more records vanished at once than it seems likely. */
  readonly allowMassRemoval: boolean;
};

/** An end that is undefined is open; at least one is given. */
export type DateRange = { readonly since: string | undefined; readonly until: string | undefined };

/** The source's own maximum. */
export const MAX_PAGE_SIZE = 500;

/** What a run without any option does: what is new or changed, without limits. */
export const everyPage: ScanOptions = {
  full: false,
  range: undefined,
  maxPages: undefined,
  deadline: undefined,
  pageSize: MAX_PAGE_SIZE,
  allowMassRemoval: false,
};
