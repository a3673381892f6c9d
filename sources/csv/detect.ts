/** What the head of a file shows: line break, delimiter, header, start of the records. */
import { explainColumnName, nameKey } from '../../pipeline/columns';
import { FlexetlError } from '../../pipeline/errors';
import { LIMITS } from '../../pipeline/limits';
import { createCut, cutRecord, dialectBytes, type Dialect, type RecordCut } from './boundaries';
import { splitRecords, type Fields } from './split';
import { trimText } from './values';

export interface HeadOptions {
  delimiter?: string | undefined;
  quote: string;
  escape?: string | undefined;
  header: boolean;
  columns?: readonly string[] | undefined;
  skip_rows: number;
  trim: boolean;
}

/** The head of a file of plain UTF-8 text. */
export interface Head {
  /** As shown to users. */
  path: string;
  bytes: Buffer;
  /** The head is the whole file. */
  final: boolean;
}

export interface Layout {
  dialect: Dialect;
  columns: string[];
  /** Offset of the first record and its physical line. */
  start: number;
  line: number;
  /** Physical lines before the records when DuckDB can skip them by itself, else null. */
  skip: number | null;
  /** Records of the head that are not broken. */
  sample: string[][];
  sampleBytes: number;
}

const DELIMITERS = [',', ';', '\t', '|'];
const DELIMITER_RECORDS = 100;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * @param delimiter the one found in the source's first file, or the user's; undefined: to be detected
 * @throws FlexetlError SOURCE_UNREADABLE
 */
export function detectLayout(head: Head, options: HeadOptions, delimiter: string | undefined): Layout {
  assertText(head);
  const newline = detectNewline(head.bytes);
  const bom = head.bytes.subarray(0, 3).equals(BOM) ? 3 : 0;
  const first = skipLines(head, bom, newline === '\r' ? 13 : 10, options.skip_rows);
  const dialect: Dialect = {
    delimiter: delimiter ?? detectDelimiter(head, first.offset, options, newline),
    quote: options.quote,
    escape: options.escape ?? options.quote,
    newline,
  };
  const cuts = cutHead(head, first.offset, dialect, LIMITS.sampleRecordsMax + 1);
  const fields = splitRecords({ bytes: head.bytes, cuts }, dialect);
  const headerAt = cuts.findIndex((cut) => cut.textEnd > cut.start);
  const columns = nameColumns(head, options, fields[headerAt]);
  const dataAt = options.header ? headerAt + 1 : 0;
  const start = cuts[dataAt - 1]?.end ?? first.offset;
  const linesBefore = cuts.slice(0, dataAt).reduce((sum, cut) => sum + cut.lines, 0);
  return {
    dialect,
    columns,
    start,
    line: first.line + linesBefore,
    skip: countSkippable(head.bytes.subarray(0, start), dialect),
    sample: fields.slice(dataAt).filter((row): row is string[] => Array.isArray(row)),
    sampleBytes: cuts.slice(dataAt).reduce((sum, cut) => sum + cut.end - cut.start, 0),
  };
}

function unreadable(head: Head, what: string, hint: string): FlexetlError {
  return new FlexetlError('SOURCE_UNREADABLE', { message: `${head.path} ${what}.`, hint });
}

function assertText(head: Head): void {
  const { bytes } = head;
  if (bytes.length === 0) {
    throw unreadable(head, 'is empty, expected a header line', 'Check what writes the file.');
  }
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-16be';
  if (utf16 === 'utf-16le' || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw unreadable(head, `is ${utf16}, expected utf-8`, `Set encoding: ${utf16}.`);
  }
}

/** `\r\n` or `\n`, as the first line break is; a lone `\r` only if the head has no `\n`. */
function detectNewline(bytes: Buffer): Dialect['newline'] {
  const at = bytes.indexOf(10);
  if (at === -1) return bytes.includes(13) ? '\r' : '\n';
  return bytes[at - 1] === 13 ? '\r\n' : '\n';
}

function skipLines(
  head: Head,
  from: number,
  newline: number,
  count: number,
): { offset: number; line: number } {
  let offset = from;
  for (let skipped = 0; skipped < count; skipped++) {
    const at = head.bytes.indexOf(newline, offset);
    if (at === -1) {
      throw unreadable(head, `has no line ${count + 1}, skip_rows is ${count}`, 'Set a smaller skip_rows.');
    }
    offset = at + 1;
  }
  return { offset, line: count + 1 };
}

/** The whole records of the head, at most `recordsMax`. */
function cutHead(head: Head, from: number, dialect: Dialect, recordsMax: number): RecordCut[] {
  const codes = dialectBytes(dialect);
  const cuts: RecordCut[] = [];
  for (let at = from; at < head.bytes.length && cuts.length < recordsMax;) {
    const cut = createCut();
    at = cutRecord(head.bytes, at, head.final, codes, cut);
    if (at < 0) break;
    cuts.push(cut);
  }
  if (cuts.length === 0 && !head.final) {
    throw unreadable(
      head,
      `has a first line over ${head.bytes.length} bytes`,
      'Check that it is a CSV file.',
    );
  }
  return cuts;
}

/** The delimiter that gives most records the same number of fields, at least two; the comma if none does. */
function detectDelimiter(
  head: Head,
  from: number,
  options: HeadOptions,
  newline: Dialect['newline'],
): string {
  let best = { delimiter: ',', share: 0, fields: 1 };
  for (const delimiter of DELIMITERS) {
    if (delimiter === options.quote) continue;
    const dialect = { delimiter, quote: options.quote, escape: options.escape ?? options.quote, newline };
    const cuts = cutHead(head, from, dialect, DELIMITER_RECORDS).filter((cut) => cut.textEnd > cut.start);
    const rows = splitRecords({ bytes: head.bytes, cuts }, dialect);
    const count = (row: Fields | undefined): number => (Array.isArray(row) ? row.length : 0);
    const fields = count(rows[0]);
    if (fields < 2) continue;
    const share = rows.filter((row) => count(row) === fields).length / rows.length;
    if (share > best.share || (share === best.share && fields > best.fields)) {
      best = { delimiter, share, fields };
    }
  }
  return best.delimiter;
}

function nameColumns(head: Head, options: HeadOptions, fields: Fields | undefined): string[] {
  if (!options.header && options.columns) return [...options.columns];
  if (!fields) throw unreadable(head, 'has no header line', 'The first line must name the columns.');
  if (!Array.isArray(fields)) {
    throw unreadable(
      head,
      `has a broken first line: ${fields.problem}`,
      'Check encoding, quote and skip_rows.',
    );
  }
  if (!options.header) return fields.map((_, index) => `column_${index + 1}`);
  const names = options.trim ? fields.map(trimText) : fields;
  const seen = new Map<string, number>();
  names.forEach((name, index) => {
    const problem = explainColumnName(name, seen);
    if (problem) {
      throw new FlexetlError('SOURCE_UNREADABLE', {
        message: `${head.path}: column ${index + 1} of the header ${problem}.`,
        hint: 'Give every column a unique name, or set header: false and columns.',
      });
    }
    seen.set(nameKey(name), index + 1);
  });
  return names;
}

/** DuckDB skips by its own reading of lines: safe where that cannot differ from ours. */
function countSkippable(before: Buffer, dialect: Dialect): number | null {
  const text = before.toString('latin1');
  if (dialect.quote !== '' && text.includes(dialect.quote)) return null;
  const lines = text.split(dialect.newline);
  if (lines.some((line) => /[\r\n]/.test(line))) return null;
  // It uses the first line break it finds, which may be inside quotes.
  if (dialect.newline === '\r\n' && lines.length === 1) return null;
  return lines.length - 1;
}

/** @throws FlexetlError SOURCE_UNREADABLE naming the first difference */
export function assertSameColumns(
  path: string,
  columns: readonly string[],
  first: { path: string; columns: readonly string[] },
): void {
  const count = Math.max(columns.length, first.columns.length);
  for (let index = 0; index < count; index++) {
    const found = columns[index];
    const expected = first.columns[index];
    if (found === expected) continue;
    const show = (name: string | undefined): string => (name === undefined ? 'no column' : `"${name}"`);
    throw new FlexetlError('SOURCE_UNREADABLE', {
      message: `${path} has ${show(found)} as column ${index + 1}, ${first.path} has ${show(expected)}.`,
      hint: 'All files of a source must have the same columns in the same order.',
    });
  }
}
