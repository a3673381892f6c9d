/**
 * Where records end: the one state machine that cuts partitions, repairs them and finds places, so that all of them
 * see the same records in the same bytes.
 *
 * A quote opens a field only at the field's start, where any number of blanks before it do not count; elsewhere it is
 * text. Inside, an escape before a quote or an escape is not text; after the closing quote only blanks may follow. A
 * carriage return outside quotes is only good before the line feed that ends the record, and at the end of the file; in
 * a file whose lines end with carriage returns, a line feed is only good in quotes. A record that breaks these rules ends
 * with the line on which its broken field starts: an unclosed quote costs that record and never the rest of the file.
 * A line that starts with the mark of comments, where a record would start, is none.
 */
import { LIMITS } from '../../pipeline/limits';

export interface Dialect {
  delimiter: string;
  /** Empty: no quoting. */
  quote: string;
  escape: string;
  /** `\n` for files with mixed line breaks too. */
  newline: '\n' | '\r\n' | '\r';
  /** Starts lines that are no records. */
  comment?: string;
}

/** A dialect as bytes; -1 never matches. */
export interface DialectBytes {
  delimiter: number;
  /** The bytes after the first one of a longer delimiter; null: there are none. */
  more: Buffer | null;
  quote: number;
  escape: number;
  newline: number;
  comment: number;
  /** The blank that may be between a quote and the delimiter. */
  blank: number;
  /** The other character of line breaks: no text outside quotes. A carriage return may precede the newline. */
  stray: typeof CARRIAGE_RETURN | typeof LINE_FEED;
}

export interface RecordCut {
  start: number;
  /** After the last byte of text, before the line break. */
  textEnd: number;
  /** After the line break. */
  end: number;
  /** Physical lines the record takes. */
  lines: number;
  /** Fields, if there is no problem. */
  fields: number;
  /** Why it is not a valid record, or null. */
  problem: string | null;
  /** There is a quote inside text that is not quoted: legal, but some readers refuse it. */
  looseQuote: boolean;
  /** Two or more blanks are before a quote that opens a field: DuckDB takes them and the quote for text. */
  wideBlank: boolean;
  /** It is a comment, and no record. */
  comment: boolean;
}

/** More bytes are needed to see where the record ends. */
export const NEED_MORE = -1;
/** The record is longer than any record may be; it ends with the line that has reached that length. */
export const TOO_LONG = -2;

export const CARRIAGE_RETURN = 13;
export const LINE_FEED = 10;
const SPACE = 32;
const RECORD_BYTES_MAX = LIMITS.fieldBytesMax;

const PROBLEMS = {
  unclosed: 'quote not closed',
  trailing: 'text after a closing quote',
  [CARRIAGE_RETURN]: 'carriage return (CR) outside quotes',
  [LINE_FEED]: 'line feed (LF) outside quotes',
  long: `record over ${RECORD_BYTES_MAX / 1024 / 1024} MB`,
} as const;

export function dialectBytes(dialect: Dialect): DialectBytes {
  const byte = (text: string): number => (text === '' ? -1 : text.charCodeAt(0));
  const delimiter = Buffer.from(dialect.delimiter);
  return {
    delimiter: delimiter[0] ?? -1,
    more: delimiter.length > 1 ? delimiter.subarray(1) : null,
    quote: byte(dialect.quote),
    escape: byte(dialect.escape),
    comment: byte(dialect.comment ?? ''),
    newline: dialect.newline === '\r' ? CARRIAGE_RETURN : LINE_FEED,
    blank: dialect.delimiter === ' ' ? -1 : SPACE,
    stray: dialect.newline === '\r' ? LINE_FEED : CARRIAGE_RETURN,
  };
}

export function createCut(): RecordCut {
  return {
    start: 0,
    textEnd: 0,
    end: 0,
    lines: 0,
    fields: 0,
    problem: null,
    looseQuote: false,
    wideBlank: false,
    comment: false,
  };
}

/**
 * Cuts one record.
 * @param start offset of its first byte
 * @param final no bytes follow: the end of the buffer is the end of the file
 * @param cut filled in, with offsets into `bytes`
 * @returns the offset after the record, NEED_MORE or TOO_LONG; the same for every size of the buffer
 */
export function cutRecord(
  bytes: Uint8Array,
  start: number,
  final: boolean,
  codes: DialectBytes,
  cut: RecordCut,
): number {
  const { quote, newline, delimiter, stray, more } = codes;
  const stop = Math.min(bytes.length, start + RECORD_BYTES_MAX);
  cut.start = start;
  cut.lines = 1;
  cut.fields = 1;
  cut.problem = null;
  cut.looseQuote = false;
  cut.wideBlank = false;
  cut.comment = bytes[start] === codes.comment;
  if (cut.comment) return endAtNewline(bytes, start, final, codes, cut);
  let fieldStart = start;
  for (let at = start; at < stop; at++) {
    const byte = bytes[at];
    if (byte === newline) return endRecord(bytes, at, at + 1, codes, cut);
    if (byte === delimiter && (more === null || isMore(bytes, at, more))) {
      cut.fields++;
      if (more !== null) at += more.length;
      fieldStart = at + 1;
      continue;
    }
    if (byte === stray) {
      const next = stray === CARRIAGE_RETURN ? at + 1 : -1;
      if (next === bytes.length && !final) return NEED_MORE;
      if (next === bytes.length || bytes[next] === newline) continue;
      return breakRecord(bytes, at, final, codes, cut, PROBLEMS[stray]);
    }
    if (byte !== quote) continue;
    const open = skipBlanksBack(bytes, at, fieldStart, codes);
    if (open !== fieldStart) {
      cut.looseQuote = true;
      continue;
    }
    const close = findClosingQuote(bytes, at, stop, final, codes, cut);
    if (close === NEED_MORE) {
      if (!final && bytes.length - start < RECORD_BYTES_MAX) return NEED_MORE;
      return breakRecord(bytes, at, final, codes, cut, PROBLEMS.unclosed);
    }
    let next = close + 1;
    while (next < stop && bytes[next] === codes.blank) next++;
    if (at - open > 1) cut.wideBlank = true;
    const after = bytes[next];
    // The loop goes on with what ends the field.
    if (next < stop && after !== newline && after !== stray) {
      if (more !== null && next + more.length >= bytes.length && !final) return NEED_MORE;
      if (after !== delimiter || (more !== null && !isMore(bytes, next, more)))
        return breakRecord(bytes, at, final, codes, cut, PROBLEMS.trailing);
    }
    // Another quote in this field, which only a delimiter ends, is a problem before it is reached.
    at = next - 1;
  }
  if (stop - start === RECORD_BYTES_MAX) {
    cut.problem = PROBLEMS.long;
    return endAtNewline(bytes, stop, final, codes, cut);
  }
  return final ? endRecord(bytes, bytes.length, bytes.length, codes, cut) : NEED_MORE;
}

/** The bytes after `at` are the rest of a delimiter. */
function isMore(bytes: Uint8Array, at: number, more: Buffer): boolean {
  for (let index = 0; index < more.length; index++) if (bytes[at + 1 + index] !== more[index]) return false;
  return true;
}

/** The first of the blanks that lead up to an offset. */
function skipBlanksBack(bytes: Uint8Array, at: number, floor: number, codes: DialectBytes): number {
  let first = at;
  while (first > floor && bytes[first - 1] === codes.blank) first--;
  return first;
}

/** The offset of the quote that closes the one at `open`; NEED_MORE when it is not before `stop`. */
export function findClosingQuote(
  bytes: Uint8Array,
  open: number,
  stop: number,
  final: boolean,
  codes: DialectBytes,
  cut: RecordCut,
): number {
  const { quote, escape, newline } = codes;
  for (let at = open + 1; at < stop; at++) {
    const byte = bytes[at];
    if (byte === newline) cut.lines++;
    else if (byte === quote) {
      if (escape !== quote) return at;
      if (at + 1 >= stop) return final && stop === bytes.length ? at : NEED_MORE;
      if (bytes[at + 1] !== quote) return at;
      at++;
    } else if (byte === escape && (bytes[at + 1] === quote || bytes[at + 1] === escape)) at++;
  }
  return NEED_MORE;
}

function breakRecord(
  bytes: Uint8Array,
  open: number,
  final: boolean,
  codes: DialectBytes,
  cut: RecordCut,
  problem: string,
): number {
  cut.problem = problem;
  cut.lines = 1;
  for (let at = cut.start; at < open; at++) if (bytes[at] === codes.newline) cut.lines++;
  return endAtNewline(bytes, open, final, codes, cut);
}

function endAtNewline(
  bytes: Uint8Array,
  from: number,
  final: boolean,
  codes: DialectBytes,
  cut: RecordCut,
): number {
  const newlineAt = bytes.indexOf(codes.newline, from);
  if (newlineAt !== -1) return endRecord(bytes, newlineAt, newlineAt + 1, codes, cut);
  if (final) return endRecord(bytes, bytes.length, bytes.length, codes, cut);
  return bytes.length - cut.start >= RECORD_BYTES_MAX ? TOO_LONG : NEED_MORE;
}

function endRecord(
  bytes: Uint8Array,
  textEnd: number,
  end: number,
  codes: DialectBytes,
  cut: RecordCut,
): number {
  const returns =
    codes.stray === CARRIAGE_RETURN && textEnd > cut.start && bytes[textEnd - 1] === CARRIAGE_RETURN;
  cut.textEnd = returns ? textEnd - 1 : textEnd;
  cut.end = end;
  return end;
}
