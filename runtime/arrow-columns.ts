/** Memory for the columns of an Arrow batch, filled from DuckDB's vectors: bulk copies, no value is made. */
import duckdb from '@duckdb/node-bindings';
import { FlexetlError } from '../pipeline/errors';
import { LIMITS } from '../pipeline/limits';
import type { Column, TypeKind } from '../pipeline/types';

/** Collects one column over several chunks. `take` ends it. */
export interface ColumnBuffer {
  append(vector: duckdb.Vector, count: number): void;
  textBytes(): number;
  take(rows: number): {
    values: ArrayBufferView;
    valueOffsets?: Int32Array;
    nullBitmap: Uint8Array | undefined;
  };
}

/** A batch ends with the chunk that fills it. */
const CAPACITY_ROWS = LIMITS.batchRowsMax + 2 * duckdb.vector_size();

/** Writes `count` values of a chunk, from row `at` on. */
type Writer = (vector: duckdb.Vector, at: number, count: number) => void;

export function createColumnBuffer(column: Column): ColumnBuffer {
  return column.type.kind === 'string' ? createTextBuffer(column) : createFixedBuffer(column);
}

function createFixedBuffer(column: Column): ColumnBuffer {
  const validity = createValidity();
  const { values, write, perRow } = fixedWriter(column);
  let rows = 0;
  return {
    textBytes: () => 0,
    append: (vector, count) => {
      assertType(vector, column);
      validity.append(vector, rows, count);
      write(vector, rows, count);
      rows += count;
    },
    take: (taken) => ({
      values: values.subarray(0, Math.ceil(taken * perRow)),
      nullBitmap: validity.take(taken),
    }),
  };
}

function fixedWriter({ type }: Column): { values: TypedArray; write: Writer; perRow: number } {
  switch (type.kind) {
    case 'boolean': {
      const values = new Uint8Array(CAPACITY_ROWS / 8);
      const write: Writer = (vector, at, count) => {
        const items = duckdb.vector_get_data(vector, count);
        for (let i = 0; i < count; i += 1) if (items[i]) setBit(values, at + i);
      };
      return { values, write, perRow: 1 / 8 };
    }
    case 'decimal': {
      const values = new Uint32Array(CAPACITY_ROWS * 4);
      return { values, write: decimalWriter(type.precision, values), perRow: 4 };
    }
    case 'date':
      return copyWriter(new Int32Array(CAPACITY_ROWS));
    case 'float':
      return copyWriter(new Float64Array(CAPACITY_ROWS));
    default:
      return copyWriter(new BigInt64Array(CAPACITY_ROWS));
  }
}

type TypedArray = Uint8Array | Int32Array | Uint32Array | Float64Array | BigInt64Array;

/** For types that DuckDB and Arrow keep alike. */
function copyWriter(values: TypedArray): { values: TypedArray; write: Writer; perRow: number } {
  const bytes = new Uint8Array(values.buffer);
  const width = values.BYTES_PER_ELEMENT;
  const write: Writer = (vector, at, count) =>
    bytes.set(duckdb.vector_get_data(vector, count * width), at * width);
  return { values, write, perRow: 1 };
}

/** DuckDB keeps a decimal in 2, 4, 8 or 16 bytes by its precision; Arrow in 16: the sign fills the rest. */
function decimalWriter(precision: number, values: Uint32Array): Writer {
  const bytes = new Uint8Array(values.buffer);
  if (precision > 18) {
    return (vector, at, count) => bytes.set(duckdb.vector_get_data(vector, count * 16), at * 16);
  }
  const signed = new Int32Array(values.buffer);
  const width = precision > 9 ? 8 : precision > 4 ? 4 : 2;
  const words = width === 8 ? 2 : 1;
  return (vector, at, count) => {
    const { buffer, byteOffset } = duckdb.vector_get_data(vector, count * width);
    const items = new (width === 2 ? Int16Array : Int32Array)(
      buffer as ArrayBuffer,
      byteOffset,
      count * words,
    );
    for (let i = 0, to = 4 * at; i < count; i += 1, to += 4) {
      const low = items[words * i] ?? 0;
      const high = words === 2 ? (items[2 * i + 1] ?? 0) : low >> 31;
      signed[to] = low;
      signed[to + 1] = high;
      signed[to + 2] = signed[to + 3] = high >> 31;
    }
  };
}

function createTextBuffer(column: Column): ColumnBuffer {
  const validity = createValidity();
  const offsets = new Int32Array(CAPACITY_ROWS + 1);
  let bytes = new Uint8Array(256 * 1024);
  let rows = 0;
  const reserve = (end: number): void => {
    if (end <= bytes.length) return;
    const grown = new Uint8Array(Math.max(end, 2 * bytes.length));
    grown.set(bytes);
    bytes = grown;
  };
  return {
    textBytes: () => offsets[rows] ?? 0,
    append: (vector, count) => {
      assertType(vector, column);
      const valid = validity.append(vector, rows, count);
      const strings = readStrings(vector, count);
      let end = offsets[rows] ?? 0;
      for (let i = 0; i < count; i += 1) {
        // The entry of a null is not initialised.
        if (valid && !getBit(valid, i)) strings.words[4 * i] = 0;
        end += strings.words[4 * i] ?? 0;
        offsets[rows + i + 1] = end;
      }
      assertOffset(end, column);
      reserve(end);
      copyStrings(strings, count, bytes, offsets.subarray(rows));
      rows += count;
    },
    take: (taken) => ({
      values: bytes.subarray(0, offsets[taken]),
      valueOffsets: offsets.subarray(0, taken + 1),
      nullBitmap: validity.take(taken),
    }),
  };
}

/** DuckDB's entries of 16 bytes: a length, then up to 12 bytes of text or, after 4 bytes of it, its address. */
interface Strings {
  buffer: ArrayBuffer;
  byteOffset: number;
  bytes: Uint8Array;
  words: Uint32Array;
}

function readStrings(vector: duckdb.Vector, count: number): Strings {
  const bytes = duckdb.vector_get_data(vector, count * 16);
  const buffer = bytes.buffer as ArrayBuffer;
  const { byteOffset } = bytes;
  return { buffer, byteOffset, bytes, words: new Uint32Array(buffer, byteOffset, count * 4).slice() };
}

/**
 * Copies texts to where `offsets` says. A native call per long text would cost ten times the copy; DuckDB
 * keeps the long texts of a chunk end to end, so a run of them is fetched in one call.
 */
function copyStrings(strings: Strings, count: number, to: Uint8Array, offsets: Int32Array): void {
  const { buffer, byteOffset, bytes, words } = strings;
  let run = { row: 0, length: 0, next: 0 };
  const flush = (): void => {
    if (run.length === 0) return;
    const text = duckdb.get_data_from_pointer(
      buffer as ArrayBuffer,
      byteOffset + 16 * run.row + 8,
      run.length,
    );
    to.set(text, offsets[run.row] ?? 0);
    run = { row: 0, length: 0, next: 0 };
  };
  for (let row = 0; row < count; row += 1) {
    const length = words[4 * row] ?? 0;
    if (length > 12) {
      const address = (words[4 * row + 2] ?? 0) + (words[4 * row + 3] ?? 0) * 2 ** 32;
      if (address !== run.next) {
        flush();
        run = { row, length: 0, next: address };
      }
      run.length += length;
      run.next += length;
    } else if (length > 0) {
      // A short text lies between long ones in the output, though not in DuckDB's memory.
      flush();
      const from = 16 * row + 4;
      const at = offsets[row] ?? 0;
      for (let i = 0; i < length; i += 1) to[at + i] = bytes[from + i] ?? 0;
    }
  }
  flush();
}

function assertOffset(end: number, { name }: Column): void {
  if (end <= 2 ** 31 - 1) return;
  throw new FlexetlError('VALUE_OVERFLOW', {
    message: `Column "${name}" holds more than 2 GB of text in ${duckdb.vector_size()} rows.`,
    hint: 'Shorten the text in a derive, or leave the column out with a select.',
  });
}

// ── Nulls: one bit a row, set for a value, in DuckDB as in Arrow ──────────────────────────────────────────

/** The bits of a column; `undefined` as long as every row has a value. */
function createValidity() {
  let bits: Uint8Array | undefined;
  const all = (): Uint8Array => new Uint8Array(CAPACITY_ROWS / 8).fill(0xff);
  return {
    /** @returns the bits of this chunk alone, or null when all its rows have values */
    append(vector: duckdb.Vector, at: number, count: number): Uint8Array | null {
      const chunk = duckdb.vector_get_validity(vector, 8 * Math.ceil(count / 64)) as Uint8Array | null;
      if (!chunk) return null;
      bits ??= all();
      for (let i = 0; i < count; i += 1) if (!getBit(chunk, i)) clearBit(bits, at + i);
      return chunk;
    },
    take: (rows: number): Uint8Array | undefined => bits?.subarray(0, Math.ceil(rows / 8)),
  };
}

function getBit(bits: Uint8Array, index: number): boolean {
  return (((bits[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}

function setBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
}

function clearBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] ?? 0) & ~(1 << (index & 7));
}

const DUCKDB_TYPES = {
  string: duckdb.Type.VARCHAR,
  integer: duckdb.Type.BIGINT,
  float: duckdb.Type.DOUBLE,
  boolean: duckdb.Type.BOOLEAN,
  date: duckdb.Type.DATE,
  timestamp: duckdb.Type.TIMESTAMP,
  decimal: duckdb.Type.DECIMAL,
} as const satisfies Record<TypeKind, duckdb.Type>;

function assertType(vector: duckdb.Vector, { name, type }: Column): void {
  const logical = duckdb.vector_get_column_type(vector);
  const id = duckdb.get_type_id(logical);
  const fits =
    id === DUCKDB_TYPES[type.kind] &&
    (type.kind !== 'decimal' ||
      (duckdb.decimal_width(logical) === type.precision && duckdb.decimal_scale(logical) === type.scale));
  if (fits) return;
  throw new FlexetlError('INTERNAL', {
    message: `Column "${name}" of a query is of DuckDB's type ${duckdb.Type[id] ?? id}, expected one for ${type.kind}.`,
  });
}
