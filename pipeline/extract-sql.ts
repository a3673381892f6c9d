/** The SQL of the extract step: texts in, typed columns and a misfit mark out. */
import { REJECTED_COLUMN } from './columns';
import { LIMITS } from './limits';
import { isInferred, NO_EVIDENCE, mergeEvidence, type SourceColumn, type TypeEvidence } from './schema';
import { castText, ident, literal } from './sql';
import {
  CANONICAL_PATTERNS,
  TEXT_PATTERNS,
  BOOLEAN,
  DATE,
  INTEGER,
  TIMESTAMP,
  spellingOf,
  type Column,
  type ColumnType,
  type TextRules,
} from './types';

/** True in a staged row of which some value does not fit its column. */
export const MISFIT_COLUMN = REJECTED_COLUMN;

export interface CheckedColumn extends Column {
  /** Nulls only so far: the first text decides the type, and does not fit until it is decided. */
  unseen?: boolean;
}

/**
 * Types every column, stages the wanted ones and marks the rows that do not fit. One pass, order kept.
 * @param relation SQL of the text relation
 * @param columns all columns to check, typed
 * @param staged names of those to keep
 */
export function stageSql(
  relation: string,
  columns: readonly CheckedColumn[],
  staged: ReadonlySet<string>,
  rules: TextRules,
): string {
  const inner = columns.map((column, index) => {
    const text = ident(column.name);
    return `${text} AS t${index}, ${castText(text, column.type, rules, spellingOf(column))} AS v${index}`;
  });
  const kept = columns.flatMap((column, index) =>
    staged.has(column.name) ? [`v${index} AS ${ident(column.name)}`] : [],
  );
  const misfits = columns.flatMap((column, index) => misfitSql(column, index));
  const misfit = misfits.length > 0 ? misfits.join(' OR ') : 'false';
  const from = inner.length > 0 ? `(SELECT ${inner.join(', ')} FROM ${relation})` : relation;
  return `SELECT ${[...kept, `(${misfit}) AS ${MISFIT_COLUMN}`].join(', ')} FROM ${from}`;
}

function misfitSql(column: CheckedColumn, index: number): string[] {
  const conditions: string[] = [];
  if (column.unseen) conditions.push(`(t${index} IS NOT NULL)`);
  else if (column.type.kind !== 'string') conditions.push(`(t${index} IS NOT NULL AND v${index} IS NULL)`);
  if (column.nullable === false) conditions.push(`(t${index} IS NULL)`);
  return conditions;
}

/** A query of one row with the needs of all open columns, to be read by {@link parseEvidence}. */
export function evidenceSql(relation: string, columns: readonly SourceColumn[], rules: TextRules): string {
  const terms = columns.filter(isInferred).map((column, index) => needTerms(column, index, rules).join(', '));
  return terms.length === 0 ? 'SELECT 1' : `SELECT ${terms.join(', ')} FROM ${relation}`;
}

/** Counts how many texts of a column fit each type, and its digits. */
function needTerms(column: SourceColumn, index: number, rules: TextRules): string[] {
  const text = ident(column.name);
  const plain = rules.decimal_separator === '.' ? text : `translate(${text}, '.,', '#.')`;
  const pattern = column.declared === 'decimal' ? TEXT_PATTERNS.decimal : CANONICAL_PATTERNS.decimal;
  const bare = `ltrim(${plain}, '+-')`;
  const integerDigits = `length(ltrim(split_part(${bare}, '.', 1), '0'))`;
  const scale = `length(split_part(${bare}, '.', 2))`;
  const isDecimal =
    `regexp_full_match(${plain}, ${literal(pattern)}) AND ${scale} <= ${LIMITS.decimalDigitsMax}` +
    (column.declared === 'decimal' ? ` AND ${integerDigits} + ${scale} <= ${LIMITS.decimalDigitsMax}` : '');
  const fits = (type: ColumnType): string => `${castText(text, type, rules, 'canonical')} IS NOT NULL`;
  const count = (condition: string): string => `count(*) FILTER (WHERE ${condition})`;
  return [
    `count(${text})::INT AS n${index}`,
    `${count(fits(INTEGER))}::INT AS i${index}`,
    `${count(isDecimal)}::INT AS d${index}`,
    `coalesce(max(${integerDigits}) FILTER (WHERE ${isDecimal}), 0)::INT AS p${index}`,
    `coalesce(max(${scale}) FILTER (WHERE ${isDecimal}), 0)::INT AS s${index}`,
    `${count(fits(DATE))}::INT AS a${index}`,
    `${count(fits(TIMESTAMP))}::INT AS m${index}`,
    `${count(fits(BOOLEAN))}::INT AS b${index}`,
  ];
}

/** Reads the row of {@link evidenceSql}; texts that fit nothing narrower ask for a string. */
export function parseEvidence(
  columns: readonly SourceColumn[],
  row: Readonly<Record<string, unknown>>,
): Record<string, TypeEvidence> {
  const needs: Record<string, TypeEvidence> = {};
  columns.filter(isInferred).forEach((column, index) => {
    const of = (letter: string): number => Number(row[`${letter}${index}`]);
    needs[column.name] = needOfCounts(column, of);
  });
  return needs;
}

function needOfCounts(column: SourceColumn, of: (letter: string) => number): TypeEvidence {
  const texts = of('n');
  const digits = { integerDigits: of('p'), scale: of('s') };
  if (column.declared === 'decimal') return of('d') > 0 ? { kind: 'decimal', ...digits } : NO_EVIDENCE;
  // Every integer is a decimal and every date a timestamp: the wider count covers the narrower.
  const kinds: [TypeEvidence['kind'], number][] = [
    ['integer', of('i')],
    ['decimal', of('d') - of('i')],
    ['date', of('a')],
    ['timestamp', of('m') - of('a')],
    ['boolean', of('b')],
  ];
  const rest = texts - of('d') - of('m') - of('b');
  const found = kinds.filter(([, count]) => count > 0).map(([kind]) => ({ kind, ...digits }));
  if (rest > 0) found.push({ kind: 'string', ...digits });
  return found.reduce(mergeEvidence, NO_EVIDENCE);
}
