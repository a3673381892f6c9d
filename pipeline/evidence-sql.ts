/** The evidence of all texts of a column, counted by DuckDB: the SQL form of `evidenceOfText`. */
import { LIMITS } from './limits';
import {
  INSTANT,
  isInferred,
  LOCAL,
  mergeEvidence,
  NO_EVIDENCE,
  type Evidence,
  type SourceColumn,
  type TypeEvidence,
} from './schema';
import { castText, ident, isDoubleSql, literal } from './sql';
import { plainSql } from './text-forms';
import {
  BOOLEAN,
  CANONICAL_PATTERNS,
  DATE,
  EXPONENT_PATTERN,
  FLOAT,
  INTEGER,
  rulesOf,
  TEXT_PATTERNS,
  type ColumnType,
  type TextRules,
} from './types';

/** A query of one row with the evidence of all inferred columns, to be read by {@link parseEvidence}. */
export function evidenceSql(relation: string, columns: readonly SourceColumn[], rules: TextRules): string {
  const terms = columns
    .filter(isInferred)
    .map((column, index) => evidenceTerms(column, index, rulesOf(rules, column.name)).join(', '));
  return terms.length === 0 ? 'SELECT 1' : `SELECT ${terms.join(', ')} FROM ${relation}`;
}

/** Counts how many texts of a column fit each type, and its digits. */
function evidenceTerms(column: SourceColumn, index: number, rules: TextRules): string[] {
  const text = ident(column.name);
  const plain = plainSql(text, 'decimal', rules);
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
    `${count(`regexp_full_match(${plain}, ${literal(EXPONENT_PATTERN)}) AND ${fits(FLOAT)}`)}::INT AS e${index}`,
    `${count(`${isDecimal} AND NOT (${isDoubleSql(plain)})`)}::INT AS x${index}`,
    `${count(fits(DATE))}::INT AS a${index}`,
    `${count(fits(LOCAL))}::INT AS m${index}`,
    `${count(fits(INSTANT))}::INT AS z${index}`,
    `${count(fits(BOOLEAN))}::INT AS b${index}`,
  ];
}

/** Reads the row of {@link evidenceSql}; a text that fits no other type makes the column a string. */
export function parseEvidence(
  columns: readonly SourceColumn[],
  row: Readonly<Record<string, unknown>>,
): Evidence {
  const evidence = new Map<string, TypeEvidence>();
  columns.filter(isInferred).forEach((column, index) => {
    const of = (letter: string): number => Number(row[`${letter}${index}`]);
    evidence.set(column.name, evidenceOfCounts(column, of));
  });
  return evidence;
}

function evidenceOfCounts(column: SourceColumn, of: (letter: string) => number): TypeEvidence {
  const texts = of('n');
  const counted = { integerDigits: of('p'), scale: of('s') };
  if (column.declared === 'decimal') return of('d') > 0 ? { kind: 'decimal', ...counted } : NO_EVIDENCE;
  const digits = { ...counted, ...(of('x') > 0 && { beyondDouble: true as const }) };
  // Every integer is a decimal and every date a timestamp: the wider count covers the narrower.
  const kinds: [TypeEvidence['kind'], number][] = [
    ['integer', of('i')],
    ['decimal', of('d') - of('i')],
    ['float', of('e')],
    ['date', of('a')],
    ['timestamp', of('m') - of('a')],
    ['instant', of('z')],
    ['boolean', of('b')],
  ];
  const rest = texts - of('d') - of('e') - of('m') - of('z') - of('b');
  const found = kinds.filter(([, count]) => count > 0).map(([kind]) => ({ kind, ...digits }));
  if (rest > 0) found.push({ kind: 'string', ...digits });
  return found.reduce(mergeEvidence, NO_EVIDENCE);
}
