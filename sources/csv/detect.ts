/** What the head of a file shows: line break, delimiter, header, start of the records. */
import { LIMITS } from '../../pipeline/limits';
import { likelyEncoding, UNTOLD_ENCODING } from '../files/likely-encoding';
import type { Dialect } from './boundaries';
import { detectDelimiter, DELIMITERS } from './delimiter';
import { assertNoDocument } from './document';
import { checkFirstLine } from './first-line';
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
  let bom = 0;
  while (head.bytes.subarray(bom, bom + 3).equals(BOM)) bom += 3;
  const newline = detectLineBreak(head, bom, { ...options, delimiter });
  const first = skipLines(head, bom, newline === '\r' ? 13 : 10, options.skip_rows);
  const firstLine = checkFirstLine(head, first, newline, options);
  const found =
    delimiter === undefined
      ? detectDelimiter(head, first.offset, options, newline)
      : { delimiter, warning: undefined };
  const escape = options.escape ?? options.quote;
  const { comment } = options;
  const dialect: Dialect = {
    delimiter: found.delimiter,
    quote: options.quote,
    escape,
    newline,
    ...(comment !== undefined && { comment }),
  };
  const cuts = cutHead(head, first.offset, dialect, LIMITS.sampleRecordsMax + 1);
  const fields = splitRecords({ bytes: head.bytes, cuts }, dialect);
  const headerAt = cuts.findIndex((cut) => cut.textEnd > cut.start && !cut.comment);
  const linesBefore = (index: number): number =>
    cuts.slice(0, index).reduce((sum, cut) => sum + cut.lines, 0);
  const dataAt = options.header ? headerAt + 1 : 0;
  const start = cuts[dataAt - 1]?.end ?? first.offset;
  const sample = fields.slice(dataAt).filter((_, index) => cuts[dataAt + index]?.comment === false);
  const records = fields.slice(dataAt).filter((row, index): row is string[] => {
    const cut = cuts[dataAt + index];
    return Array.isArray(row) && cut !== undefined && cut.textEnd > cut.start && !cut.comment;
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
    // Of several marks DuckDB drops one.
    skip: bom > 3 ? null : countSkippable(head.bytes.subarray(0, start), dialect),
    sample,
    sampleBytes: cuts.slice(dataAt).reduce((sum, cut) => sum + cut.end - cut.start, 0),
    warnings: [
      ...(found.warning === undefined ? [] : [found.warning]),
      ...firstLine,
      ...warnings,
      ...warnOfTitle(head, options, fields[headerAt], headerLine, records),
      ...warnOfMarks(head, bom),
      ...warnOfEncoding(head, sample),
    ],
  };
}

/** Records that agree about their fields, under a line of one field. */
function warnOfTitle(
  head: Head,
  options: HeadOptions,
  first: Fields | undefined,
  line: number,
  records: readonly string[][],
): string[] {
  const [fields = 0, ...others] = new Set(records.slice(0, TITLE_RECORDS).map((record) => record.length));
  const isTitle = options.header && Array.isArray(first) && first.length === 1 && fields > 1;
  if (!isTitle || others.length > 0 || records.length < 2) return [];
  return [
    `has one field in line ${line}, its header, and ${fields} in each record: if the line is a title, set skip_rows: ${line}`,
  ];
}

const TITLE_RECORDS = 20;

/** Marks inside a file: it was made from several. */
function warnOfMarks({ bytes }: Head, start: number): string[] {
  const twice = start > 3 ? ['starts with more than one byte order mark: they are passed over'] : [];
  const at = bytes.indexOf(BOM, start);
  if (at <= 0 || (bytes[at - 1] !== 10 && bytes[at - 1] !== 13)) return twice;
  return [
    ...twice,
    `has a byte order mark inside, at byte ${at}, which is read as text: it may be several files in one, each with its header`,
  ];
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

/**
 * The same columns, in any order.
 * @throws FlexetlError SOURCE_UNREADABLE naming the first difference
 */
export function assertSameColumns(
  head: Head,
  options: HeadOptions,
  { columns, headerLine, dialect }: Layout,
  first: { path: string; columns: readonly string[] },
): void {
  const known = new Set(first.columns);
  if (columns.length === known.size && columns.every((name) => known.has(name))) return;
  const [only, ...more] = columns;
  const isOne = only !== undefined && more.length === 0 && known.size > 1;
  const other = isOne && DELIMITERS.find((one) => one !== dialect.delimiter && only.split(one).length > 1);
  const hint = other
    ? `Its delimiter may be ${JSON.stringify(other)}, that of ${first.path} is ${JSON.stringify(dialect.delimiter)}: all files of a source have one. Read it as a source of its own.`
    : options.header
      ? 'All files of a source must have the same columns, in any order; schema_contract: evolve takes the columns of all.'
      : 'All files of a source must have the same number of columns.';
  const count = Math.max(columns.length, first.columns.length);
  for (let index = 0; index < count; index++) {
    const found = columns[index];
    const expected = first.columns[index];
    if (found === expected) continue;
    const show = (name: string | undefined): string => (name === undefined ? 'no column' : `"${name}"`);
    throw unreadable(
      head,
      `has ${show(found)} as column ${index + 1}, ${first.path} has ${show(expected)}`,
      hint,
      headerLine,
    );
  }
}
