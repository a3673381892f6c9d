/** The functions of many rows. Nulls are passed over; no result depends on threads or on how rows lie in parts. */
import { RECORD_COLUMN } from '../columns';
import { LIMITS } from '../limits';
import { ident, sqlError } from '../sql';
import { FLOAT, INTEGER, decimal, isNumeric, type ColumnType } from '../types';
import { quotient, unscaled } from './arithmetic';
import { nameOfType, settle, type Operand } from './operand';

export interface Aggregated {
  sql: string;
  type: ColumnType;
  infinite?: boolean;
}
type AggregateResult = Aggregated | { problem: string; hint?: string };

export interface AggregateFunction {
  usage: string;
  description: string;
  /** The result depends on the order of records. */
  ordered?: boolean;
  /**
   * @param name the call as the user wrote it, for errors of the run
   * @param lean the fast way, which fails with VALUE_OVERFLOW where it is too narrow
   */
  compile(value: Operand & { type: ColumnType }, name: string, lean: boolean): AggregateResult;
}

const ofAny = (
  usage: string,
  description: string,
  sql: (value: string) => string,
  type?: ColumnType,
): AggregateFunction => ({
  usage,
  description,
  compile: (value) => ({ sql: sql(settle(value).sql), type: type ?? value.type }),
});

const ofOrder = (...described: Parameters<typeof ofAny>): AggregateFunction => ({
  ...ofAny(...described),
  ordered: true,
});

const ofNumbers = (
  usage: string,
  description: string,
  compile: AggregateFunction['compile'],
): AggregateFunction => ({
  usage,
  description,
  compile: (value, name, lean) =>
    isNumeric(value.type)
      ? compile(value, name, lean)
      : {
          problem: `Expected a number, found ${nameOfType(value.type)}`,
          hint: 'Convert it in a cast step before.',
        },
});

function sum(value: Operand & { type: ColumnType }, name: string, lean: boolean): Aggregated {
  const { sql, type } = value;
  if (type.kind === 'float') return { sql: sumFloats(sql, lean), type: FLOAT, infinite: true };
  const total = `sum(${sql})`;
  const error = (bound: string): string =>
    sqlError('VALUE_OVERFLOW', `${name} goes beyond ${bound}: sum fewer rows or a smaller unit.`);
  if (type.kind === 'integer') {
    const fits = `${total} NOT BETWEEN -9223372036854775808 AND 9223372036854775807`;
    return {
      sql: `CASE WHEN ${fits} THEN ${error('the 64-bit integers')} ELSE CAST(${total} AS BIGINT) END`,
      type: INTEGER,
    };
  }
  const scale = type.kind === 'decimal' ? type.scale : 0;
  const widest = decimal(LIMITS.decimalDigitsMax, scale);
  if (type.kind === 'decimal' && type.precision <= SAFE_DIGITS_MAX) return { sql: total, type: widest };
  // DuckDB checks a sum against 128 bits, which hold some numbers of 39 digits.
  const point = LIMITS.decimalDigitsMax - scale;
  const most = `CAST('${'9'.repeat(point)}.${'9'.repeat(scale)}' AS DECIMAL(38,${scale}))`;
  return {
    sql: `CASE WHEN ${total} NOT BETWEEN -${most} AND ${most} THEN ${error('38 digits')} ELSE ${total} END`,
    type: widest,
  };
}

/** Sums of 10^16 such numbers still have no more than 38 digits. */
const SAFE_DIGITS_MAX = 22;

/**
 * The sum of floats that no order of rows changes, in bounded memory: whole numbers, then 80 binary digits after
 * the point, then 80 more, each added up in 128-bit integers, and rounded once at the end.
 * Fails with VALUE_OVERFLOW for numbers from 2^90 on; `sumSorted` has no such bound.
 */
function sumFixed(sql: string): string {
  const fraction = `((${sql} - trunc(${sql})) * ${BITS_80})`;
  const whole = `sum(CAST(trunc(${sql}) AS HUGEINT))`;
  const upper = `sum(CAST(trunc(${fraction}) AS HUGEINT))`;
  const lower = `CAST(sum(CAST((${fraction} - trunc(${fraction})) * ${BITS_80} AS HUGEINT)) AS DOUBLE)`;
  const unit = `CAST('${2n ** 80n}' AS HUGEINT)`;
  const [carried, rest] = [`(${whole} + ${upper} // ${unit})`, `(${upper} % ${unit})`];
  // A small whole part may cancel against the fraction: together they fit into 128 bits.
  const together = `CAST(${carried} * ${unit} + ${rest} AS DOUBLE) / ${BITS_80}`;
  const apart = `CAST(${carried} AS DOUBLE) + CAST(${rest} AS DOUBLE) / ${BITS_80}`;
  const error = sqlError('VALUE_OVERFLOW', 'a float is too large for the fast sum');
  return `(CASE WHEN max(abs(${sql})) >= ${BITS_90} THEN ${error} WHEN abs(${carried}) < ${2 ** 40} THEN ${together} ELSE ${apart} END + ${lower} / ${BITS_80} / ${BITS_80})`;
}

const BITS_80 = `CAST('${2n ** 80n}' AS DOUBLE)`;
const BITS_90 = `CAST('${2n ** 90n}' AS DOUBLE)`;

/**
 * Compensated, in the order of falling magnitude: the same for every order in which rows arrive. It holds the
 * values of a group in memory, as an ordered aggregate does, which takes ten times as long.
 */
function sumSorted(sql: string): string {
  const sorted = `list_sort(list({'size': -abs(${sql}), 'value': ${sql}}) FILTER (WHERE ${sql} IS NOT NULL))`;
  return `list_aggregate(list_transform(${sorted}, lambda _flexetl_x: _flexetl_x.value), 'fsum')`;
}

function sumFloats(sql: string, lean: boolean): string {
  return lean ? sumFixed(sql) : sumSorted(sql);
}

function average(
  { sql, type }: Operand & { type: ColumnType },
  _name: string,
  lean: boolean,
): AggregateResult {
  if (type.kind === 'float') {
    return { sql: `(${sumFloats(sql, lean)} / nullif(count(${sql}), 0))`, type: FLOAT, infinite: true };
  }
  const scale = type.kind === 'decimal' ? type.scale : 0;
  const total = unscaled(`sum(${sql})`, type.kind === 'decimal' ? decimal(38, scale) : type);
  return quotient(total, scale, `count(${sql})`, 0);
}

const record = ident(RECORD_COLUMN);

/** By name; `count(*)` is apart, it takes no value. */
export const AGGREGATES: ReadonlyMap<string, AggregateFunction> = new Map([
  ['sum', ofNumbers('sum(number)', 'The exact sum; of floats, compensated.', sum)],
  ['avg', ofNumbers('avg(number)', 'The exact sum by the count, rounded half away from zero.', average)],
  ['min', ofAny('min(value)', 'The smallest value.', (value) => `min(${value})`)],
  ['max', ofAny('max(value)', 'The largest value.', (value) => `max(${value})`)],
  [
    'count',
    ofAny(
      'count(value)',
      'How many are not null; count(*) counts rows.',
      (value) => `count(${value})`,
      INTEGER,
    ),
  ],
  [
    'count_distinct',
    ofAny('count_distinct(value)', 'How many differ.', (value) => `count(DISTINCT ${value})`, INTEGER),
  ],
  [
    'first',
    ofOrder('first(value)', 'The first, in the order of records.', (value) => `arg_min(${value}, ${record})`),
  ],
  [
    'last',
    ofOrder('last(value)', 'The last, in the order of records.', (value) => `arg_max(${value}, ${record})`),
  ],
]);
