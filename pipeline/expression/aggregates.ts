/**
 * The functions of many rows. Nulls are ignored; no result depends on threads or on the partitions.
 *
 * Each has a state: what a row contributes, which aggregate makes one state of many rows, and which makes the result
 * of the states of many parts. A state is stored in Parquet in a type that keeps every digit (a HUGEINT would become
 * a DOUBLE). Only `count_distinct` has no state: it needs all rows at once.
 */
import { RECORD_COLUMN } from '../columns';
import { LIMITS } from '../limits';
import { ident, sqlError, sqlType } from '../sql';
import { FLOAT, INTEGER, decimal, isNumeric, type ColumnType } from '../types';
import { quotient, unscaled } from './arithmetic';
import { sumFloats } from './float-sum';
import { nameOfType, nameOfUsage, type Operand } from './operand';
import type { AggregateState } from './state';

export interface Aggregated {
  /** The result, over the rows of a group. */
  sql: string;
  type: ColumnType;
  infinite?: boolean;
  states?: readonly AggregateState[];
  /** The result, over states of the group: those of parts and those of single rows. Given the columns of the states. */
  merge?: (columns: readonly string[]) => string;
}
type Mergeable = Aggregated & Required<Pick<Aggregated, 'states' | 'merge'>>;
type AggregateResult = Aggregated | { problem: string; hint?: string };
type TypedOperand = Operand & { type: ColumnType };

export interface AggregateFunction {
  usage: string;
  description: string;
  /** The result depends on the order of records. */
  ordered?: boolean;
  /** Its argument may use the fast arithmetic: the digits before the point are not part of the type of a sum. */
  sums?: boolean;
  /**
   * @param name the call as the user wrote it, for errors of the run
   * @param fast the fast way, which fails with VALUE_OVERFLOW where it is too narrow. The exact way has the same
   *   states, with the same names and types, and may have more
   */
  compile(value: TypedOperand, name: string, fast: boolean): AggregateResult;
}

/** An aggregate whose state is a value of the same type as the result, such as a minimum. */
function ofValues(type: ColumnType, value: string, aggregate: (column: string) => string): Mergeable {
  const states = [{ name: 'value', storedAs: sqlType(type), ofRow: value, ofRows: aggregate(value) }];
  return { sql: aggregate(value), type, states, merge: ([column = '']) => aggregate(column) };
}

const ofNumbers = (
  usage: string,
  description: string,
  compile: AggregateFunction['compile'],
): AggregateFunction => ({
  usage,
  description,
  sums: true,
  compile: (value, name, fast) => {
    if (value.type.kind === 'unknown') return extreme('max', value);
    return isNumeric(value.type)
      ? compile(value, name, fast)
      : {
          problem: `Expected a number, found ${nameOfType(value.type)}`,
          hint: 'Convert it in a cast step before.',
        };
  },
});

function sum(value: TypedOperand, name: string, fast: boolean): Mergeable {
  const total = addUp(value, name, fast);
  if (value.type.kind !== 'integer') return total;
  const bounded = (sql: string): string =>
    `CASE WHEN ${sql} NOT BETWEEN -9223372036854775808 AND 9223372036854775807 THEN ${tooLarge(name, 'the 64-bit integers')} ELSE CAST(${sql} AS BIGINT) END`;
  const merge = (columns: readonly string[]): string => bounded(total.merge(columns));
  return { ...total, sql: bounded(total.sql), type: INTEGER, merge };
}

/** The sum in the widest type of its kind. */
function addUp({ sql, type }: TypedOperand, name: string, fast: boolean): Mergeable {
  if (type.kind === 'float') return { ...sumFloats(sql, fast), type: FLOAT, infinite: true };
  const scale = scaleOf(type);
  const widest = decimal(LIMITS.decimalDigitsMax, scale);
  const error = tooLarge(name, '38 digits');
  const total = (column: string): string => {
    const added = `sum(${column})`;
    if (!isWide(type)) return added;
    if (!fast) return sumHalves(column, scale, error);
    // DuckDB checks a sum against 128 bits, which hold some numbers of 39 digits.
    const most = `CAST('${'9'.repeat(38 - scale)}.${'9'.repeat(scale)}' AS ${sqlType(widest)})`;
    return `CASE WHEN ${added} NOT BETWEEN -${most} AND ${most} THEN ${error} ELSE ${added} END`;
  };
  return ofValues(widest, sql, total);
}

function tooLarge(name: string, bound: string): string {
  return sqlError('VALUE_OVERFLOW', `${name} exceeds ${bound}: sum fewer rows, or use a larger unit.`);
}

function scaleOf(type: ColumnType): number {
  return type.kind === 'decimal' ? type.scale : 0;
}

/** False where even 10^16 numbers have a sum of at most 38 digits: up to 22 digits or 64 bits. */
function isWide(type: ColumnType): boolean {
  return type.kind === 'decimal' && type.precision > 22;
}

/** Adds the upper and the lower 19 digits separately: an intermediate sum may have more than 38 digits. */
function sumHalves(column: string, scale: number, error: string): string {
  const digits = unscaled(column, decimal(LIMITS.decimalDigitsMax, scale));
  const half = `CAST('1${'0'.repeat(19)}' AS HUGEINT)`;
  const [upper, lower] = [`sum(${digits} // ${half})`, `sum(${digits} % ${half})`];
  const carried = `(${upper} + ${lower} // ${half})`;
  const total = `(${carried} * ${half} + ${lower} % ${half})`;
  const unit = `CAST('${scale === 0 ? '1' : `0.${'0'.repeat(scale - 1)}1`}' AS DECIMAL(${scale || 1},${scale}))`;
  return `CASE WHEN abs(${carried}) > ${half} THEN ${error} WHEN abs(${total}) > CAST('${'9'.repeat(38)}' AS HUGEINT) THEN ${error} ELSE CAST(${total} AS DECIMAL(38,0)) * ${unit} END`;
}

/** The sum divided by the count; has the states of both. */
function average(value: TypedOperand, name: string, fast: boolean): AggregateResult {
  const total = addUp(value, name, fast);
  const count = countValues(value);
  const divide = (dividend: string, divisor: string): ReturnType<typeof quotient> => {
    if (total.infinite) return { sql: `(${dividend} / nullif(${divisor}, 0))`, type: FLOAT, infinite: true };
    return quotient(unscaled(dividend, total.type), scaleOf(total.type), divisor, 0);
  };
  const result = divide(total.sql, count.sql);
  if ('problem' in result) return result;
  const merge = (columns: readonly string[]): string => {
    const merged = divide(total.merge(columns.slice(0, -1)), count.merge(columns.slice(-1)));
    return 'sql' in merged ? merged.sql : '';
  };
  return { ...result, states: [...total.states, ...count.states], merge };
}

function countValues({ sql }: Operand): Mergeable {
  return {
    sql: `count(${sql})`,
    type: INTEGER,
    states: [
      {
        name: 'count',
        storedAs: 'BIGINT',
        ofRow: `CASE WHEN ${sql} IS NOT NULL THEN 1 ELSE 0 END`,
        ofRows: `count(${sql})`,
      },
    ],
    merge: ([column = '']) => `CAST(coalesce(sum(${column}), 0) AS BIGINT)`,
  };
}

/** 0 and -0 are equal, and which of them comes first depends on threads: both become 0. */
export function withoutNegativeZero(sql: string, type: ColumnType): string {
  return type.kind === 'float' ? `(${sql} + CAST(0 AS DOUBLE))` : sql;
}

function extreme(name: 'min' | 'max', { sql, type }: TypedOperand): Aggregated {
  return ofValues(type, withoutNegativeZero(sql, type), (column) => `${name}(${column})`);
}

/** In a partial group the column has one value, so the value is the state: see `partial-groups.ts`. */
function ofOrder(name: 'arg_min' | 'arg_max', { sql, type }: TypedOperand): Aggregated {
  const { states, ...result } = ofValues(
    type,
    sql,
    (column) => `${name}(${column}, ${ident(RECORD_COLUMN)})`,
  );
  return { ...result, states: states.map((state) => ({ ...state, ofRows: sql })) };
}

const ofAny = (
  usage: string,
  description: string,
  compile: AggregateFunction['compile'],
  ordered = false,
): AggregateFunction => ({ usage, description, compile, ordered });

function countDistinct({ sql }: TypedOperand): AggregateResult {
  return { sql: `count(DISTINCT ${sql})`, type: INTEGER };
}

/** By name; `count(*)` is not among them, it takes no value. */
export const AGGREGATES: ReadonlyMap<string, AggregateFunction> = new Map(
  [
    ofNumbers(
      'sum(number)',
      'The sum: exact for integers and decimals; for floats, the exact sum of the doubles, rounded once.',
      sum,
    ),
    ofNumbers('avg(number)', 'The exact sum divided by the count, rounded half away from zero.', average),
    ofAny('min(value)', 'The smallest value.', (value) => extreme('min', value)),
    ofAny('max(value)', 'The largest value.', (value) => extreme('max', value)),
    ofAny('count(value)', 'The number of values that are not null; count(*) counts rows.', countValues),
    ofAny('count_distinct(value)', 'The number of different values.', countDistinct),
    ofAny(
      'first(value)',
      'The first value that is not null, in the order of records.',
      (value) => ofOrder('arg_min', value),
      true,
    ),
    ofAny(
      'last(value)',
      'The last value that is not null, in the order of records.',
      (value) => ofOrder('arg_max', value),
      true,
    ),
  ].map((one) => [nameOfUsage(one.usage), one]),
);
