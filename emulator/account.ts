import { type BaseRows, rowsFromArray, type StampedRecord } from "./base-rows.ts";
import { objectAtPath, objectSpecs, specOf } from "./fields.ts";
import { type CvdwRecord, type Json, keyText, orderOf } from "./record.ts";
import { type ExtraRow, type Selection, type StampRange, select } from "./selection.ts";
import { wallClockText } from "./wall-clock.ts";

/** When a scripted change happens: an instant, or Brasília wall clock `YYYY-MM-DD HH:MM:SS`. */
export type ChangeTime = { readonly at?: Date | string };

/**
 * An account of the emulated source: credentials and the records of every object. Records are
 * plain JSON; objects never given any are empty. Changes show in the next answer.
 */
export type Account = {
  readonly conta: string;
  readonly email: string;
  readonly token: string;
  /** How many records an object has now. */
  readonly count: (object: string) => number;
  /** The selected records of an object, in page order, as JSON texts from `start` up to `end` (excluded). */
  readonly page: (object: string, range: StampRange, start: number, end: number) => Page;
  /** All current records of an object in page order, as a page would show them. */
  readonly records: (object: string) => Iterable<CvdwRecord>;
  /**
   * Changes fields of a record. It moves to the end, with the time of the edit as its
   * `referencia_data` (unless the patch names one); in objects whose `referencia_data` is
   * `data_cad` it stays where it is, and returns through the date filter only with
   * `editsComeBack`. Throws when the object or key is unknown.
   */
  readonly edit: (object: string, key: RecordKey, patch: CvdwRecord, time?: ChangeTime) => void;
  /** Adds a record, at the place its `referencia_data` gives it. */
  readonly insert: (object: string, record: CvdwRecord, time?: ChangeTime) => void;
  /** Removes a record physically: no page, no filter shows it again. Throws when it is unknown. */
  readonly remove: (object: string, key: RecordKey) => void;
  /** Adds a field to every record of an object from now on. */
  readonly addField: (object: string, name: string, value: FieldValue) => void;
};

export type Page = { readonly total: number; readonly rows: readonly string[] };

/** A key: one value, or the values of a composed key in the catalogue's order. */
export type RecordKey = string | number | readonly (string | number)[];

export type FieldValue = Json | ((record: CvdwRecord) => Json);

export type AccountOptions = {
  readonly conta: string;
  /** Default demo@example.com. */
  readonly email?: string;
  /** Default demo-token. */
  readonly token?: string;
  /** Rows per object: computed ones, or arrays of records. */
  readonly objects?: {
    readonly [object: string]: BaseRows | readonly (CvdwRecord | StampedRecord)[];
  };
  /** Do edits of `data_cad` objects return through the date filter? Default: no. */
  readonly editsComeBack?: boolean;
  /** The clock that dates scripted changes. */
  readonly now?: () => Date;
};

type ObjectState = {
  readonly base: BaseRows;
  readonly key: readonly string[];
  readonly staysOnEdit: boolean;
  readonly gone: Set<number>;
  readonly replaced: Map<number, CvdwRecord>;
  readonly restamped: Map<number, string>;
  readonly extras: ExtraRow[];
  readonly extrasByKey: Map<string, ExtraRow>;
  readonly added: Map<string, FieldValue>;
  readonly selections: Map<string, Selection>;
};

type Found =
  | { readonly from: "base"; readonly position: number; readonly record: CvdwRecord }
  | { readonly from: "extra"; readonly row: ExtraRow; readonly record: CvdwRecord };

/** Makes an account. Throws on an object that the source does not have. */
export function createAccount(options: AccountOptions): Account {
  const {
    conta,
    email = "demo@example.com",
    token = "demo-token",
    now = () => new Date(),
  } = options;
  for (const object of Object.keys(options.objects ?? {})) specOf(object);
  const states = new Map<string, ObjectState>();
  const stateOf = (name: string): ObjectState => {
    // Two names of one path are one object.
    const object = objectAtPath(specOf(name).path) ?? name;
    let state = states.get(object);
    if (state === undefined) {
      state = openObject(object, options.objects?.[object] ?? []);
      states.set(object, state);
    }
    return state;
  };
  const timeOf = (time: ChangeTime | undefined): string => {
    const at = time?.at ?? now();
    return typeof at === "string" ? at : wallClockText(at);
  };

  return {
    conta,
    email,
    token,
    count: (object) => selectionOf(stateOf(object), {}).count,
    page: (object, range, start, end) => {
      const state = stateOf(object);
      const selection = selectionOf(state, range);
      const rows: string[] = [];
      for (let index = start; index < Math.min(end, selection.count); index++) {
        rows.push(JSON.stringify(shown(state, selection.at(index))));
      }
      return { total: selection.count, rows };
    },
    *records(object) {
      const state = stateOf(object);
      const selection = selectionOf(state, {});
      for (let index = 0; index < selection.count; index++) yield shown(state, selection.at(index));
    },
    edit: (object, key, patch, time) => {
      const state = stateOf(object);
      const found = find(state, object, key);
      const stamp = timeOf(time);
      const moves = !state.staysOnEdit || "referencia_data" in patch;
      const moved = moves ? { referencia_data: stamp, ...patch } : patch;
      const dated = moves && !("data_modificacao" in patch) && "data_modificacao" in found.record;
      const record = { ...found.record, ...moved, ...(dated ? { data_modificacao: stamp } : {}) };
      if (found.from === "base" && !moves) {
        state.replaced.set(found.position, record);
        if (options.editsComeBack) state.restamped.set(found.position, stamp);
      } else {
        const previous = takeOut(state, found);
        const comesBack = moves || options.editsComeBack;
        place(state, { record, order: orderOf(record), stamp: comesBack ? stamp : previous });
      }
      state.selections.clear();
    },
    insert: (object, record, time) => {
      const state = stateOf(object);
      place(state, { record, order: orderOf(record), stamp: timeOf(time) });
      state.selections.clear();
    },
    remove: (object, key) => {
      const state = stateOf(object);
      takeOut(state, find(state, object, key));
      state.selections.clear();
    },
    addField: (object, name, value) => {
      stateOf(object).added.set(name, value);
    },
  };
}

function openObject(
  object: string,
  given: BaseRows | readonly (CvdwRecord | StampedRecord)[],
): ObjectState {
  const spec = specOf(object);
  const base = isArray(given)
    ? rowsFromArray(
        given.map((row) => (isStamped(row) ? row : { record: row })),
        spec.key,
      )
    : given;
  return {
    base,
    key: spec.key,
    staysOnEdit: spec.referencia_data_is === "data_cad",
    gone: new Set(),
    replaced: new Map(),
    restamped: new Map(),
    extras: [],
    extrasByKey: new Map(),
    added: new Map(),
    selections: new Map(),
  };
}

function isArray<Row>(given: BaseRows | readonly Row[]): given is readonly Row[] {
  return Array.isArray(given);
}

function isStamped(row: CvdwRecord | StampedRecord): row is StampedRecord {
  return "record" in row && typeof row.record === "object" && row.record !== null;
}

function selectionOf(state: ObjectState, range: StampRange): Selection {
  const name = `${range.from ?? ""}..${range.until ?? ""}`;
  let selection = state.selections.get(name);
  if (selection === undefined) {
    if (state.selections.size > 20) state.selections.clear();
    selection = select(state.base, state, range);
    state.selections.set(name, selection);
  }
  return selection;
}

function shown(state: ObjectState, selected: ReturnType<Selection["at"]>): CvdwRecord {
  const record =
    selected.from === "extra"
      ? selected.row.record
      : (state.replaced.get(selected.position) ?? state.base.record(selected.position));
  if (state.added.size === 0) return record;
  const widened: Record<string, Json> = { ...record };
  for (const [name, value] of state.added) {
    widened[name] = typeof value === "function" ? value(record) : value;
  }
  return widened;
}

function find(state: ObjectState, object: string, key: RecordKey): Found {
  const wanted = isComposed(key) ? key.join("|") : String(key);
  const extra = state.extrasByKey.get(wanted);
  if (extra !== undefined) return { from: "extra", row: extra, record: extra.record };
  const position = state.base.find(wanted);
  if (position === undefined || state.gone.has(position)) {
    throw new Error(`${object} has no record with key ${wanted}`);
  }
  const record = state.replaced.get(position) ?? state.base.record(position);
  return { from: "base", position, record };
}

function isComposed(key: RecordKey): key is readonly (string | number)[] {
  return typeof key === "object";
}

/** Takes a row out of its place and returns the stamp it had. */
function takeOut(state: ObjectState, found: Found): string {
  if (found.from === "extra") {
    state.extras.splice(state.extras.indexOf(found.row), 1);
    state.extrasByKey.delete(keyText(found.record, state.key));
    return found.row.stamp;
  }
  state.gone.add(found.position);
  state.replaced.delete(found.position);
  return (
    state.restamped.get(found.position) ??
    state.base.changedLater.get(found.position) ??
    state.base.stamp(found.position)
  );
}

function place(state: ObjectState, row: ExtraRow): void {
  // Most changes come last: look from the end.
  const before = state.extras.findLastIndex((other) => other.order <= row.order);
  state.extras.splice(before + 1, 0, row);
  state.extrasByKey.set(keyText(row.record, state.key), row);
}

/** The names of every object an account can hold. */
export const objectNames: readonly string[] = [...objectSpecs.keys()];
