/**
 * The values of a DuckDB vector, read from its memory: a call of DuckDB for each value would cost ten times as much.
 */
import { DuckDBDateValue } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { FlexetlError } from '../../pipeline/errors';
import type { Column, ColumnType, TypeKind } from '../../pipeline/types';
import type { Value } from '../../plugin/target';

/** Reads a row that is not null: under a null the memory is not defined. */
type Reader = (row: number) => Value;

/**
 * The first `rows` values of a vector.
 * @throws FlexetlError INTERNAL when the vector is not of the column's type
 */
export function readVector(vector: duckdb.Vector, rows: number, column: Column): Value[] {
  assertType(vector, column);
  // One bit a row, set for a value; null when every row has one.
  const validity = duckdb.vector_get_validity(vector, 8 * Math.ceil(rows / 64)) as Uint8Array | null;
  const read = createReader(vector, rows, column.type, validity);
  const values = new Array<Value>(rows);
  for (let row = 0; row < rows; row += 1) values[row] = hasValue(validity, row) ? read(row) : null;
  return values;
}

function hasValue(validity: Uint8Array | null, row: number): boolean {
  return validity === null || (((validity[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
}

function createReader(
  vector: duckdb.Vector,
  rows: number,
  type: ColumnType,
  validity: Uint8Array | null,
): Reader {
  const bytes = (perRow: number): [ArrayBuffer, number, number] => {
    const { buffer, byteOffset } = duckdb.vector_get_data(vector, rows * perRow);
    return [buffer as ArrayBuffer, byteOffset, rows * perRow];
  };
  switch (type.kind) {
    case 'unknown':
    case 'string':
      return textReader(vector, rows, validity);
    case 'integer':
      return integerReader(...bytes(8));
    case 'float': {
      const [buffer, offset] = bytes(8);
      const items = new Float64Array(buffer, offset, rows);
      return (row) => items[row] ?? 0;
    }
    case 'boolean': {
      const [buffer, offset] = bytes(1);
      const items = new Uint8Array(buffer, offset, rows);
      return (row) => items[row] === 1;
    }
    case 'date': {
      const [buffer, offset] = bytes(4);
      const days = new Int32Array(buffer, offset, rows);
      return (row) => formatDay(days[row] ?? 0);
    }
    case 'timestamp': {
      const read = integerReader(...bytes(8));
      return (row) => formatMicros(read(row));
    }
    case 'decimal':
      return decimalReader(type.precision, type.scale, bytes);
  }
}

/** Numbers where they are exact, which is nearly always: a bigint costs an allocation. */
function integerReader(
  buffer: ArrayBuffer,
  offset: number,
  length: number,
): (row: number) => number | bigint {
  const items = new BigInt64Array(buffer, offset, length / 8);
  const words = new Int32Array(buffer, offset, length / 4);
  return (row) => {
    const high = words[2 * row + 1] ?? 0;
    const isSafe = high >= -(2 ** 21) && high < 2 ** 21;
    return isSafe ? high * 2 ** 32 + ((words[2 * row] ?? 0) >>> 0) : (items[row] ?? 0n);
  };
}

// ── Decimals ──────────────────────────────────────────────────────────────────────────────────────────────

/** DuckDB keeps a decimal as an integer of 2, 4, 8 or 16 bytes by its precision. */
function decimalReader(
  precision: number,
  scale: number,
  bytes: (perRow: number) => [ArrayBuffer, number, number],
): Reader {
  if (precision <= 9) {
    const [buffer, offset, length] = bytes(precision <= 4 ? 2 : 4);
    const items =
      precision <= 4
        ? new Int16Array(buffer, offset, length / 2)
        : new Int32Array(buffer, offset, length / 4);
    return (row) => formatDecimal(items[row] ?? 0, scale);
  }
  if (precision <= 18) {
    const read = integerReader(...bytes(8));
    return (row) => formatDecimal(read(row), scale);
  }
  const [buffer, offset, length] = bytes(16);
  const words = new Int32Array(buffer, offset, length / 4);
  const halves = new BigInt64Array(buffer, offset, length / 8);
  return (row) => {
    const high = words[4 * row + 1] ?? 0;
    const sign = high >> 31;
    const isSafe =
      words[4 * row + 2] === sign && words[4 * row + 3] === sign && high >= -(2 ** 21) && high < 2 ** 21;
    if (isSafe) return formatDecimal(high * 2 ** 32 + ((words[4 * row] ?? 0) >>> 0), scale);
    const unscaled = ((halves[2 * row + 1] ?? 0n) << 64n) | BigInt.asUintN(64, halves[2 * row] ?? 0n);
    return formatDecimal(unscaled, scale);
  };
}

/** `-12345` of scale 2 is `-123.45`: all digits of the scale. */
export function formatDecimal(unscaled: number | bigint, scale: number): string {
  const text = String(unscaled);
  if (scale === 0) return text;
  const sign = unscaled < 0 ? '-' : '';
  const digits = text.slice(sign.length).padStart(scale + 1, '0');
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

// ── Days and times ────────────────────────────────────────────────────────────────────────────────────────

/** The days of the years 0001 to 9999. */
const DAY_MIN = -719_162;
const DAY_MAX = 2_932_896;
const DAY_MICROS = 86_400_000_000n;

/** Texts of earlier days: a column has few different ones, and making a text costs more than a look-up. */
const dayTexts = new Map<number, string>();

function formatDay(day: number): string {
  const known = dayTexts.get(day);
  if (known !== undefined) return known;
  // Outside the years of four digits as DuckDB writes it: `12026-01-01`, `0044-03-15 (BC)`.
  if (day < DAY_MIN || day > DAY_MAX) return new DuckDBDateValue(day).toString();
  if (dayTexts.size > 50_000) dayTexts.clear();
  const text = new Date(day * 86_400_000).toISOString().slice(0, 10);
  dayTexts.set(day, text);
  return text;
}

/** Sorts as text like the time it means. */
function formatMicros(value: number | bigint): string {
  const micros = BigInt(value);
  const rest = ((micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS;
  const day = formatDay(Number((micros - rest) / DAY_MICROS));
  const time = Number(rest);
  const seconds = Math.floor(time / 1e6);
  const fraction = time % 1e6;
  const pair = (number: number): string => String(number).padStart(2, '0');
  const clock = `${pair(Math.floor(seconds / 3600))}:${pair(Math.floor(seconds / 60) % 60)}:${pair(seconds % 60)}`;
  return `${day} ${clock}${fraction === 0 ? '' : `.${String(fraction).padStart(6, '0')}`}`;
}

// ── Texts ─────────────────────────────────────────────────────────────────────────────────────────────────

/** The texts of a vector, end to end; decoded all at once where they are ASCII, which costs a third. */
function textReader(vector: duckdb.Vector, rows: number, validity: Uint8Array | null): Reader {
  const { bytes, ends } = readTextBytes(vector, rows, validity);
  const whole = bytes.length > WHOLE_MAX ? '' : bytes.toString('utf8');
  return whole.length === bytes.length
    ? (row) => whole.substring(ends[row] ?? 0, ends[row + 1])
    : (row) => bytes.toString('utf8', ends[row], ends[row + 1]);
}

/** The first `rows` texts of a vector without nulls, end to end, as UTF-8. */
export function readTexts(vector: duckdb.Vector, rows: number): Buffer {
  return readTextBytes(vector, rows, null).bytes;
}

function readTextBytes(
  vector: duckdb.Vector,
  rows: number,
  validity: Uint8Array | null,
): { bytes: Buffer; ends: Float64Array } {
  // DuckDB's entries of 16 bytes: a length, then up to 12 bytes of text or, after 4 bytes of it, its address.
  const entries = duckdb.vector_get_data(vector, rows * 16);
  const words = new Uint32Array(entries.buffer as ArrayBuffer, entries.byteOffset, rows * 4).slice();
  const ends = new Float64Array(rows + 1);
  for (let row = 0, end = 0; row < rows; row += 1) {
    // The entry of a null is not initialised.
    if (!hasValue(validity, row)) words[4 * row] = 0;
    end += words[4 * row] ?? 0;
    ends[row + 1] = end;
  }
  const bytes = Buffer.allocUnsafe(ends[rows] ?? 0);
  copyTexts(entries, words, ends, bytes);
  return { bytes, ends };
}

/** Longer ones are decoded one by one: the length of a JavaScript string is limited. */
const WHOLE_MAX = 64 * 1024 * 1024;

/**
 * Copies texts to where `ends` says. A native call per long text would cost ten times the copy; DuckDB
 * keeps the long texts of a chunk end to end, so a run of them is fetched in one call.
 */
function copyTexts(entries: Uint8Array, words: Uint32Array, ends: Float64Array, to: Uint8Array): void {
  const { byteOffset } = entries;
  let run = { row: 0, length: 0, next: 0 };
  const flush = (): void => {
    if (run.length === 0) return;
    const pointer = byteOffset + 16 * run.row + 8;
    to.set(duckdb.get_data_from_pointer(entries.buffer as ArrayBuffer, pointer, run.length), ends[run.row]);
    run = { row: 0, length: 0, next: 0 };
  };
  for (let row = 0; 4 * row < words.length; row += 1) {
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
      // In the output a short text is between long ones; in DuckDB's memory it is not.
      flush();
      const from = 16 * row + 4;
      const at = ends[row] ?? 0;
      for (let i = 0; i < length; i += 1) to[at + i] = entries[from + i] ?? 0;
    }
  }
  flush();
}

// ── Types ─────────────────────────────────────────────────────────────────────────────────────────────────

const DUCKDB_TYPES = {
  unknown: duckdb.Type.VARCHAR,
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
