/**
 * The careful lane's pass over a partition: writes its good records to a file of its own, and leaves out the broken
 * ones. Records that DuckDB is sure to read right are copied as they stand, in long stretches; the others are parsed
 * and written with all fields quoted. The file has line feeds and doubled quotes, whatever the source has.
 */
import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';
import { openFile } from '../files/find';
import { CARRIAGE_RETURN, dialectBytes, type Dialect, type RecordCut } from './boundaries';
import { cutRecords, isBlank } from './cut';
import { splitRecords, type Fields } from './split';
import { createValueReader } from './values';

export interface RepairJob {
  task: 'repair';
  /** Absolute path of the plain text, and its name for users. */
  path: string;
  shown: string;
  dialect: Dialect;
  columnCount: number;
  size: number;
  start: number;
  end: number;
  /** Path of the file with the good records; it begins with a line break. */
  copy: string;
}

export interface Repair {
  /** Ordinals of the records that are left out. */
  broken: number[];
  /** The longest line that was written, or a little more. */
  lineBytes: number;
}

const PIECE_BYTES = 512 * 1024;
const LINE_FEED = 10;

/** The dialect of the repaired file. */
export function repairedDialect({ delimiter, quote }: Dialect): Dialect {
  const quoting = quote !== '' ? quote : delimiter === '"' ? `'` : '"';
  return { delimiter, quote: quoting, escape: quoting, newline: '\n' };
}

export async function repairFile(job: RepairJob): Promise<Repair> {
  const { dialect, columnCount, size, start, end } = job;
  const codes = dialectBytes(dialect);
  const writing = repairedDialect(dialect);
  const isRisky = createRiskFinder(dialect, columnCount);
  const readValues = createValueReader({ null_values: [], trim: false }, columnCount);
  const broken: number[] = [];
  let ordinal = -1;
  let lineBytes = 0;
  /** By kept record of a piece. */
  let kept: { ordinal: number; risky: boolean }[] = [];
  const keep = (cut: RecordCut, bytes: Buffer): boolean => {
    const blank = isBlank(cut, columnCount);
    if (!blank) ordinal++;
    const risky = !blank && isRisky(cut, bytes);
    lineBytes = Math.max(lineBytes, cut.end - cut.start);
    // A record that ends with a line feed or with the file stays in the stretch that is copied.
    const ends = bytes[cut.textEnd] === LINE_FEED || cut.textEnd === cut.end;
    if (ends && !risky && !blank) return false;
    kept.push({ ordinal: blank ? -1 : ordinal, risky });
    return true;
  };
  const handle = await openFile(job.path, job.shown);
  const copy = await open(job.copy, 'w', 0o600);
  try {
    await copy.write('\n');
    for await (const piece of cutRecords({ handle, start, end, size }, codes, PIECE_BYTES, keep)) {
      const { bytes, cuts } = piece;
      const risky = { ...piece, cuts: cuts.filter((_, index) => kept[index]?.risky) };
      const rows = splitRecords(risky, dialect).values();
      const parts: Buffer[] = [];
      let from = piece.start;
      for (const [index, cut] of cuts.entries()) {
        const record = kept[index];
        if (from < cut.start) parts.push(bytes.subarray(from, cut.start));
        from = cut.end;
        if (record?.risky) {
          const line = quoteRecord(rows.next().value ?? [], readValues, writing);
          if (line === undefined) broken.push(record.ordinal);
          else parts.push(line);
          lineBytes = Math.max(lineBytes, line?.length ?? 0);
        } else if (record && record.ordinal !== -1) {
          parts.push(bytes.subarray(cut.start, cut.textEnd), LINE_BREAK);
        }
      }
      kept = [];
      if (from < piece.end) parts.push(bytes.subarray(from, piece.end));
      await copy.writeFile(Buffer.concat(parts));
    }
    return { broken, lineBytes };
  } finally {
    await handle.close();
    await copy.close();
  }
}

const LINE_BREAK = Buffer.from('\n');

/** True for a record that may be broken, or that may mean something else in the repaired file. */
function createRiskFinder(dialect: Dialect, columnCount: number): (cut: RecordCut, bytes: Buffer) => boolean {
  const writing = repairedDialect(dialect);
  const { escape, newline } = dialectBytes(dialect);
  const risky = [0, CARRIAGE_RETURN];
  if (dialect.quote === '') risky.push(writing.quote.charCodeAt(0));
  else if (dialect.escape !== dialect.quote) risky.push(escape);
  if (dialect.newline === '\r') risky.push(LINE_FEED);
  let seen: Buffer | undefined;
  let found: number[] = [];
  let valid = true;
  let linesEnd = 0;
  return (cut, bytes) => {
    if (bytes !== seen) {
      seen = bytes;
      // One look at the whole piece is enough unless something is in it.
      found = risky.filter((byte) => bytes.includes(byte));
      linesEnd = bytes.lastIndexOf(newline) + 1;
      valid = isUtf8(bytes.subarray(cut.start, linesEnd));
    }
    if (cut.problem !== null || cut.fields !== columnCount || cut.looseQuote || cut.gaps) return true;
    if (found.length === 0 && valid && cut.end <= linesEnd) return false;
    const text = bytes.subarray(cut.start, cut.textEnd);
    return found.some((byte) => text.includes(byte)) || !isUtf8(text);
  };
}

/** @returns undefined for a broken record */
function quoteRecord(
  fields: Fields,
  readValues: ReturnType<typeof createValueReader>,
  { delimiter, quote }: Dialect,
): Buffer | undefined {
  const found = readValues(fields);
  if (!('values' in found)) return undefined;
  const quoted = found.values.map((text) => quote + (text ?? '').replaceAll(quote, quote + quote) + quote);
  return Buffer.from(`${quoted.join(delimiter)}\n`);
}
