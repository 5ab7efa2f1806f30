import { once } from "node:events";
import { finished } from "node:stream/promises";
import type { PoolClient } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import type { LandingRecord } from "./record.ts";

/** One row of a landing table, without its payload's database columns that have defaults. */
export type LandingRow = {
  readonly record: LandingRecord;
  readonly seq: bigint;
};

/** What starts and ends a binary COPY stream. */
export const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
export const TRAILER = Buffer.from([0xff, 0xff]);
const JSONB_VERSION = 1;
const FIRST_ROWS = 100;
const COLUMNS = 7;
/** Bytes of a row around its texts: field count, seven lengths, two bigints, hash, version. */
const ROW_OVERHEAD = 2 + COLUMNS * 4 + 8 + 8 + 8 + 16 + 1;

/** The columns that `encodeRows` writes, in order. */
export const copyColumns = [
  "conta",
  "chave",
  "load_id",
  "seq",
  "referencia_data",
  "hash",
  "payload",
] as const;

/**
 * Sends rows through `COPY … FROM STDIN (FORMAT binary)`: the first few, for PostgreSQL to parse
 * while the others are encoded, then all the others at once, so that it never waits for this process.
 * Throws DatabaseError.
 */
export async function copyRows(
  client: PoolClient,
  statement: string,
  load: { readonly conta: string; readonly loadId: bigint },
  rows: readonly LandingRow[],
): Promise<void> {
  await copyChunks(client, statement, [
    () => Buffer.concat([SIGNATURE, encodeRows(load, rows.slice(0, FIRST_ROWS))]),
    () => Buffer.concat([encodeRows(load, rows.slice(FIRST_ROWS)), TRAILER]),
  ]);
}

/** Sends a COPY stream that is made piece by piece. Throws DatabaseError. */
export async function copyChunks(
  client: PoolClient,
  statement: string,
  chunks: Iterable<() => Buffer>,
): Promise<void> {
  const stream = client.query(copyFrom(statement));
  const done = finished(stream);
  // Its failure is seen at the end; meanwhile it must not end the process.
  done.catch(() => undefined);
  for (const chunk of chunks) {
    if (stream.destroyed) break;
    if (!stream.write(chunk())) await Promise.race([once(stream, "drain"), done]);
  }
  stream.end();
  await done;
}

/** Rows in PostgreSQL's binary COPY format, without the stream's signature and trailer. */
export function encodeRows(
  load: { readonly conta: string; readonly loadId: bigint },
  rows: readonly LandingRow[],
): Buffer {
  const conta = Buffer.from(load.conta);
  let size = 0;
  for (const { record } of rows) {
    size += ROW_OVERHEAD + conta.length + Buffer.byteLength(record.chave) + record.json.length;
  }
  const out = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { record, seq } of rows) {
    at = out.writeInt16BE(COLUMNS, at);
    at = out.writeInt32BE(conta.length, at);
    at += conta.copy(out, at);
    const chaveLength = out.write(record.chave, at + 4);
    out.writeInt32BE(chaveLength, at);
    at += 4 + chaveLength;
    at = out.writeInt32BE(8, at);
    at = out.writeBigInt64BE(load.loadId, at);
    at = out.writeInt32BE(8, at);
    at = out.writeBigInt64BE(seq, at);
    if (record.referenciaData === undefined) {
      at = out.writeInt32BE(-1, at);
    } else {
      at = out.writeInt32BE(8, at);
      at = out.writeBigInt64BE(record.referenciaData, at);
    }
    at = out.writeInt32BE(16, at);
    at += out.write(record.hash, at, "hex");
    at = out.writeInt32BE(record.json.length + 1, at);
    at = out.writeUInt8(JSONB_VERSION, at);
    at += record.json.copy(out, at);
  }
  return out.subarray(0, at);
}
