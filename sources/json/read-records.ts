/** Finds the records of a range of a file, as lines or along a path, and shows each to a visitor. */
import { isUtf8 } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import { LIMITS } from '../../pipeline/limits';
import type { PathTree } from './path';
import { openPieces } from './pieces';
import { endOfAnything, LINE_FEED, skipBlanks } from './tokens';
import { createWalk, newWalkState, type WalkState } from './walk';

export interface JsonRange {
  handle: FileHandle;
  /** Records that start in [start, end). */
  start: number;
  end: number;
  /** Bytes of the whole file. */
  size: number;
  /** Of a document; undefined: each line that is not blank is a record. */
  tree?: PathTree | undefined;
  /** Where the walk through a document is at `start`. */
  state?: WalkState | undefined;
  pieceBytes: number;
}

export interface RecordVisitor {
  /**
   * @param stop no record ends after it
   * @returns the offset after the record at `at`, or -1 if it is broken or not wanted
   */
  read(bytes: Buffer, at: number, stop: number): number;
  /** The record that was just read is whole. @param base offset of the bytes in the file */
  take(bytes: Buffer, start: number, end: number, base: number): void;
  /** A record that was not read. @param reason absent: the one that `read` found */
  pass(bytes: Buffer, start: number, end: number, base: number, reason?: string): void;
  /** No further record is wanted. @param at offset in the file after the last one */
  isDone?(at: number): boolean;
}

/** How a range ended. */
export interface RangeEnd {
  /** Offset after the last record, or `end`. */
  at: number;
  /** Of a document: where the walk is there. */
  state?: WalkState;
  /** The document itself is broken: no record after this offset can be found. */
  problem?: { reason: string; at: number };
}

/** What is kept of a line that is too long, to be shown. */
const HEAD_BYTES = 4 * LIMITS.rawCharsMax;

/** Yields after each piece of the file. */
export function readRecords(range: JsonRange, visitor: RecordVisitor): AsyncGenerator<void, RangeEnd> {
  return range.tree ? readDocument(range, range.tree, visitor) : readLines(range, visitor);
}

async function* readLines(
  { handle, start, end, pieceBytes }: JsonRange,
  visitor: RecordVisitor,
): AsyncGenerator<void, RangeEnd> {
  const pieces = openPieces(handle, start, end, pieceBytes);
  let more = await pieces.more(0);
  while (more) {
    const { bytes, base, final, length } = pieces;
    const stop = final ? length : bytes.subarray(0, length).lastIndexOf(LINE_FEED) + 1;
    const valid = isUtf8(bytes.subarray(0, stop));
    let at = skipBlanks(bytes, 0);
    while (at < stop) {
      const next = readLine(visitor, bytes, at, stop, base, valid);
      if (visitor.isDone?.(base + next)) return { at: base + next };
      at = skipBlanks(bytes, next);
    }
    if (stop === 0 && length > LIMITS.fieldBytesMax) {
      const head = Buffer.from(bytes.subarray(0, HEAD_BYTES));
      visitor.pass(head, 0, HEAD_BYTES, base, TOO_LONG);
      await pieces.seek(LINE_FEED);
      if (visitor.isDone?.(pieces.base)) return { at: pieces.base };
      more = pieces.length > 0 || (await pieces.more(0));
    } else more = await pieces.more(Math.min(at, length));
    yield;
  }
  return { at: end };
}

const TOO_LONG = `a record over ${LIMITS.fieldBytesMax} bytes`;

/** @returns the offset after the line */
function readLine(
  visitor: RecordVisitor,
  bytes: Buffer,
  at: number,
  stop: number,
  base: number,
  valid: boolean,
): number {
  const end = valid ? visitor.read(bytes, at, stop) : -1;
  if (end >= 0) {
    const next = skipBlanks(bytes, end, 0x20);
    const isWhole = next >= stop || bytes[next] === LINE_FEED;
    if (isWhole && end - at <= LIMITS.fieldBytesMax) {
      visitor.take(bytes, at, end, base);
      return Math.min(next + 1, stop);
    }
  }
  const lineFeed = bytes.indexOf(LINE_FEED, at);
  const lineEnd = lineFeed === -1 || lineFeed > stop ? stop : lineFeed;
  if (!valid && isUtf8(bytes.subarray(at, lineEnd))) {
    // Another line of the piece is not.
    return readLine(visitor, bytes, at, stop, base, true);
  }
  const textEnd = trimEnd(bytes, at, lineEnd);
  const reason = !valid ? NOT_UTF8 : end >= 0 ? MORE_ON_LINE : undefined;
  visitor.pass(bytes, at, textEnd, base, textEnd - at > LIMITS.fieldBytesMax ? TOO_LONG : reason);
  return Math.min(lineEnd + 1, stop);
}

const NOT_UTF8 = 'not UTF-8';
const MORE_ON_LINE = 'more than one value on its line';

function trimEnd(bytes: Buffer, start: number, end: number): number {
  while (end > start && (bytes[end - 1] as number) <= 0x20) end--;
  return end;
}

async function* readDocument(
  { handle, start, end, size, state = newWalkState(), pieceBytes }: JsonRange,
  tree: PathTree,
  visitor: RecordVisitor,
): AsyncGenerator<void, RangeEnd> {
  const pieces = openPieces(handle, start, end, pieceBytes);
  const walk = createWalk(tree, state);
  const endAt = (at: number): RangeEnd => ({ at, state, ...(walk.problem && { problem: walk.problem }) });
  let more = await pieces.more(0);
  while (more) {
    const { bytes, base, length, final } = pieces;
    const valid = isUtf8(bytes.subarray(0, lastAscii(bytes, length)));
    let at = 0;
    for (;;) {
      const { at: next, found } = walk.next(bytes, at, length, final);
      at = next;
      if (found === 'problem') return endAt(base + at);
      if (found === 'more') break;
      const recordEnd = readElement(visitor, bytes, at, length, base, { valid, final });
      if (recordEnd < 0 || recordEnd - at > LIMITS.fieldBytesMax) break;
      walk.passRecord();
      at = recordEnd;
      if (visitor.isDone?.(base + at)) return endAt(base + at);
    }
    if (length - at > LIMITS.fieldBytesMax) {
      return { at: base + at, state, problem: { reason: TOO_LONG, at: base + at } };
    }
    more = await pieces.more(at);
    yield;
  }
  if (end === size && (state.expects !== 'after' || state.frames.length > 0)) {
    return { at: end, state, problem: { reason: TRUNCATED, at: end } };
  }
  return endAt(end);
}

/** The reason of a document that ends too early. */
export const TRUNCATED = 'it ends before its document does';

/** @returns the offset after the element, or -1 when more bytes are needed */
function readElement(
  visitor: RecordVisitor,
  bytes: Buffer,
  at: number,
  length: number,
  base: number,
  { valid, final }: { valid: boolean; final: boolean },
): number {
  const end = valid ? visitor.read(bytes, at, length) : -1;
  if (end >= 0) {
    if (end - at <= LIMITS.fieldBytesMax) visitor.take(bytes, at, end, base);
    return end;
  }
  const brokenEnd = endOfAnything(bytes, at, length, final);
  if (brokenEnd < 0) return -1;
  if (!valid && isUtf8(bytes.subarray(at, brokenEnd)))
    return readElement(visitor, bytes, at, length, base, { valid: true, final });
  visitor.pass(bytes, at, brokenEnd, base, valid ? undefined : NOT_UTF8);
  return brokenEnd;
}

/** The offset after the last ASCII byte: a character that is cut in two comes after it. */
function lastAscii(bytes: Buffer, length: number): number {
  let at = length;
  while (at > 0 && (bytes[at - 1] as number) >= 0x80) at--;
  return at;
}
