/** The names of columns by the first record of a file, and what is odd about it. */
import { explainColumnName, nameKey } from '../../pipeline/columns';
import type { FlexetlError } from '../../pipeline/errors';
import { DATE, explainMismatch, FLOAT, TIMESTAMP, type TextRules, type TypeKind } from '../../pipeline/types';
import { likelyEncoding, UNTOLD_ENCODING } from '../files/likely-encoding';
import { textRules } from './form-options';
import { unreadable, type Head, type HeadOptions } from './head';
import { NOT_UTF8, NUL_CHARACTER, type Fields } from './split';
import { trimText } from './values';

/** Names of columns shown in a warning. */
const SHOWN_MAX = 5;

export interface Columns {
  names: string[];
  /** Empty fields that may follow in a record. */
  surplus: number;
  /** What was decided, each as in `has no name for column 3`. */
  warnings: string[];
}

/** Nearly all records: the others may lack the delimiter at their end. */
const NEARLY_ALL = 0.9;

/**
 * @param first the fields of the first record that is not blank
 * @param line of that record
 * @param records fields of the records after the header that are not broken
 * @throws FlexetlError SOURCE_UNREADABLE
 */
export function nameColumns(
  head: Head,
  options: HeadOptions,
  first: Fields | undefined,
  line: number,
  records: readonly string[][],
): Columns {
  if (!options.header && options.columns) return withSurplus(options.columns, records, []);
  if (!first) throw unreadable(head, 'has no header line', 'The first line must name the columns.', 1);
  if (!Array.isArray(first)) throw explainBroken(head, options, first.problem, line);
  if (!options.header)
    return withSurplus(
      first.map((_, index) => `column_${index + 1}`),
      records,
      [],
    );
  const texts = options.trim ? first.map(trimText) : first;
  const dropped = countEmptyEnds(texts, records);
  const given = texts.slice(0, texts.length - dropped);
  const unnamed = given.filter((name) => name.trim() === '').length;
  if (unnamed * 2 > given.length || given.length === 0) {
    throw unreadable(
      head,
      `has no name for ${unnamed} of ${given.length} columns in line ${line}, its header`,
      `If another line names the columns, set skip_rows; otherwise header: false, columns and skip_rows: ${line}.`,
      line,
    );
  }
  const { names, warnings } = completeNames(given);
  assertNames(head, names, line);
  if (looksLikeData(given, records, options)) {
    warnings.push('has a first line that looks like data; if it is, set header: false');
  }
  if (dropped === 0) return withSurplus(names, records, warnings);
  warnings.push('has a delimiter at the end of its header: the empty field after it is no column');
  return { names, surplus: dropped, warnings };
}

function explainBroken(head: Head, options: HeadOptions, problem: string, line: number): FlexetlError {
  const likely = problem === NOT_UTF8 || problem === NUL_CHARACTER ? likelyEncoding(head.bytes) : undefined;
  const untold = problem === NOT_UTF8 && !likely ? `; ${UNTOLD_ENCODING}` : '';
  return unreadable(
    head,
    `has a broken first line: ${problem}${likely ? `; it looks like ${likely.name}` : untold}`,
    likely?.hint ?? 'Check encoding, quote and skip_rows.',
    line,
  );
}

/** How many fields at the end of the header are empty, and also in all records. */
function countEmptyEnds(texts: readonly string[], records: readonly string[][]): number {
  let count = 0;
  for (let index = texts.length - 1; index >= 0; index--, count++) {
    const used = (texts[index] ?? '').trim() !== '' || records.some((fields) => (fields[index] ?? '') !== '');
    if (used) break;
  }
  return count;
}

/** Surplus empty fields are passed over only where nearly all records have them: a single one shifts its record. */
function withSurplus(names: readonly string[], records: readonly string[][], warnings: string[]): Columns {
  const extras = records
    .map((fields) =>
      fields.slice(names.length).every((text) => text === '') ? fields.length - names.length : 0,
    )
    .sort((a, b) => a - b);
  const surplus = Math.max(0, extras[Math.floor(extras.length * (1 - NEARLY_ALL))] ?? 0);
  const more = surplus === 1 ? '1 delimiter' : `${surplus} delimiters`;
  const warning = `has records that end with ${more} more than there are columns: the empty fields are passed over`;
  return { names: [...names], surplus, warnings: surplus === 0 ? warnings : [...warnings, warning] };
}

/** Makes names for columns without one, and for those whose name another one has already. */
function completeNames(given: readonly string[]): { names: string[]; warnings: string[] } {
  const taken = new Set(given.map(nameKey));
  const seen = new Map<string, string>();
  const made: string[] = [];
  const names = given.map((name, index) => {
    const key = nameKey(name);
    if (name.trim() !== '' && !seen.has(key)) {
      seen.set(key, name);
      return name;
    }
    const base = name.trim() === '' ? 'column' : name;
    let number = name.trim() === '' ? index + 1 : 2;
    while (taken.has(nameKey(`${base}_${number}`))) number++;
    const found = `${base}_${number}`;
    taken.add(nameKey(found));
    made.push(`column ${index + 1} ${found}`);
    return found;
  });
  if (made.length === 0) return { names, warnings: [] };
  const shown = made.slice(0, SHOWN_MAX).join(', ');
  const more = made.length > SHOWN_MAX ? ` and ${made.length - SHOWN_MAX} more` : '';
  return {
    names,
    warnings: [`has columns without a name or with one that is used before; called here: ${shown}${more}`],
  };
}

function assertNames(head: Head, names: readonly string[], line: number): void {
  names.forEach((name, index) => {
    const problem = explainColumnName(name, new Map());
    if (problem === undefined) return;
    throw unreadable(
      head,
      `cannot be read: column ${index + 1} of the header ${problem}`,
      'Rename the column, or set header: false and columns.',
      line,
    );
  });
}

/** Enough to see what a column holds. */
const LOOKED_AT_MAX = 20;

/**
 * True if every column of numbers, dates or times has such a text for a name too, or none. Years are names of columns
 * beside others that are words.
 */
function looksLikeData(
  names: readonly string[],
  records: readonly string[][],
  options: HeadOptions,
): boolean {
  const rules = textRules(options);
  const nulls = new Set(['', ...options.null_values]);
  const some = records.slice(0, LOOKED_AT_MAX);
  const values: string[] = [];
  for (const [index, name] of names.entries()) {
    const texts = some.map((fields) => fields[index] ?? '').filter((text) => !nulls.has(text));
    const [kind, ...others] = new Set(texts.map((text) => kindOf(text, rules)));
    if (kind === undefined || others.length > 0 || name.trim() === '') continue;
    if (kindOf(name, rules) !== kind) return false;
    values.push(name);
  }
  const isWord = (name: string): boolean => name.trim() !== '' && kindOf(name, rules) === undefined;
  const years = values.every((name) => YEAR.test(name)) && names.some(isWord);
  return values.length > 0 && !years;
}

const YEAR = /^(19|20)[0-9]{2}$/;

function kindOf(text: string, rules: TextRules): TypeKind | undefined {
  return [FLOAT, DATE, TIMESTAMP].find((type) => explainMismatch(text, type, rules) === null)?.kind;
}
