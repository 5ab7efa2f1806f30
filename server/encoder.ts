import { arrowEncoder } from "./arrow.ts";
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
    /** Address of the rows that follow, where there are any. */
    readonly next?: string | undefined;
  }): readonly Uint8Array[];
};

/** The encoder of a format. */
export function createEncoder(format: "json" | "arrow", metadata: AnswerMetadata): Encoder {
  switch (format) {
    case "json":
      return jsonEncoder(metadata);
    case "arrow":
      return arrowEncoder(metadata);
  }
}
