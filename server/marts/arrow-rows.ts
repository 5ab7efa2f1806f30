import { Field, makeData, RecordBatch, Schema, Struct, Table, tableToIPC } from "apache-arrow";
import type { ColumnType } from "../result-set.ts";
import { createColumnBuilder } from "./arrow-column.ts";

/** A column of an Arrow stream. */
export type ArrowColumn = {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** Of few values, which are sent once. */
  readonly isCategory: boolean;
};

/**
 * As fast as batches of four times as many, in two thirds of the memory: what is garbage waits for
 * its collection, and larger pieces wait in larger numbers. With smaller ones dictionaries count.
 */
const batchRows = 4_096;
/** Signature, flags and the length of an empty extension. */
const COPY_HEADER_BYTES = 19;
/** The mark that ends an IPC stream. */
const END_BYTES = 8;

/**
 * Turns COPY's binary format into an Arrow IPC stream, a batch of rows at a time, in the memory of
 * one batch. A dictionary goes out again before each batch, with the values seen so far.
 */
export async function* arrowRows(
  chunks: AsyncIterable<Buffer>,
  columns: readonly ArrowColumn[],
  metadata: ReadonlyMap<string, string>,
): AsyncGenerator<Uint8Array> {
  const builders = columns.map(({ type, isCategory }, index) =>
    createColumnBuilder(type, batchRows, isCategory ? index : undefined),
  );
  const fields = columns.map(
    ({ name, nullable }, index) =>
      new Field(name, builders[index]?.type ?? new Struct([]), nullable),
  );
  const schema = new Schema(fields, new Map(metadata));
  const opening = tableToIPC(new Table(schema), "stream");
  const ending = opening.subarray(-END_BYTES);
  yield opening.subarray(0, -END_BYTES);

  let rows = 0;
  const flush = (): Uint8Array => {
    const children = builders.map((builder) => builder.data(rows));
    const type = new Struct(fields);
    const data = makeData({ type, length: rows, nullCount: 0, children });
    // A stream of its own, of which the schema was sent and the end is to come.
    const stream = tableToIPC(new Table(schema, [new RecordBatch(schema, data)]), "stream");
    for (const builder of builders) builder.clear();
    rows = 0;
    return stream.subarray(opening.length - END_BYTES, -END_BYTES);
  };

  let rest: Buffer = Buffer.alloc(0);
  let place = COPY_HEADER_BYTES;
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      const end = rowEnd(bytes, place);
      if (end === undefined) break;
      let at = place + 2;
      for (const builder of builders) {
        const length = bytes.readInt32BE(at);
        builder.add(rows, bytes, at + 4, length);
        at += 4 + Math.max(0, length);
      }
      place = end;
      rows += 1;
      if (rows === batchRows) yield flush();
    }
    rest = bytes.subarray(Math.min(place, bytes.length));
    place = Math.max(0, place - bytes.length);
  }
  if (rows > 0) yield flush();
  yield ending;
}

/** Where the row at a place ends; undefined when it has not arrived whole, or the rows are over. */
function rowEnd(bytes: Buffer, place: number): number | undefined {
  if (place + 2 > bytes.length) return undefined;
  const count = bytes.readInt16BE(place);
  if (count === -1) return undefined;
  let at = place + 2;
  for (let column = 0; column < count; column++) {
    if (at + 4 > bytes.length) return undefined;
    at += 4 + Math.max(0, bytes.readInt32BE(at));
  }
  return at > bytes.length ? undefined : at;
}
