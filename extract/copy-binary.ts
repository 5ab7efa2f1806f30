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

const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
const TRAILER = Buffer.from([0xff, 0xff]);
const JSONB_VERSION = 1;
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

/** Encodes rows in PostgreSQL's binary COPY format: one buffer, one write. */
export function encodeRows(
  load: { readonly conta: string; readonly loadId: bigint },
  rows: readonly LandingRow[],
): Buffer {
  const conta = Buffer.from(load.conta);
  let size = SIGNATURE.length + TRAILER.length;
  for (const { record } of rows) {
    size += ROW_OVERHEAD + conta.length + Buffer.byteLength(record.chave) + record.json.length;
  }
  const out = Buffer.allocUnsafe(size);
  let at = SIGNATURE.copy(out, 0);
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
  at += TRAILER.copy(out, at);
  return out.subarray(0, at);
}

/** Sends an encoded buffer through `COPY … FROM STDIN (FORMAT binary)`. Throws DatabaseError. */
export async function copyIn(client: PoolClient, statement: string, data: Buffer): Promise<void> {
  const stream = client.query(copyFrom(statement));
  const done = finished(stream);
  if (!stream.write(data)) await Promise.race([once(stream, "drain"), done]);
  stream.end();
  await done;
}
