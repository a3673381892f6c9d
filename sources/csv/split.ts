/** Splits records that the state machine has cut into fields. */
import { isUtf8 } from 'node:buffer';
import type { Dialect } from './boundaries';
import type { RecordPiece } from './cut';

type CutBytes = Pick<RecordPiece, 'bytes' | 'cuts'>;

/** The fields of a record, or why it has none. */
export type Fields = string[] | { problem: string };

export const NOT_UTF8 = 'not UTF-8';
export const NUL_CHARACTER = 'NUL character';

/**
 * Splits every cut of a piece; an empty line gives one empty field. Bytes that are not UTF-8 are a problem of their
 * record and never a replacement character.
 */
export function splitRecords(piece: CutBytes, dialect: Dialect): Fields[] {
  const { bytes, cuts } = piece;
  const problems = cuts.map((cut) => cut.problem);
  findBadText(piece, problems);
  return cuts.map((cut, index) => {
    const problem = problems[index];
    if (problem != null) return { problem };
    const text = bytes.toString('utf8', cut.start, cut.textEnd);
    const plain = dialect.quote === '' || !text.includes(dialect.quote);
    return plain ? text.split(dialect.delimiter) : splitQuoted(text, dialect);
  });
}

/** The fields of a record without a problem: see the rules in `boundaries.ts`. */
function splitQuoted(text: string, dialect: Dialect): string[] {
  const { delimiter, quote } = dialect;
  const fields: string[] = [];
  for (let at = 0; at <= text.length;) {
    let open = at;
    while (text[open] === ' ' && delimiter !== ' ') open++;
    let end = at;
    if (text[open] === quote && quote !== '') {
      const { value, close } = readQuoted(text, open + 1, dialect);
      fields.push(value);
      end = close;
    }
    const next = text.indexOf(delimiter, end);
    if (end === at) fields.push(next === -1 ? text.slice(at) : text.slice(at, next));
    if (next === -1) break;
    at = next + delimiter.length;
  }
  return fields;
}

/** The text in quotes from an offset on, and the offset of the closing quote. */
function readQuoted(
  text: string,
  from: number,
  { quote, escape }: Dialect,
): { value: string; close: number } {
  let value = '';
  let start = from;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    const next = text[at + 1];
    if (char === escape && next !== undefined && (next === quote || next === escape)) {
      value += text.slice(start, at);
      start = ++at;
    } else if (char === quote) return { value: value + text.slice(start, at), close: at };
  }
  return { value: value + text.slice(start), close: text.length };
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
    if (!isUtf8(text)) problems[index] = NOT_UTF8;
    else if (text.includes(0)) problems[index] = NUL_CHARACTER;
  });
}
