/**
 * One pass over the bytes of a partition: finds its end, copies it, and looks for what DuckDB may misread. Native search
 * does most of it; only records near a quote are read byte by byte.
 */
import { open } from 'node:fs/promises';
import { LIMITS } from '../../pipeline/limits';
import { openFile } from '../files/find';
import { openWindow, type ByteRange, type Window } from '../files/window';
import { dialectBytes, type Dialect, type DialectBytes, type RecordCut } from './boundaries';
import { cutRecords, skipRecords } from './cut';
import { inspect, type Suspicion } from './inspect';

export interface SliceJob {
  task: 'slice';
  /** Absolute path of the plain text, and its name for users. */
  path: string;
  shown: string;
  dialect: Dialect;
  /** Bytes of the whole file. */
  size: number;
  /** Fields of a record, surplus empty ones included. */
  fieldsMax: number;
  start: number;
  /** The slice ends with the first record that ends at or after this offset. */
  target: number;
  /** Another file's text follows: DuckDB then does not notice that a quote is not closed at the end of this one. */
  joined?: boolean;
  /** Path of the copy, which starts with a line break; undefined: no copy. */
  copy?: string;
}

export interface Slice {
  end: number;
  /** False if DuckDB may misread the slice without noticing. */
  trusted: boolean;
}

/** Stays in the processor's cache between reading, searching and writing. */
const PIECE_BYTES = 1024 * 1024;

export async function sliceFile(job: SliceJob): Promise<Slice> {
  const { dialect, size, start, target, fieldsMax } = job;
  const codes = dialectBytes(dialect);
  const handle = await openFile(job.path, job.shown);
  const copy = job.copy === undefined ? undefined : await open(job.copy, 'w', 0o600);
  try {
    await copy?.write(dialect.newline);
    const window = openWindow({ handle, start, size }, PIECE_BYTES);
    let suspicion: Suspicion = null;
    // Of a file that another one follows.
    let quoted = false;
    let end = start;
    let more = await window.more(0);
    while (more && end < target) {
      const { at, tooLong } = advance(window, target, size, codes);
      const piece = window.bytes.subarray(0, at);
      const found = tooLong ? 'certain' : inspect(piece, dialect.newline, codes, fieldsMax);
      if (suspicion !== 'certain') suspicion = found ?? suspicion;
      quoted ||= job.joined === true && codes.quote !== -1 && piece.includes(codes.quote);
      await copy?.writeFile(piece);
      end = tooLong ? await window.seek(codes.newline) : window.base + at;
      more = tooLong ? window.bytes.length > 0 || (await window.more(0)) : await window.more(at);
    }
    if (suspicion === null && !quoted) return { end, trusted: true };
    const range = { handle, start, end, size };
    return { end, trusted: suspicion !== 'certain' && !(await hasProblem(range, dialect, fieldsMax)) };
  } finally {
    await handle.close();
    await copy?.close();
  }
}

/** How much of the window can be used: whole records, or whole lines if the slice is the rest of the file. */
function advance(
  { bytes, base, final }: Window,
  target: number,
  size: number,
  codes: DialectBytes,
): { at: number; tooLong: boolean } {
  if (target < size) return skipRecords(bytes, target - base, final, codes);
  const at = final ? bytes.length : bytes.lastIndexOf(codes.newline) + 1;
  return { at, tooLong: bytes.length - at >= LIMITS.fieldBytesMax };
}

async function hasProblem(range: ByteRange, dialect: Dialect, fieldsMax: number): Promise<boolean> {
  const isProblem = (cut: RecordCut): boolean =>
    cut.problem !== null ||
    cut.wideBlank ||
    cut.fields > fieldsMax ||
    // It ends with `\r\n` in a file of `\n`.
    (dialect.newline === '\n' && cut.end - cut.textEnd > 1);
  for await (const { cuts } of cutRecords(range, dialectBytes(dialect), PIECE_BYTES, isProblem)) {
    if (cuts.length > 0) return true;
  }
  return false;
}
