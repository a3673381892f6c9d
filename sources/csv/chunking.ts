/** Cuts a file into chunks of whole records in one pass of bounded memory. */
import { createCut, cutRecord, marksOf, NEED_MORE, TOO_LONG, type Dialect, type Marks } from './boundaries';
import { openWindow, type ByteRange } from './window';

const PIECE_BYTES = 4 * 1024 * 1024;
/** A search that skips fewer bytes than this costs more than reading them one by one. */
const SKIP_BYTES_MIN = 512;
/** Records read byte by byte before the next such search. */
const DENSE_RECORDS = 64;

/**
 * The ends of chunks: each the first record end at or after `chunkBytes` from the chunk's start, the last the
 * range's end. The same cuts for every way the file is read.
 * @param onProgress told the offset reached, once per piece
 */
export async function planBoundaries(
  range: ByteRange,
  dialect: Dialect,
  chunkBytes: number,
  onProgress: (offset: number) => void,
): Promise<number[]> {
  const marks = marksOf(dialect);
  const window = openWindow(range.handle, range.start, range.size, PIECE_BYTES);
  const ends: number[] = [];
  let target = range.start + chunkBytes;
  let at = 0;
  let open = await window.more(0);
  while (open && target < range.end) {
    const step = advance(window.bytes, at, target - window.base, window.final, marks);
    const tooLong = step.state === TOO_LONG;
    const reached = tooLong ? await window.seek(marks.newline) : window.base + step.at;
    at = tooLong ? 0 : step.at;
    if (reached >= target) {
      ends.push(reached);
      target = reached + chunkBytes;
    }
    if (tooLong) open = window.bytes.length > 0 || (await window.more(0));
    if (step.state !== NEED_MORE) continue;
    onProgress(reached);
    open = await window.more(at);
    at = 0;
  }
  if (ends.at(-1) !== range.end) ends.push(range.end);
  return ends;
}

/**
 * Moves from a record start to a later one: the first at or after `target`, or as far as the buffer goes.
 * Between a record start and the next quote every line break ends a record, so that stretch is searched natively.
 */
function advance(
  bytes: Buffer,
  start: number,
  target: number,
  final: boolean,
  marks: Marks,
): { at: number; state: number } {
  const cut = createCut();
  let at = start;
  let dense = 0;
  while (at < target && at < bytes.length) {
    if (dense === 0) {
      const quoteAt = marks.quote === -1 ? -1 : bytes.indexOf(marks.quote, at);
      const free = quoteAt === -1 ? bytes.length : quoteAt;
      const breakAt = target - 1 < free ? bytes.indexOf(marks.newline, Math.max(at, target - 1)) : -1;
      if (breakAt !== -1 && breakAt < free) return { at: breakAt + 1, state: 0 };
      const lastBreak = bytes.lastIndexOf(marks.newline, free - 1);
      const skipped = lastBreak >= at ? lastBreak + 1 - at : 0;
      at += skipped;
      if (skipped < SKIP_BYTES_MIN) dense = DENSE_RECORDS;
      if (at >= bytes.length) break;
    } else dense--;
    const end = cutRecord(bytes, at, final, marks, cut);
    if (end < 0) return { at, state: end };
    at = end;
  }
  return { at, state: at < target ? NEED_MORE : 0 };
}
