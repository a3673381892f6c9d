/** Records cut by the state machine, split into fields: by csv-parse where there are quotes. */
import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import { FlexetlError } from '../../pipeline/errors';
import { dialectBytes, type Dialect, type RecordCut } from './boundaries';
import type { RecordPiece } from './cut';

type CutBytes = Pick<RecordPiece, 'bytes' | 'cuts'>;

/** The fields of a record, or why it has none. */
export type Fields = string[] | { problem: string };

/**
 * Splits every cut of a piece; an empty line gives one empty field. Bytes that are not UTF-8 are a problem of their
 * record and never a replacement character.
 */
export function splitRecords(piece: CutBytes, dialect: Dialect): Fields[] {
  const { bytes, cuts } = piece;
  const problems = cuts.map((cut) => cut.problem);
  findBadText(piece, problems);
  const quoted: RecordCut[] = [];
  const plain = cuts.map((cut, index) => {
    if (problems[index] !== null) return undefined;
    // A record without quotes is split at its delimiters: ten times as fast as the parser.
    const text = bytes.toString('utf8', cut.start, cut.textEnd);
    if (dialect.quote === '' || !text.includes(dialect.quote)) return text.split(dialect.delimiter);
    quoted.push(cut);
    return undefined;
  });
  const rows = parseRows(joinCuts(bytes, quoted, dialectBytes(dialect).newline), dialect);
  if (rows.length !== quoted.length) {
    throw new FlexetlError('INTERNAL', {
      message: `The CSV reader cut ${quoted.length} records out of ${bytes.length} bytes, its parser found ${rows.length}.`,
    });
  }
  let row = 0;
  return cuts.map((_, index) => {
    const problem = problems[index];
    return problem == null ? (plain[index] ?? rows[row++] ?? []) : { problem };
  });
}

/** The bytes of records, without the blanks outside their quotes. */
function joinCuts(bytes: Buffer, cuts: readonly RecordCut[], newline: number): Buffer {
  const parts: Buffer[] = [];
  let from = -1;
  let to = -1;
  const addPart = (start: number, end: number): void => {
    if (start !== to) {
      if (to > from) parts.push(bytes.subarray(from, to));
      from = start;
    }
    to = end;
  };
  for (const cut of cuts) {
    let start = cut.start;
    for (let gap = 0; cut.gaps && gap < cut.gaps.length; gap += 2) {
      addPart(start, cut.gaps[gap] ?? start);
      start = cut.gaps[gap + 1] ?? start;
    }
    // A record that ends with the file has no newline, but maybe a lone carriage return, which is not text.
    addPart(start, bytes[cut.end - 1] === newline ? cut.end : cut.textEnd);
  }
  addPart(-2, -2);
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}

/** Checks the whole piece at once; single records only if something is wrong in it. */
function findBadText({ bytes, cuts }: CutBytes, problems: (string | null)[]): void {
  const first = cuts[0];
  const last = cuts.at(-1);
  if (!first || !last || last.end > bytes.length) return;
  const all = bytes.subarray(first.start, last.end);
  const clean = !all.includes(0) && isUtf8(all);
  if (clean) return;
  cuts.forEach((cut, index) => {
    if (problems[index] !== null) return;
    const text = bytes.subarray(cut.start, cut.end);
    if (!isUtf8(text)) problems[index] = 'not UTF-8';
    else if (text.includes(0)) problems[index] = 'NUL character';
  });
}

function parseRows(text: Buffer, dialect: Dialect): string[][] {
  if (text.length === 0) return [];
  return parse(text, {
    delimiter: dialect.delimiter,
    quote: dialect.quote,
    escape: dialect.escape,
    record_delimiter: dialect.newline === '\r' ? '\r' : ['\r\n', '\n'],
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: false,
  });
}
