/**
 * The careful lane's pass over a partition: writes its good records to a new file, and leaves out the broken ones.
 * Records that DuckDB certainly reads right are copied unchanged, many at once; the others are parsed and written with
 * all fields quoted. Quotes in quotes are doubled there, whatever the source does.
 */
import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';
import { openFile } from '../files/find';
import { CARRIAGE_RETURN, dialectBytes, LINE_FEED, type Dialect, type RecordCut } from './boundaries';
import { cutRecords, isBlank } from './cut';
import { splitRecords, type Fields } from './split';
import { createValueReader, type ValueRules } from './values';

export interface RepairJob {
  task: 'repair';
  /** Absolute path of the plain text, and its name for users. */
  path: string;
  shown: string;
  dialect: Dialect;
  columnCount: number;
  /** Empty fields after the last column that a record may have. */
  surplus: number;
  /** What is done with records that have too few or too many fields. */
  ragged: Pick<ValueRules, 'null_padding' | 'truncate_ragged_lines'>;
  size: number;
  start: number;
  end: number;
  /** Path of the file with the good records; it starts with a line break. */
  copy: string;
}

export interface Repair {
  /** Ordinals of the records that are left out. */
  broken: number[];
  /** All of them, those that are left out too. */
  records: number;
  /** The longest line that was written, or a little more. */
  lineBytes: number;
}

const PIECE_BYTES = 512 * 1024;

/** The dialect of the repaired file. Of DuckDB's reading of longer delimiters nothing is known: there it has another one. */
export function repairedDialect({ delimiter: given, quote, newline }: Dialect): Dialect {
  const delimiter = isLong(given) ? '\x1f' : given;
  const quoting = quote !== '' ? quote : delimiter === '"' ? `'` : '"';
  return { delimiter, quote: quoting, escape: quoting, newline: newline === '\r' ? '\n' : newline };
}

/** True for a delimiter of several bytes. */
export function isLong(delimiter: string): boolean {
  return Buffer.byteLength(delimiter) > 1;
}

export async function repairFile(job: RepairJob): Promise<Repair> {
  const { dialect, columnCount, surplus, size, start, end } = job;
  const codes = dialectBytes(dialect);
  const writing = repairedDialect(dialect);
  const isRisky = createRiskFinder(dialect, columnCount);
  const readValues = createValueReader({ null_values: [], trim: false, ...job.ragged }, columnCount, surplus);
  const lineBreak = Buffer.from(writing.newline);
  const broken: number[] = [];
  let ordinal = -1;
  let lineBytes = 0;
  /** By kept record of a piece. */
  let kept: { ordinal: number; risky: boolean }[] = [];
  const keep = (cut: RecordCut, bytes: Buffer): boolean => {
    const blank = isBlank(cut, columnCount);
    if (!blank) ordinal++;
    const risky = !blank && (codes.more !== null || isRisky(cut, bytes));
    lineBytes = Math.max(lineBytes, cut.end - cut.start);
    // A record that ends with the usual line break, or with the file, is copied with its neighbours.
    const ends = cut.end - cut.textEnd === lineBreak.length && bytes[cut.textEnd] === lineBreak[0];
    if ((ends || cut.textEnd === cut.end) && !risky && !blank) return false;
    kept.push({ ordinal: blank ? -1 : ordinal, risky });
    return true;
  };
  const handle = await openFile(job.path, job.shown);
  const copy = await open(job.copy, 'w', 0o600);
  try {
    await copy.write(lineBreak);
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
          parts.push(bytes.subarray(cut.start, cut.textEnd), lineBreak);
        }
      }
      kept = [];
      if (from < piece.end) parts.push(bytes.subarray(from, piece.end));
      await copy.writeFile(Buffer.concat(parts));
    }
    return { broken, records: ordinal + 1, lineBytes };
  } finally {
    await handle.close();
    await copy.close();
  }
}

/** True for a record that may be broken, or that may mean something else in the repaired file. */
function createRiskFinder(dialect: Dialect, columnCount: number): (cut: RecordCut, bytes: Buffer) => boolean {
  const writing = repairedDialect(dialect);
  const { escape, newline } = dialectBytes(dialect);
  const risky = [0, CARRIAGE_RETURN];
  if (dialect.quote === '') risky.push(writing.quote.charCodeAt(0));
  else if (dialect.escape !== dialect.quote) risky.push(escape);
  if (dialect.newline === '\r') risky.push(LINE_FEED);
  let seen: Buffer | undefined;
  let linesEnd = 0;
  let valid = true;
  /** Where each of these bytes comes next. */
  let nexts: number[] = [];
  return (cut, bytes) => {
    const { start, textEnd } = cut;
    if (bytes !== seen) {
      // The whole piece is checked at once; single records only if something is in it.
      seen = bytes;
      linesEnd = bytes.lastIndexOf(newline) + 1;
      valid = isUtf8(bytes.subarray(start, linesEnd));
      nexts = risky.map(() => -1);
    }
    if (cut.problem !== null || cut.fields !== columnCount || cut.looseQuote || cut.wideBlank) return true;
    for (let index = 0; index < risky.length; index++) {
      if ((nexts[index] ?? 0) < start) nexts[index] = indexFrom(bytes, risky[index] ?? 0, start);
      if ((nexts[index] ?? 0) < textEnd) return true;
    }
    return !(valid && cut.end <= linesEnd) && !isUtf8(bytes.subarray(start, textEnd));
  };
}

/** As `indexOf`, with Infinity where there is none. */
function indexFrom(bytes: Buffer, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at === -1 ? Infinity : at;
}

/** @returns undefined for a broken record */
function quoteRecord(
  fields: Fields,
  readValues: ReturnType<typeof createValueReader>,
  { delimiter, quote, newline }: Dialect,
): Buffer | undefined {
  const found = readValues(fields);
  if (!('values' in found)) return undefined;
  const quoted = found.values.map((text) => quote + (text ?? '').replaceAll(quote, quote + quote) + quote);
  return Buffer.from(quoted.join(delimiter) + newline);
}
