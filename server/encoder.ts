import { arrowEncoder } from "./arrow.ts";
import type { Format } from "./format.ts";
import { jsonEncoder } from "./json.ts";
import type { Publication } from "./publication.ts";
import type { ResultSet } from "./result-set.ts";

/** What every format says of its rows. */
export type AnswerMetadata = {
  readonly publication: Publication;
  /** One object instead of a list of rows, where the format can tell them apart. */
  readonly single: boolean;
};

/** Turns batches of rows into the bytes of an answer. Every batch has the same columns. */
export type Encoder = {
  add(batch: ResultSet): void;
  /** The whole body, in order. */
  finish(end: {
    /** Rows were left out, and the body says so. */
    readonly truncated: boolean;
  }): readonly Uint8Array[];
};

/** The encoder of a format. */
export function createEncoder(format: Format, metadata: AnswerMetadata): Encoder {
  switch (format) {
    case "json":
      return jsonEncoder(metadata);
    case "arrow":
      return arrowEncoder(metadata);
  }
}
