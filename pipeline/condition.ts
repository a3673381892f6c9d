/** The condition of a filter: one column, an operator and a value of the column's type, as SQL. */
import { FlexetlError } from './errors';
import { expandExponent, numberOperand } from './expression/operand';
import { LIMITS } from './limits';
import { ident, literal, sqlType } from './sql';
import { explainMisfit, formatType, isNumeric, type Column, type ColumnType } from './types';

export const CONDITION_OPERATORS = [
  ...(['=', '!=', '>', '>=', '<', '<=', 'in', 'not_in'] as const),
  ...(['contains', 'starts_with', 'ends_with', 'matches', 'is_null', 'is_not_null'] as const),
] as const;

export type ConditionOperator = (typeof CONDITION_OPERATORS)[number];
type Scalar = string | number | boolean;

/**
 * SQL that is true for the rows that meet the condition, and false or null for others.
 * @throws FlexetlError SCHEMA_MISMATCH when the value is none of the column's type
 */
export function compileCondition(
  column: Column,
  operator: ConditionOperator,
  value: Scalar | readonly Scalar[] | undefined,
): string {
  const name = ident(column.name);
  const values = (Array.isArray(value) ? value : [value]) as readonly Scalar[];
  const [first] = values;
  const literals = (): string => values.map((one) => literalOf(column, one)).join(', ');
  switch (operator) {
    case 'is_null':
      return `${name} IS NULL`;
    case 'is_not_null':
      return `${name} IS NOT NULL`;
    case 'in':
      return `${name} IN (${literals()})`;
    case 'not_in':
      return `${name} NOT IN (${literals()})`;
    case 'contains':
    case 'starts_with':
    case 'ends_with':
      return `${operator}(${name}, ${textOf(column, operator, first)})`;
    case 'matches':
      return `regexp_matches(${name}, ${patternOf(column, first)})`;
    default:
      if (column.type.kind === 'boolean' && operator !== '=' && operator !== '!=') {
        throw mismatch(column, `does not compare with ${operator}`, 'Use = or != with true or false.');
      }
      return `${name} ${operator} ${literals()}`;
  }
}

/** A literal of the column's type: exact, so that a decimal is compared with just the digits that are written. */
function literalOf(column: Column, value: Scalar | undefined): string {
  const { type } = column;
  if (isNumeric(type)) return numberOf(column, value);
  if (type.kind === 'boolean') {
    if (typeof value === 'boolean') return String(value);
    throw mismatch(column, `is compared with a ${typeof value}`, 'Write true or false, without quotes.');
  }
  if (typeof value !== 'string') {
    throw mismatch(
      column,
      `is compared with a ${typeof value}`,
      'Write the value in quotes, or cast the column.',
    );
  }
  const misfit = explainMisfit(value, type, { decimal_separator: '.' });
  if (misfit !== null) throw mismatch(column, `is compared with a value that is ${misfit}`);
  return type.kind === 'string' ? literal(value) : `CAST(${literal(value)} AS ${sqlType(type)})`;
}

const NUMBER_TEXT = /^[+-]?(\d+(\.\d*)?|\.\d+)$/;

function numberOf(column: Column, value: Scalar | undefined): string {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    const problem = 'is compared with an integer of more digits than YAML keeps';
    throw mismatch(column, problem, 'Write the number in quotes: it is then read digit by digit.');
  }
  const text = typeof value === 'boolean' ? '' : expandExponent(String(value));
  if (!NUMBER_TEXT.test(text)) {
    throw mismatch(
      column,
      'is compared with a value that is no number',
      'Write a number, or cast the column.',
    );
  }
  const number = numberOperand(text.replace(/^\+/, ''), 1);
  if ('problem' in number) throw mismatch(column, `is compared with ${number.problem.toLowerCase()}`);
  return column.type.kind === 'float' ? `CAST(${literal(text)} AS DOUBLE)` : number.sql;
}

function textOf(column: Column, operator: string, value: Scalar | undefined): string {
  if (column.type.kind !== 'string') {
    throw mismatch(column, `has no text for ${operator}`, 'Cast it to string in a cast step before.');
  }
  if (typeof value === 'string') return literal(value);
  throw mismatch(column, `is compared with a ${typeof value}`, 'Write the value in quotes.');
}

function patternOf(column: Column, value: Scalar | undefined): string {
  const pattern = textOf(column, 'matches', value);
  if (pattern.length - 2 > LIMITS.patternCharsMax) {
    throw mismatch(column, `is matched with a pattern of over ${LIMITS.patternCharsMax} characters`);
  }
  if (/\(\?(?:[=!]|<[=!])|\\[1-9]/.test(pattern)) {
    throw mismatch(
      column,
      'is matched with a pattern that looks around or back',
      'Patterns are RE2: no (?=…), (?!…), (?<=…), (?<!…) and no \\1.',
    );
  }
  return pattern;
}

function mismatch(
  { name, type }: { name: string; type: ColumnType },
  found: string,
  hint?: string,
): FlexetlError {
  return new FlexetlError('SCHEMA_MISMATCH', {
    message: `filter: the column "${name}" (${formatType(type)}) ${found}.`,
    ...(hint === undefined ? {} : { hint }),
  });
}
