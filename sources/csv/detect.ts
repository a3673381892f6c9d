/** What the head of a file shows: line break, delimiter, header, start of the records. */
import { LIMITS } from '../../pipeline/limits';
import { likelyEncoding, UNTOLD_ENCODING } from '../files/likely-encoding';
import type { Dialect } from './boundaries';
import { detectDelimiter } from './delimiter';
import { assertNoDocument } from './document';
import { assertFirstLine } from './first-line';
import { cutHead, unreadable, type Head, type HeadOptions } from './head';
import { nameColumns } from './header';
import { detectLineBreak } from './line-breaks';
import { NOT_UTF8, splitRecords, type Fields } from './split';

export interface Layout {
  dialect: Dialect;
  columns: string[];
  /** Empty fields after the last column that a record may have. */
  surplus: number;
  /** Offset of the first record and its physical line. */
  start: number;
  line: number;
  /** Physical line of the header, or of the first record where there is none. */
  headerLine: number;
  /** Physical lines before the records when DuckDB can skip them by itself, else null. */
  skip: number | null;
  /** The records of the head. */
  sample: Fields[];
  sampleBytes: number;
  /** What was decided that may be wrong, each as in `has no delimiter`. */
  warnings: string[];
}

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * @param delimiter the one found in the source's first file, or the user's; undefined: to be detected
 * @throws FlexetlError SOURCE_UNREADABLE
 */
export function detectLayout(head: Head, options: HeadOptions, delimiter: string | undefined): Layout {
  if (head.bytes.length === 0) {
    throw unreadable(head, 'is empty, expected a header line', 'Check what writes the file.');
  }
  assertNoDocument(head, options);
  const bom = head.bytes.subarray(0, 3).equals(BOM) ? 3 : 0;
  const newline = detectLineBreak(head, bom, { ...options, delimiter });
  const first = skipLines(head, bom, newline === '\r' ? 13 : 10, options.skip_rows);
  assertFirstLine(head, first, newline, options);
  const found =
    delimiter === undefined
      ? detectDelimiter(head, first.offset, options, newline)
      : { delimiter, warning: undefined };
  const escape = options.escape ?? options.quote;
  const dialect: Dialect = { delimiter: found.delimiter, quote: options.quote, escape, newline };
  const cuts = cutHead(head, first.offset, dialect, LIMITS.sampleRecordsMax + 1);
  const fields = splitRecords({ bytes: head.bytes, cuts }, dialect);
  const headerAt = cuts.findIndex((cut) => cut.textEnd > cut.start);
  const linesBefore = (index: number): number =>
    cuts.slice(0, index).reduce((sum, cut) => sum + cut.lines, 0);
  const dataAt = options.header ? headerAt + 1 : 0;
  const start = cuts[dataAt - 1]?.end ?? first.offset;
  const sample = fields.slice(dataAt);
  const records = sample.filter((row, index): row is string[] => {
    const cut = cuts[dataAt + index];
    return Array.isArray(row) && cut !== undefined && cut.textEnd > cut.start;
  });
  const headerLine = first.line + linesBefore(Math.max(0, headerAt));
  const { names, surplus, warnings } = nameColumns(head, options, fields[headerAt], headerLine, records);
  return {
    dialect,
    columns: names,
    surplus,
    start,
    line: first.line + linesBefore(dataAt),
    headerLine,
    skip: countSkippable(head.bytes.subarray(0, start), dialect),
    sample,
    sampleBytes: cuts.slice(dataAt).reduce((sum, cut) => sum + cut.end - cut.start, 0),
    warnings: [
      ...(found.warning === undefined ? [] : [found.warning]),
      ...warnings,
      ...warnOfEncoding(head, sample),
    ],
  };
}

function warnOfEncoding(head: Head, sample: readonly Fields[]): string[] {
  if (!sample.some((row) => !Array.isArray(row) && row.problem === NOT_UTF8)) return [];
  const likely = likelyEncoding(head.bytes);
  return [
    likely
      ? `is not UTF-8, but looks like ${likely.name}: ${likely.hint}`
      : `is not UTF-8; ${UNTOLD_ENCODING}`,
  ];
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
  head: Head,
  { columns, headerLine }: Layout,
  first: { path: string; columns: readonly string[] },
): void {
  const count = Math.max(columns.length, first.columns.length);
  for (let index = 0; index < count; index++) {
    const found = columns[index];
    const expected = first.columns[index];
    if (found === expected) continue;
    const show = (name: string | undefined): string => (name === undefined ? 'no column' : `"${name}"`);
    throw unreadable(
      head,
      `has ${show(found)} as column ${index + 1}, ${first.path} has ${show(expected)}`,
      'All files of a source must have the same columns in the same order.',
      headerLine,
    );
  }
}
