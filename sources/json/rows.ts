/** Rows of a record's values: as the texts that DuckDB reads with {@link rowsSql}, or as strings. */
import { evidenceOfText } from '../../pipeline/schema';
import { literal, pathLiteral } from '../../pipeline/sql';
import { copyNested } from './nested';
import { Kind, type Slots } from './record';
import { LINE_FEED, readText } from './tokens';

/** Between values; and around those that a row could not have otherwise. JSON allows neither in a text as it is. */
export const DELIMITER = 1;
const ENCLOSURE = 2;

// eslint-disable-next-line no-control-regex -- they must be enclosed
const CONTROL = /[\0-\x1f]/;
/** Where texts are written in whole words, as in `usual-rows.ts`, so many bytes behind a row may be changed. */
export const WORD_BYTES = 4;
/** A longer text is copied by the runtime, a shorter one byte by byte. */
const SHORT_BYTES = 40;
/** How numbers and booleans start. */
const LOOKS_TYPED = /^[-+.]?[0-9]|^(true|false)$/i;
const RULES = { decimal_separator: '.' } as const;

/** Bytes that are needed to write a row. @param recordBytes of the record as it is */
export function rowBytesMax(recordBytes: number, columnCount: number): number {
  return recordBytes + 3 * columnCount + WORD_BYTES;
}

/** Writes the texts of values, without the delimiters between them. */
export interface ValueWriter {
  /** Columns with texts that look like numbers or booleans, in records that were kept: 1. */
  textColumns: Uint8Array;
  /** Forgets what is noted of a record that was not kept. */
  begin(): void;
  /** The record whose values were written has a row. */
  keep(): void;
  /**
   * @param kind not Null
   * @returns the offset after the value in `to`, or -1 for an escaped text that is not valid
   */
  write(
    column: number,
    kind: Kind,
    bytes: Buffer,
    start: number,
    end: number,
    to: Buffer,
    at: number,
  ): number;
  /** True for a text without escapes that is written as it is. The column is then noted as `write` does. */
  isPlain(column: number, bytes: Buffer, start: number, end: number): boolean;
}

export function createValueWriter(columnCount: number, nullValues: readonly string[] = []): ValueWriter {
  const textColumns = new Uint8Array(columnCount);
  const nulls = new Set(nullValues);
  const emptyIsNull = nulls.delete('');
  const noted: number[] = [];
  const nullBytesMax = Math.max(0, ...[...nulls].map((text) => Buffer.byteLength(text)));

  const writeString = (column: number, text: string, to: Buffer, at: number): number => {
    if (nulls.has(text) || (emptyIsNull && text === '')) return at;
    if (textColumns[column] === 0 && isTyped(text)) noted.push(column);
    if (text !== '' && !CONTROL.test(text)) return at + to.write(text, at);
    const mark = String.fromCharCode(ENCLOSURE);
    return at + to.write(`${mark}${text.replaceAll(mark, mark + mark)}${mark}`, at);
  };

  const isPlain = (column: number, bytes: Buffer, start: number, end: number): boolean => {
    if (end - start <= nullBytesMax || start === end) return false;
    if (textColumns[column] === 0 && mayBeTyped(bytes, start, end)) {
      if (isTyped(bytes.toString('latin1', start, end))) noted.push(column);
    }
    return true;
  };

  return {
    textColumns,
    begin() {
      if (noted.length > 0) noted.length = 0;
    },
    keep() {
      for (const column of noted) textColumns[column] = 1;
    },
    isPlain,
    write(column, kind, bytes, start, end, to, at) {
      if (kind === Kind.Nested) return copyNested(bytes, start, end, to, at);
      if (kind === Kind.Literal || (kind === Kind.Text && isPlain(column, bytes, start, end)))
        return copyBytes(bytes, start, end, to, at);
      const found = readText(bytes, start, end);
      return 'text' in found ? writeString(column, found.text, to, at) : -1;
    },
  };
}

/** Writes the row of a record that was read. @returns the offset after it in `to` */
export function writeRow(
  values: ValueWriter,
  bytes: Buffer,
  { kinds, starts, ends }: Slots,
  to: Buffer,
  at: number,
): number {
  for (let column = 0; column < kinds.length; column++) {
    const kind = kinds[column] as Kind;
    if (kind !== Kind.Null)
      at = values.write(column, kind, bytes, starts[column] as number, ends[column] as number, to, at);
    to[at++] = DELIMITER;
  }
  to[at - 1] = LINE_FEED;
  return at;
}

function copyBytes(bytes: Buffer, start: number, end: number, to: Buffer, at: number): number {
  if (end - start > SHORT_BYTES) return at + bytes.copy(to, at, start, end);
  while (start < end) to[at++] = bytes[start++] as number;
  return at;
}

/**
 * True for a text of the characters of numbers only, and for one as long as a boolean. A minus within it is that of a date, which is
 * common, and is looked at no further.
 */
function mayBeTyped(bytes: Buffer, start: number, end: number): boolean {
  const first = bytes[start] as number;
  if (first > 0x39) return end - start <= 5 && isBooleanStart(first | 0x20);
  if (first < 0x2b) return false;
  for (let at = start + 1; at < end; at++) {
    const byte = bytes[at] as number;
    const inNumber = byte >= 0x2b && byte <= 0x39 && byte !== 0x2c && byte !== 0x2f;
    if (!inNumber && (byte | 0x20) !== 0x65) return false;
    if (byte === 0x2d && ((bytes[at - 1] as number) | 0x20) !== 0x65) return false;
  }
  return true;
}

function isBooleanStart(lower: number): boolean {
  return lower === 0x74 || lower === 0x66;
}

/** True for a text that would be read as a number or boolean. */
function isTyped(text: string): boolean {
  if (!LOOKS_TYPED.test(text)) return false;
  const { kind } = evidenceOfText(text, RULES);
  return kind === 'integer' || kind === 'decimal' || kind === 'boolean';
}

function textIn(bytes: Buffer, start: number, end: number): string {
  const found = readText(bytes, start, end);
  return 'text' in found ? found.text : '';
}

export interface ValueReader {
  /** As of a {@link ValueWriter}. */
  textColumns: Uint8Array;
  /** The values of a record as strings, as DuckDB reads them from its row. */
  read(bytes: Buffer, slots: Slots): (string | null)[];
}

export function createValueReader(columnCount: number, nullValues: readonly string[]): ValueReader {
  const textColumns = new Uint8Array(columnCount);
  const nulls = new Set(nullValues);
  return {
    textColumns,
    read: (bytes, { kinds, starts, ends }) =>
      Array.from(kinds, (kind, column) => {
        const start = starts[column] as number;
        const end = ends[column] as number;
        if (kind === Kind.Null) return null;
        if (kind === Kind.Literal) return bytes.toString('latin1', start, end);
        if (kind === Kind.Nested) {
          const copy = Buffer.allocUnsafe(end - start);
          return copy.toString('utf8', 0, copyNested(bytes, start, end, copy, 0));
        }
        const text = textIn(bytes, start, end);
        if (nulls.has(text)) return null;
        if (isTyped(text)) textColumns[column] = 1;
        return text;
      }),
  };
}

/** A file of rows starts with an empty line: DuckDB does not drop a byte order mark after it. */
export const ROWS_START = Buffer.from([LINE_FEED]);

/** DuckDB's own 32 MB take longer, and more memory; it must hold the longest line. */
const BUFFER_BYTES = 4 * 1024 * 1024;
/** DuckDB's own limit for a line. */
const LINE_BYTES = 2_000_000;

/**
 * Files of rows as a relation of texts, in the order of the files.
 * @param lineBytes of the longest row
 */
export function rowsSql(paths: readonly string[], columns: readonly string[], lineBytes: number): string {
  const types = columns.map((name) => `${literal(name)}: 'VARCHAR'`).join(', ');
  const settings = [
    `columns = {${types}}`,
    'auto_detect = false',
    'header = false',
    'skip = 1',
    `delim = chr(${DELIMITER})`,
    `quote = chr(${ENCLOSURE})`,
    `escape = chr(${ENCLOSURE})`,
    `nullstr = ['']`,
    'allow_quoted_nulls = false',
    'strict_mode = true',
    'null_padding = false',
    'ignore_errors = false',
    `compression = 'none'`,
    String.raw`new_line = '\n'`,
    `buffer_size = ${Math.max(BUFFER_BYTES, 2 * lineBytes)}`,
    ...(lineBytes > LINE_BYTES ? [`max_line_size = ${lineBytes}`] : []),
    'hive_partitioning = false',
  ];
  return `read_csv([${paths.map(pathLiteral).join(', ')}], ${settings.join(', ')})`;
}
