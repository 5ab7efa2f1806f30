import {
  Bool,
  type Data,
  type DataType,
  DateDay,
  Decimal,
  Field,
  Float64,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  TimestampMicrosecond,
  tableToIPC,
  Utf8,
} from "apache-arrow";
import type { AnswerMetadata, Encoder } from "./encoder.ts";
import type { Column, ColumnType } from "./result-set.ts";

/**
 * An Arrow IPC stream with the columns' exact types. What JSON says around the rows stands in the
 * schema's metadata: `publicacao_id`, `publicacao_em` and, when rows were left out, `truncado`.
 */
export function arrowEncoder({ publication }: AnswerMetadata): Encoder {
  let fields: Field[] = [];
  const batches: Data<Struct>[] = [];
  return {
    add: ({ columns, rows }) => {
      fields = columns.map(({ name, type }) => new Field(name, arrowType(type), true));
      const children = columns.map((column, index) =>
        arrowColumn(
          column,
          rows.map((row) => row[index] ?? null),
        ),
      );
      const type = new Struct(fields);
      batches.push(makeData({ type, length: rows.length, nullCount: 0, children }));
    },
    finish: ({ truncated }) => {
      const metadata = new Map([
        ["publicacao_id", publication.id],
        ["publicacao_em", publication.em],
        ...(truncated ? [["truncado", "true"] as const] : []),
      ]);
      const schema = new Schema(fields, metadata);
      const records = batches.map((data) => new RecordBatch(schema, data));
      return [tableToIPC(new Table(schema, records), "stream")];
    },
  };
}

/** The exact Arrow type of a column. */
export function arrowType(type: ColumnType): DataType {
  switch (type.kind) {
    case "int32":
      return new Int32();
    case "int64":
      return new Int64();
    case "float64":
      return new Float64();
    case "boolean":
      return new Bool();
    case "date":
      return new DateDay();
    case "timestamp":
      return new TimestampMicrosecond("UTC");
    case "decimal":
      return new Decimal(type.scale, type.precision, 128);
    // Digits without a declared number of them fit no Arrow number exactly.
    case "numeric":
    case "text":
      return new Utf8();
  }
}

function arrowColumn({ type }: Column, values: readonly (string | null)[]): Data {
  const length = values.length;
  switch (type.kind) {
    case "int32": {
      const data = new Int32Array(length);
      const validity = fill(values, Number, (value, row) => {
        data[row] = value;
      });
      return makeData({ type: new Int32(), length, ...validity, data });
    }
    case "int64": {
      const data = new BigInt64Array(length);
      const validity = fill(values, BigInt, (value, row) => {
        data[row] = value;
      });
      return makeData({ type: new Int64(), length, ...validity, data });
    }
    case "float64": {
      const data = new Float64Array(length);
      const validity = fill(values, Number, (value, row) => {
        data[row] = value;
      });
      return makeData({ type: new Float64(), length, ...validity, data });
    }
    case "boolean": {
      const data = new Uint8Array(bitmapBytes(length));
      const validity = fill(values, isTrue, (value, row) => {
        if (value) setBit(data, row);
      });
      return makeData({ type: new Bool(), length, ...validity, data });
    }
    case "date": {
      const data = new Int32Array(length);
      const validity = fill(values, daysSince1970, (value, row) => {
        data[row] = value;
      });
      return makeData({ type: new DateDay(), length, ...validity, data });
    }
    case "timestamp": {
      const data = new BigInt64Array(length);
      const validity = fill(values, microsecondsSince1970, (value, row) => {
        data[row] = value;
      });
      return makeData({ type: new TimestampMicrosecond("UTC"), length, ...validity, data });
    }
    case "decimal": {
      const { scale, precision } = type;
      const halves = new BigUint64Array(length * 2);
      const validity = fill(
        values,
        (text) => unscaledInteger(text, scale),
        (value, row) => {
          // 128 bits, two's complement, the low half first.
          halves[row * 2] = BigInt.asUintN(64, value);
          halves[row * 2 + 1] = BigInt.asUintN(64, value >> 64n);
        },
      );
      const data = new Uint32Array(halves.buffer);
      return makeData({ type: new Decimal(scale, precision, 128), length, ...validity, data });
    }
    case "numeric":
    case "text":
      return textColumn(values);
  }
}

function textColumn(values: readonly (string | null)[]): Data {
  const length = values.length;
  const valueOffsets = new Int32Array(length + 1);
  const chunks: Buffer[] = [];
  const validity = fill(values, utf8, (bytes, row) => {
    chunks.push(bytes);
    valueOffsets[row + 1] = bytes.length;
  });
  // Lengths become ends; a null row has none.
  for (let row = 1; row <= length; row++) {
    valueOffsets[row] = (valueOffsets[row] ?? 0) + (valueOffsets[row - 1] ?? 0);
  }
  return makeData({
    type: new Utf8(),
    length,
    ...validity,
    valueOffsets,
    data: Buffer.concat(chunks),
  });
}

type Validity = { readonly nullCount: number; readonly nullBitmap: Uint8Array };

/** Writes every value that can be read; the others are null. */
function fill<Value>(
  values: readonly (string | null)[],
  read: (text: string) => Value | undefined,
  write: (value: Value, row: number) => void,
): Validity {
  const nullBitmap = new Uint8Array(bitmapBytes(values.length));
  let nullCount = 0;
  values.forEach((text, row) => {
    const value = text === null ? undefined : read(text);
    if (value === undefined) {
      nullCount += 1;
      return;
    }
    write(value, row);
    setBit(nullBitmap, row);
  });
  return { nullCount, nullBitmap };
}

function utf8(text: string): Buffer {
  return Buffer.from(text);
}

function isTrue(text: string): boolean {
  return text === "t";
}

function bitmapBytes(length: number): number {
  return Math.ceil(length / 8);
}

function setBit(bitmap: Uint8Array, row: number): void {
  bitmap[row >> 3] = (bitmap[row >> 3] ?? 0) | (1 << (row & 7));
}

/** The digits of a decimal as one integer; undefined for NaN and infinity, which Arrow lacks. */
function unscaledInteger(text: string, scale: number): bigint | undefined {
  const [, sign, whole, fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const digits = BigInt(whole + fraction.padEnd(scale, "0"));
  return sign === "-" ? -digits : digits;
}

const dayMs = 86_400_000;

/** Undefined for infinity and for days before Christ. */
function daysSince1970(text: string): number | undefined {
  const [, year, month, day] = /^(\d{4,})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  if (year === undefined) return undefined;
  // Unlike Date.UTC, it takes the years 0 to 99 as they are.
  return new Date(0).setUTCFullYear(Number(year), Number(month) - 1, Number(day)) / dayMs;
}

function microsecondsSince1970(text: string): bigint | undefined {
  const [, date, hours, minutes, seconds, fraction = ""] =
    /^(\S+) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?\+00$/.exec(text) ?? [];
  const day = date === undefined ? undefined : daysSince1970(date);
  if (day === undefined) return undefined;
  const clock = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return BigInt(day * 86_400 + clock) * 1_000_000n + BigInt(fraction.padEnd(6, "0"));
}
