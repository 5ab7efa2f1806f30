import { UnprovenError } from "./column-origin.ts";
import { columnsRead } from "./columns-read.ts";
import { type KeyProof, proveKey } from "./key-proof.ts";
import { locate, type Position, startOfSelect } from "./position.ts";
import type { Model, Project } from "./project.ts";
import { readQuery } from "./read-query.ts";

/** Where a model reads a relation that can be restricted to keys. */
export type RestrictedInput = {
  readonly relation: string;
  /** The relation's columns that carry `columns` of the model, in their order. */
  readonly columns: readonly string[];
  /** Where the relation's name stands in the text. */
  readonly position: Position;
  /** An alias stands after the name. */
  readonly isNamed: boolean;
};

/** Where a model reads a relation whole: a change in it rebuilds the model, but for `lookups`. */
export type WholeInput = {
  readonly relation: string;
  readonly because: string;
  readonly position: Position;
  /**
   * By what columns a changed row of it finds the rows of a restricted input that it meets, and by
   * them the keys to compute again; empty when it does not.
   */
  readonly lookups: readonly LookupInput[];
};

/** `columns` equal `throughColumns` of the restricted input whose name stands at `position`. */
export type LookupInput = {
  readonly columns: readonly string[];
  readonly throughColumns: readonly string[];
  readonly through: RestrictedInput;
};

/**
 * Whether the rows of a key rest only on rows of its inputs that carry that key. If they do, the
 * model can be rebuilt for some keys alone: the same SELECT over the inputs restricted to them.
 */
export type KeyLocality =
  | {
      readonly keyLocal: true;
      /** The columns of `@key` that tell the rows' origin; those that are computed are left out. */
      readonly columns: readonly string[];
      readonly inputs: readonly RestrictedInput[];
      readonly whole: readonly WholeInput[];
    }
  | {
      readonly keyLocal: false;
      /** A sentence that ends with line and column of the reason. */
      readonly because: string;
      readonly position: Position;
    };

/**
 * Proves from the parse tree that a model is key-local, or tells why it is not. Nothing is taken
 * from names alone: a key column is followed through CTEs to the columns it is a copy of, and every
 * join, group, DISTINCT ON, window and subquery on the way must hold all of them together. What is
 * not proved is not key-local: its rows are then computed from the whole of its inputs.
 */
export function keyLocality(model: Model, project: Project): KeyLocality {
  const at = (byte: number): Position =>
    byte > 0 ? locate(model.text, "byte", byte) : startOfSelect(model.text);
  const no = (because: string, byte: number): KeyLocality => {
    const position = at(byte);
    const where = `line ${position.line}, column ${position.column}`;
    return { keyLocal: false, because: `${because} (${where})`, position };
  };
  if (model.build === "view") return no("a view is not built, only its tables are", 0);
  if (model.tree === undefined) return no("it cannot be parsed", 0);
  const query = readQuery(model.tree);
  const hidden = hiddenColumnIn(query);
  if (hidden !== undefined) {
    return no(`it reads the system column ${hidden}, which changes without the row`, 0);
  }
  try {
    const proof = proveKey(query, model.header.key, restrictable(project));
    return found(proof, at);
  } catch (error) {
    if (!(error instanceof UnprovenError)) throw error;
    return no(error.message, error.at);
  }
}

function found(proof: KeyProof, at: (byte: number) => Position): KeyLocality {
  const byPlace = new Map(
    proof.restricted.map(({ occurrence, columns }): [number, RestrictedInput] => [
      occurrence.at,
      {
        relation: occurrence.relation,
        columns,
        position: at(occurrence.at),
        isNamed: occurrence.isNamed,
      },
    ]),
  );
  return {
    keyLocal: true,
    columns: proof.columns,
    inputs: [...byPlace.values()],
    whole: proof.whole.map(({ occurrence, because, lookups }) => ({
      relation: occurrence.relation,
      because,
      position: at(occurrence.at),
      lookups: lookups.flatMap(({ columns, throughColumns, through }) => {
        const input = byPlace.get(through.at);
        return input === undefined ? [] : [{ columns, throughColumns, through: input }];
      }),
    })),
  };
}

/** Tables and newest versions can tell which of their keys changed; mappings and views cannot. */
function restrictable(project: Project): (relation: string) => string | undefined {
  const byName = new Map(project.models.map((model) => [model.name, model]));
  return (relation) => {
    if (relation.startsWith("landing.")) {
      return relation.endsWith("_atual") ? undefined : "it holds every version of a record";
    }
    if (relation.startsWith("seeds.")) return "it is a mapping";
    return byName.get(relation)?.build === "table" ? undefined : "it is a view";
  };
}

const systemColumns = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

function hiddenColumnIn(query: ReturnType<typeof readQuery>): string | undefined {
  for (const columns of columnsRead(query).values()) {
    const hidden = columns === "all" ? undefined : systemColumns.find((name) => columns.has(name));
    if (hidden !== undefined) return hidden;
  }
  return undefined;
}
