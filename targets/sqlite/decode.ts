/** Arrow buffers as the values that SQLite stores. */
import { FlexetlError } from '../../pipeline/errors';
import type { Column } from '../../pipeline/types';
import { decimalReader, type SqliteValue } from './decimals';
import type { PackedColumn } from './messages';

/**
 * The values of one column of a batch.
 * @param asText write decimals as text with all digits of their scale
 * @returns null when a decimal needs more digits than a REAL keeps, so that the column must be text
 * @throws FlexetlError TARGET_INCOMPATIBLE for a value that SQLite cannot hold
 */
export function decodeColumn(
  packed: PackedColumn,
  rows: number,
  column: Column,
  asText: boolean,
): SqliteValue[] | null {
  const read = createReader(packed, rows, column, asText);
  const { validity, bitOffset } = packed;
  const values = new Array<SqliteValue>(rows);
  for (let row = 0; row < rows; row += 1) {
    const value = validity && !bitAt(validity, bitOffset + row) ? null : read(row);
    if (value === undefined) return null;
    values[row] = value;
  }
  return values;
}

/** Reads a row that is not null: what lies under a null is whatever the memory held. */
type Reader = (row: number) => SqliteValue | undefined;

function createReader(packed: PackedColumn, rows: number, column: Column, asText: boolean): Reader {
  const { type } = column;
  switch (type.kind) {
    case 'string':
      return textReader(packed, rows);
    case 'integer':
      return integerReader(packed.values);
    case 'float': {
      const items = new Float64Array(packed.values);
      return (row) => assertNumber(items[row] ?? 0, column);
    }
    case 'boolean': {
      const bits = new Uint8Array(packed.values);
      return (row) => (bitAt(bits, packed.bitOffset + row) ? 1 : 0);
    }
    case 'date': {
      const days = new Int32Array(packed.values);
      return (row) => formatDay(days[row] ?? 0, column);
    }
    case 'timestamp': {
      const micros = new BigInt64Array(packed.values);
      return (row) => formatMicros(micros[row] ?? 0n, column);
    }
    case 'decimal':
      return decimalReader(packed.values, type.scale, asText);
  }
}

/** Decodes all text at once where it is ASCII: cutting one string costs a third of decoding each value. */
function textReader({ values, offsets }: PackedColumn, rows: number): Reader {
  const ends = offsets ?? new Int32Array(rows + 1);
  const bytes = Buffer.from(values);
  const whole = bytes.toString('utf8');
  return whole.length === bytes.length
    ? (row) => whole.substring(ends[row] ?? 0, ends[row + 1])
    : (row) => bytes.toString('utf8', ends[row], ends[row + 1]);
}

/** Numbers where they are exact, which is nearly always: a bigint costs an allocation. */
function integerReader(values: ArrayBuffer): Reader {
  const items = new BigInt64Array(values);
  const words = new Int32Array(values);
  return (row) => {
    const high = words[2 * row + 1] ?? 0;
    return high >= -(2 ** 21) && high < 2 ** 21 ? high * 2 ** 32 + ((words[2 * row] ?? 0) >>> 0) : items[row];
  };
}

function assertNumber(value: number, column: Column): number {
  if (!Number.isNaN(value)) return value;
  throw new FlexetlError('TARGET_INCOMPATIBLE', {
    message: `Column "${column.name}" holds NaN (not a number), which SQLite cannot store: it would become NULL.`,
    hint: 'Filter such rows out, or turn the value into NULL with a derive.',
  });
}

const DAY_MIN = -719_162;
const DAY_MAX = 2_932_896;
const DAY_MICROS = 86_400_000_000n;

/** Texts of days met before; a column holds few different ones, and making one costs more than a look-up. */
const dayTexts = new Map<number, string>();

function formatDay(day: number, column: Column): string {
  const known = dayTexts.get(day);
  if (known !== undefined) return known;
  if (day < DAY_MIN || day > DAY_MAX) {
    throw new FlexetlError('TARGET_INCOMPATIBLE', {
      message: `Column "${column.name}" holds a date outside the years 0001 to 9999.`,
      hint: 'SQLite has no text for such a date: filter the row out, or cast the column to a string.',
    });
  }
  if (dayTexts.size > 50_000) dayTexts.clear();
  const text = new Date(day * 86_400_000).toISOString().slice(0, 10);
  dayTexts.set(day, text);
  return text;
}

/** `YYYY-MM-DD HH:MM:SS`, with `.ffffff` where there is a fraction: sorts as text like the time it means. */
function formatMicros(micros: bigint, column: Column): string {
  const rest = ((micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS;
  const day = formatDay(Number((micros - rest) / DAY_MICROS), column);
  const time = Number(rest);
  const seconds = Math.floor(time / 1e6);
  const fraction = time % 1e6;
  const pair = (value: number): string => String(value).padStart(2, '0');
  const clock = `${pair(Math.floor(seconds / 3600))}:${pair(Math.floor(seconds / 60) % 60)}:${pair(seconds % 60)}`;
  return `${day} ${clock}${fraction === 0 ? '' : `.${String(fraction).padStart(6, '0')}`}`;
}

function bitAt(bits: Uint8Array, index: number): boolean {
  return (((bits[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}
