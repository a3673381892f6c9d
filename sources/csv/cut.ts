/** Cuts a range of a file into records, in pieces of bounded memory; or skips records as fast as possible. */
import { LIMITS } from '../../pipeline/limits';
import { openWindow, type ByteRange } from '../files/window';
import { createCut, cutRecord, TOO_LONG, type DialectBytes, type RecordCut } from './boundaries';

/** What is kept of a record that is too long, to be shown; a character has at most four bytes. */
const HEAD_BYTES = 4 * LIMITS.rawCharsMax;
/** A search that skips fewer bytes than this costs more than reading them one by one. */
const SKIP_BYTES_MIN = 512;
/** Records read byte by byte before the next such search. */
const DENSE_RECORDS = 64;

/** Whole records of a range of a file; offsets are into `bytes`, which starts at `base` of the file. */
export interface RecordPiece {
  /** Valid until the next piece is requested. */
  bytes: Buffer;
  base: number;
  /** The records [start, end) that were cut. */
  start: number;
  end: number;
  /** Those of them that are kept. */
  cuts: RecordCut[];
}

/**
 * Cuts all records that start in the range, in pieces of about `pieceBytes`. Blank lines are cut like records.
 * A record that is TOO_LONG is a piece by itself, with only its head in `bytes`.
 * @param keep says of each record, in order, whether it is among the `cuts`; the cut is used again if not
 */
export async function* cutRecords(
  range: ByteRange,
  codes: DialectBytes,
  pieceBytes: number,
  keep: (cut: RecordCut, bytes: Buffer) => boolean = () => true,
): AsyncGenerator<RecordPiece> {
  const window = openWindow(range, pieceBytes);
  let more = await window.more(0);
  while (more && window.base < range.end) {
    const { bytes, base, final } = window;
    const stop = Math.min(bytes.length, range.end - base);
    const cuts: RecordCut[] = [];
    let cut = createCut();
    let at = 0;
    let end = 0;
    while (at < stop) {
      end = cutRecord(bytes, at, final, codes, cut);
      if (end < 0) break;
      at = end;
      if (!keep(cut, bytes)) continue;
      cuts.push(cut);
      cut = createCut();
    }
    if (at > 0) yield { bytes, base, start: 0, end: at, cuts };
    if (base + at >= range.end) return;
    if (end === TOO_LONG) {
      const head = Buffer.from(bytes.subarray(at, at + HEAD_BYTES));
      const next = await window.seek(codes.newline);
      end = next - base - at;
      Object.assign(cut, { start: 0, textEnd: end, end });
      yield { bytes: head, base: base + at, start: 0, end, cuts: keep(cut, head) ? [cut] : [] };
      more = window.bytes.length > 0 || (await window.more(0));
    } else {
      more = await window.more(at);
    }
  }
}

/** True for a comment, and for an empty line that is not a record: in a file of one column it is an empty value. */
export function isBlank(cut: RecordCut, columnCount: number): boolean {
  return cut.comment || (columnCount > 1 && cut.textEnd === cut.start && cut.problem === null);
}

/**
 * Moves from a record start to a later one: the first at or after `target`, or as far as the buffer goes.
 * Between a record start and the next quote every line break ends a record, so this range is searched natively.
 * @returns the offset reached, and whether the record there is TOO_LONG
 */
export function skipRecords(
  bytes: Buffer,
  target: number,
  final: boolean,
  codes: DialectBytes,
): { at: number; tooLong: boolean } {
  const cut = createCut();
  let at = 0;
  let dense = 0;
  while (at < target && at < bytes.length) {
    if (dense === 0) {
      const quoteAt = codes.quote === -1 ? -1 : bytes.indexOf(codes.quote, at);
      const free = quoteAt === -1 ? bytes.length : quoteAt;
      const breakAt = target - 1 < free ? bytes.indexOf(codes.newline, Math.max(at, target - 1)) : -1;
      if (breakAt !== -1 && breakAt < free) return { at: breakAt + 1, tooLong: false };
      // Before offset 0 there is nothing; -1 would mean the end of the buffer.
      const lastBreak = free > at ? bytes.lastIndexOf(codes.newline, free - 1) : -1;
      const skipped = lastBreak >= at ? lastBreak + 1 - at : 0;
      at += skipped;
      if (skipped < SKIP_BYTES_MIN) dense = DENSE_RECORDS;
      if (at >= bytes.length) break;
    } else dense--;
    const end = cutRecord(bytes, at, final, codes, cut);
    if (end < 0) return { at, tooLong: end === TOO_LONG };
    at = end;
  }
  return { at, tooLong: false };
}
