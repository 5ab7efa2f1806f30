import {
  Bool,
  Data,
  type DataType,
  type Decimal,
  Dictionary,
  Int32,
  makeData,
  makeVector,
  Utf8,
} from "apache-arrow";
import { arrowType } from "../arrow.ts";
import type { ColumnType } from "../result-set.ts";
import { readDecimal } from "./read-decimal.ts";

/** Collects the values of one column as Arrow keeps them, from PostgreSQL's binary format. */
export type ColumnBuilder = {
  readonly type: DataType;
  /** Takes the value of a row: `length` bytes at `at`, -1 for null. */
  add(row: number, bytes: Buffer, at: number, length: number): void;
  /** The first rows, as views that hold until `clear`. */
  data(rows: number): Data;
  /** Makes room for other rows. */
  clear(): void;
};

/** Days and microseconds from 1970, where Arrow counts from, to 2000, where PostgreSQL does. */
const DAYS_TO_2000 = 10_957;
const MICROSECONDS_TO_2000 = 946_684_800_000_000n;
/** PostgreSQL writes infinity as the largest and smallest number. */
const MOST_DAYS = 0x7fffffff;
const MOST_MICROSECONDS = 0x7fffffffffffffffn;

/**
 * A builder for a column with room for `capacity` rows. `dictionary` is the id of its dictionary,
 * when it is one of few values.
 */
export function createColumnBuilder(
  type: ColumnType,
  capacity: number,
  dictionary: number | undefined,
): ColumnBuilder {
  switch (type.kind) {
    case "int32":
    case "date": {
      const data = new Int32Array(capacity);
      const shift = type.kind === "date" ? DAYS_TO_2000 : 0;
      return fixedBuilder(type, capacity, data, 1, (row, bytes, at) => {
        const value = bytes.readInt32BE(at);
        data[row] = value + shift;
        return shift === 0 || (value !== MOST_DAYS && value !== ~MOST_DAYS);
      });
    }
    case "int64":
    case "timestamp": {
      const data = new BigInt64Array(capacity);
      const shift = type.kind === "timestamp" ? MICROSECONDS_TO_2000 : 0n;
      return fixedBuilder(type, capacity, data, 1, (row, bytes, at) => {
        const value = bytes.readBigInt64BE(at);
        data[row] = value + shift;
        return shift === 0n || (value !== MOST_MICROSECONDS && value !== ~MOST_MICROSECONDS);
      });
    }
    case "float64": {
      const data = new Float64Array(capacity);
      return fixedBuilder(type, capacity, data, 1, (row, bytes, at) => {
        data[row] = bytes.readDoubleBE(at);
        return true;
      });
    }
    case "decimal": {
      const data = new Uint32Array(capacity * 4);
      const { scale } = type;
      return fixedBuilder(type, capacity, data, 4, (row, bytes, at) =>
        readDecimal(bytes, at, scale, data, row * 4),
      );
    }
    case "boolean":
      return booleanBuilder(capacity);
    case "numeric":
    case "text":
      return dictionary === undefined
        ? textBuilder(capacity)
        : dictionaryBuilder(capacity, dictionary);
  }
}

/** Values of the same width; `write` tells whether there is one, or an infinity that Arrow lacks. */
function fixedBuilder(
  type: ColumnType,
  capacity: number,
  values: Int32Array | BigInt64Array | Float64Array | Uint32Array,
  width: number,
  write: (row: number, bytes: Buffer, at: number) => boolean,
): ColumnBuilder {
  const validity = createValidity(capacity);
  const made = arrowType(type) as Decimal;
  return {
    type: made,
    add: (row, bytes, at, length) => {
      if (length !== -1 && write(row, bytes, at)) validity.set(row);
    },
    data: (rows) => {
      const data = values.subarray(0, rows * width) as Uint32Array;
      return makeData({ type: made, length: rows, ...validity.of(rows), data });
    },
    clear: validity.clear,
  };
}

function booleanBuilder(capacity: number): ColumnBuilder {
  const validity = createValidity(capacity);
  const values = new Uint8Array(bitmapBytes(capacity));
  const type = new Bool();
  return {
    type,
    add: (row, bytes, at, length) => {
      if (length === -1) return;
      validity.set(row);
      if (bytes[at] === 1) values[row >> 3] = (values[row >> 3] ?? 0) | (1 << (row & 7));
    },
    data: (rows) =>
      makeData({
        type,
        length: rows,
        ...validity.of(rows),
        data: values.subarray(0, bitmapBytes(rows)),
      }),
    clear: () => {
      validity.clear();
      values.fill(0);
    },
  };
}

function textBuilder(capacity: number): ColumnBuilder {
  const validity = createValidity(capacity);
  const valueOffsets = new Int32Array(capacity + 1);
  let text = Buffer.allocUnsafe(capacity * 16);
  const type = new Utf8();
  return {
    type,
    add: (row, bytes, at, length) => {
      const start = valueOffsets[row] ?? 0;
      const end = start + Math.max(0, length);
      valueOffsets[row + 1] = end;
      if (length === -1) return;
      validity.set(row);
      if (end > text.length) {
        const larger = Buffer.allocUnsafe(Math.max(end, text.length * 2));
        text.copy(larger, 0, 0, start);
        text = larger;
      }
      bytes.copy(text, start, at, at + length);
    },
    data: (rows) =>
      makeData({
        type,
        length: rows,
        ...validity.of(rows),
        valueOffsets: valueOffsets.subarray(0, rows + 1),
        data: text.subarray(0, valueOffsets[rows]),
      }),
    clear: validity.clear,
  };
}

/** Each text once, in the order of first sight; the values of all batches so far. */
function dictionaryBuilder(capacity: number, id: number): ColumnBuilder {
  const validity = createValidity(capacity);
  const indices = new Int32Array(capacity);
  const places = new Map<string, number>();
  const type = new Dictionary(new Utf8(), new Int32(), id);
  return {
    type,
    add: (row, bytes, at, length) => {
      if (length === -1) return;
      validity.set(row);
      const text = bytes.toString("utf8", at, at + length);
      let place = places.get(text);
      if (place === undefined) {
        place = places.size;
        places.set(text, place);
      }
      indices[row] = place;
    },
    data: (rows) => {
      const values = textBuilder(Math.max(1, places.size));
      let row = 0;
      for (const text of places.keys()) {
        const bytes = Buffer.from(text);
        values.add(row, bytes, 0, bytes.length);
        row += 1;
      }
      const { nullCount, nullBitmap } = validity.of(rows);
      const buffers = [undefined, indices.subarray(0, rows), nullBitmap] as const;
      const dictionary = makeVector(values.data(places.size));
      return new Data(type, 0, rows, nullCount, buffers as never, [], dictionary);
    },
    clear: () => {
      validity.clear();
      // An index below a null must still be one of the dictionary.
      indices.fill(0);
    },
  };
}

function createValidity(capacity: number) {
  const nullBitmap = new Uint8Array(bitmapBytes(capacity));
  let valid = 0;
  return {
    set: (row: number) => {
      nullBitmap[row >> 3] = (nullBitmap[row >> 3] ?? 0) | (1 << (row & 7));
      valid += 1;
    },
    of: (rows: number) => ({
      nullCount: rows - valid,
      nullBitmap: nullBitmap.subarray(0, bitmapBytes(rows)),
    }),
    clear: () => {
      nullBitmap.fill(0);
      valid = 0;
    },
  };
}

function bitmapBytes(length: number): number {
  return Math.ceil(length / 8);
}
