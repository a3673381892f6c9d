/**
 * Where records end: the one state machine that planning, the careful lane and the checks before the fast lane
 * share, so that all of them cut the same bytes into the same records.
 *
 * The grammar is the one DuckDB's strict mode accepts. A quote opens a field only at the field's start, blanks
 * before it aside; inside, a doubled quote (or escape and any character) is text; after the closing quote only
 * blanks may follow. A record that breaks these rules ends with the line on which its broken field was opened:
 * an unclosed quote costs that record and never the rest of the file.
 */
import { LIMITS } from '../../pipeline/limits';
import { openWindow, type ByteRange } from './window';

export interface Dialect {
  delimiter: string;
  /** Empty: no quoting. */
  quote: string;
  escape: string;
  /** `\n` stands for files with mixed breaks too. */
  newline: '\n' | '\r\n' | '\r';
}

/** A dialect as bytes; -1 never matches. */
export interface Marks {
  delimiter: number;
  quote: number;
  escape: number;
  newline: number;
  /** The blank that may stand between a quote and the delimiter. */
  blank: number;
  /** Precedes the newline without being text. */
  carriageReturn: number;
}

export interface RecordCut {
  start: number;
  /** After the last byte of text, before the line break. */
  textEnd: number;
  /** After the line break. */
  end: number;
  /** Physical lines the record takes. */
  lines: number;
  /** Why it is no record, or null. */
  flaw: string | null;
  /** Blanks outside quotes as [from, to, from, to, …]; null when there are none. */
  gaps: number[] | null;
}

/** More bytes are needed to tell where the record ends. */
export const NEED_MORE = -1;
/** The record is longer than any record may be; it ends with the line that is running at that length. */
export const TOO_LONG = -2;

const CARRIAGE_RETURN = 13;
const SPACE = 32;
const RECORD_BYTES_MAX = LIMITS.fieldBytesMax;

export const FLAWS = {
  unclosed: 'quote not closed',
  trailing: 'text after a closing quote',
  long: `record over ${RECORD_BYTES_MAX / 1024 / 1024} MB`,
} as const;

export function marksOf(dialect: Dialect): Marks {
  const byte = (text: string): number => (text === '' ? -1 : text.charCodeAt(0));
  return {
    delimiter: byte(dialect.delimiter),
    quote: byte(dialect.quote),
    escape: byte(dialect.escape),
    newline: dialect.newline === '\r' ? CARRIAGE_RETURN : 10,
    blank: dialect.delimiter === ' ' ? -1 : SPACE,
    carriageReturn: dialect.newline === '\r' ? -1 : CARRIAGE_RETURN,
  };
}

export function createCut(): RecordCut {
  return { start: 0, textEnd: 0, end: 0, lines: 0, flaw: null, gaps: null };
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
  marks: Marks,
  cut: RecordCut,
): number {
  const { quote, newline } = marks;
  const stop = Math.min(bytes.length, start + RECORD_BYTES_MAX);
  cut.start = start;
  cut.lines = 1;
  cut.flaw = null;
  cut.gaps = null;
  let fieldFloor = start;
  for (let at = start; at < stop; at++) {
    const byte = bytes[at];
    if (byte === newline) return endRecord(bytes, at, at + 1, marks, cut);
    if (byte !== quote) continue;
    const open = skipBlanksBack(bytes, at, fieldFloor, marks);
    if (open > start && bytes[open - 1] !== marks.delimiter) continue;
    const close = findClosingQuote(bytes, at, stop, final, marks, cut);
    if (close === NEED_MORE) {
      if (!final && bytes.length - start < RECORD_BYTES_MAX) return NEED_MORE;
      return breakRecord(bytes, at, final, marks, cut, FLAWS.unclosed);
    }
    let next = close + 1;
    while (next < stop && bytes[next] === marks.blank) next++;
    addGap(cut, open, at);
    addGap(cut, close + 1, next);
    if (next >= stop) {
      at = next - 1;
      continue;
    }
    if (bytes[next] === marks.carriageReturn) {
      if (next + 1 === bytes.length && !final) return NEED_MORE;
      if (next + 1 === bytes.length || bytes[next + 1] === newline) {
        at = next;
        continue;
      }
    }
    if (bytes[next] !== marks.delimiter && bytes[next] !== newline) {
      return breakRecord(bytes, at, final, marks, cut, FLAWS.trailing);
    }
    fieldFloor = next;
    at = next - 1;
  }
  if (stop - start === RECORD_BYTES_MAX) {
    cut.flaw = FLAWS.long;
    return endAtNewline(bytes, stop, final, marks, cut);
  }
  return final ? endRecord(bytes, bytes.length, bytes.length, marks, cut) : NEED_MORE;
}

/** The first of the blanks that lead up to an offset. */
function skipBlanksBack(bytes: Uint8Array, at: number, floor: number, marks: Marks): number {
  let first = at;
  while (first > floor && bytes[first - 1] === marks.blank) first--;
  return first;
}

/** NEED_MORE when the buffer, or the longest record, ends before the quote is closed. */
function findClosingQuote(
  bytes: Uint8Array,
  open: number,
  stop: number,
  final: boolean,
  marks: Marks,
  cut: RecordCut,
): number {
  const { quote, escape, newline } = marks;
  for (let at = open + 1; at < stop; at++) {
    const byte = bytes[at];
    if (byte === newline) cut.lines++;
    else if (byte === quote) {
      if (escape !== quote) return at;
      if (at + 1 >= stop) return final && stop === bytes.length ? at : NEED_MORE;
      if (bytes[at + 1] !== quote) return at;
      at++;
    } else if (byte === escape) {
      at++;
      if (bytes[at] === newline) cut.lines++;
    }
  }
  return NEED_MORE;
}

function breakRecord(
  bytes: Uint8Array,
  open: number,
  final: boolean,
  marks: Marks,
  cut: RecordCut,
  flaw: string,
): number {
  cut.flaw = flaw;
  cut.lines = 1;
  for (let at = cut.start; at < open; at++) if (bytes[at] === marks.newline) cut.lines++;
  return endAtNewline(bytes, open, final, marks, cut);
}

function endAtNewline(bytes: Uint8Array, from: number, final: boolean, marks: Marks, cut: RecordCut): number {
  const newlineAt = bytes.indexOf(marks.newline, from);
  if (newlineAt !== -1) return endRecord(bytes, newlineAt, newlineAt + 1, marks, cut);
  if (final) return endRecord(bytes, bytes.length, bytes.length, marks, cut);
  return bytes.length - cut.start >= RECORD_BYTES_MAX ? TOO_LONG : NEED_MORE;
}

function endRecord(bytes: Uint8Array, textEnd: number, end: number, marks: Marks, cut: RecordCut): number {
  const returns = textEnd > cut.start && bytes[textEnd - 1] === marks.carriageReturn;
  cut.textEnd = returns ? textEnd - 1 : textEnd;
  cut.end = end;
  return end;
}

function addGap(cut: RecordCut, from: number, to: number): void {
  if (from < to) (cut.gaps ??= []).push(from, to);
}

/** Whole records of a stretch of a file; offsets are into `bytes`, which starts at `base` of the file. */
export interface RecordPiece {
  bytes: Buffer;
  base: number;
  cuts: RecordCut[];
}

/**
 * Cuts all records that start in [start, end), in pieces of about `pieceBytes`. Blank lines are cut like records.
 * A record that is TOO_LONG comes with its flaw; its bytes are not kept.
 */
export async function* cutRecords(
  range: ByteRange,
  marks: Marks,
  pieceBytes: number,
): AsyncGenerator<RecordPiece> {
  const window = openWindow(range.handle, range.start, range.size, pieceBytes);
  let at = 0;
  let open = await window.more(0);
  while (open && window.base + at < range.end) {
    const cuts: RecordCut[] = [];
    let cut = createCut();
    let end = 0;
    while (window.base + at < range.end && at < window.bytes.length) {
      cut = createCut();
      end = cutRecord(window.bytes, at, window.final, marks, cut);
      if (end < 0) break;
      cuts.push(cut);
      at = end;
    }
    if (cuts.length > 0) yield { bytes: window.bytes, base: window.base, cuts };
    if (window.base + at >= range.end) return;
    if (end === TOO_LONG) {
      const base = window.base + at;
      const next = await window.seek(marks.newline);
      yield {
        bytes: window.bytes,
        base,
        cuts: [{ ...cut, start: 0, textEnd: next - base, end: next - base }],
      };
      at = 0;
      open = window.bytes.length > 0 || (await window.more(0));
    } else {
      open = await window.more(at);
      at = 0;
    }
  }
}
