/**
 * Exact arithmetic. Integers are 64 bits and fail on overflow; decimals get the digits that hold every result, up
 * to 38, and fail beyond; floats are doubles, and a number combined with a float becomes a double.
 *
 * DuckDB's operators are exact where their result type is wide enough; the casts here make it wide enough.
 */
import { LIMITS } from '../limits';
import { sqlError, sqlType } from '../sql';
import { FLOAT, INTEGER, decimal, isNumeric, type ColumnType } from '../types';
import { commonType, decimalOf, digitsOf, nameOfType, assertFinite, widen, type Operand } from './operand';
import type { Arithmetic } from './parse';

export type Outcome = Operand | { problem: string; hint?: string };

/**
 * @param fast decimals of up to 18 digits stay 64-bit numbers: twice as fast, and a result of more digits fails
 *   the query instead of being widened; never another result
 */
export function arithmetic(operator: Arithmetic, a: Operand, b: Operand, fast: boolean): Outcome {
  const wrong = [a, b].find(({ type }) => type !== null && !isNumeric(type));
  if (wrong) return explainMisuse(operator, a, b);
  if (!isTyped(a) || !isTyped(b)) return { sql: 'NULL', type: null, at: a.at };
  const [left, right, type] = [a, b, commonType(a.type, b.type) ?? INTEGER];
  const base = { at: a.at, fails: true };
  if (operator === '/') return { ...base, ...divide(left, right) };
  if (type.kind === 'float') {
    const divisor = operator === '%' ? nonZero(right, left) : right;
    return {
      ...base,
      type,
      infinite: true,
      sql: `(${widen(left, FLOAT).sql} ${operator} ${widen(divisor, FLOAT).sql})`,
    };
  }
  if (operator === '%') {
    return { ...base, type, sql: `(${widen(left, type).sql} % ${nonZero(widen(right, type), left).sql})` };
  }
  if (type.kind === 'integer') return { ...base, type, sql: `(${left.sql} ${operator} ${right.sql})` };
  return { ...base, ...(operator === '*' ? multiply(left, right, fast) : add(operator, left, right, fast)) };
}

type Numeric = Operand & { type: ColumnType };

/** False for a null, whose result is null. */
function isTyped(operand: Operand): operand is Numeric {
  return operand.type !== null;
}
type Result = { sql: string; type: ColumnType; infinite?: boolean } | { problem: string; hint?: string };

/** DuckDB makes a decimal of a sum as wide as needed, but keeps 18 digits where both have at most 18. */
function add(operator: '+' | '-', a: Numeric, b: Numeric, fast: boolean): Result {
  const [left, right] = [digitsOf(a.type), digitsOf(b.type)];
  const scale = Math.max(left.scale, right.scale);
  const type = decimalOf(Math.max(left.whole, right.whole) + 1, scale);
  const outgrows =
    type.kind === 'decimal' && type.precision > LIMITS.decimalDigitsFast && isFast(a.type) && isFast(b.type);
  const narrow = decimal(LIMITS.decimalDigitsFast, scale);
  if (fast && outgrows && scale <= FAST_SCALE_MAX) {
    return { sql: `(${asFastDecimal(a).sql} ${operator} ${asFastDecimal(b).sql})`, type: narrow };
  }
  // Both sides as wide as the result: DuckDB then adds without another cast.
  return { sql: `CAST(${widen(a, type).sql} ${operator} ${widen(b, type).sql} AS ${sqlType(type)})`, type };
}

function multiply(a: Numeric, b: Numeric, fast: boolean): Result {
  const [left, right] = [digitsOf(a.type), digitsOf(b.type)];
  const scale = left.scale + right.scale;
  if (scale > LIMITS.decimalDigitsMax) {
    return {
      problem: `A product with ${scale} digits after the point, at most ${LIMITS.decimalDigitsMax} are exact`,
      hint: 'Round a factor first: round(x, 4).',
    };
  }
  if (fast && scale <= FAST_SCALE_MAX && isFast(a.type) && isFast(b.type)) {
    return {
      sql: `(${asFastDecimal(a).sql} * ${asFastDecimal(b).sql})`,
      type: decimal(LIMITS.decimalDigitsFast, scale),
    };
  }
  const type = decimalOf(left.whole + right.whole, scale);
  const wide = type.kind === 'decimal' && type.precision > LIMITS.decimalDigitsFast;
  // A factor of more than 18 digits makes DuckDB multiply in 128 bits.
  const slow = wide && a.type.kind === 'decimal' && a.type.precision <= LIMITS.decimalDigitsFast;
  const factor = slow ? widen(a, decimal(LIMITS.decimalDigitsFast + 1, left.scale)) : a;
  return { sql: `CAST(${factor.sql} * ${b.sql} AS ${sqlType(type)})`, type };
}

/** Above this scale 18 digits leave too few digits before the point to try the fast way. */
const FAST_SCALE_MAX = 6;

function isFast(type: ColumnType): boolean {
  return type.kind === 'integer' || (type.kind === 'decimal' && type.precision <= LIMITS.decimalDigitsFast);
}

/** An integer as a 64-bit decimal; one of more than 18 digits fails. */
function asFastDecimal(operand: Numeric): Operand {
  return operand.type.kind === 'integer' ? widen(operand, decimal(LIMITS.decimalDigitsFast, 0)) : operand;
}

/**
 * A quotient with six digits after the point, or as many as the dividend has; half away from zero.
 * Both become whole numbers, are divided with one more digit, and that digit is rounded: exact in 128 bits.
 */
function divide(a: Numeric, b: Numeric): Result {
  if (a.type.kind === 'float' || b.type.kind === 'float') {
    return {
      sql: `(${widen(a, FLOAT).sql} / ${nonZero(widen(b, FLOAT), a).sql})`,
      type: FLOAT,
      infinite: true,
    };
  }
  const [scaleA, scaleB] = [digitsOf(a.type).scale, digitsOf(b.type).scale];
  return quotient(
    unscaled(a.sql, a.type),
    scaleA,
    nonZero({ ...b, sql: unscaled(b.sql, b.type) }, a).sql,
    scaleB,
  );
}

/** @param dividend whole number, 10^scaleA times the value; `divisor` likewise, null or not zero */
export function quotient(dividend: string, scaleA: number, divisor: string, scaleB: number): Result {
  const scale = Math.max(QUOTIENT_SCALE, scaleA);
  const shift = scale + 1 + scaleB - scaleA;
  if (shift > LIMITS.decimalDigitsMax || scale >= LIMITS.decimalDigitsMax) {
    return {
      problem: `A quotient of numbers with ${scaleA} and ${scaleB} digits after the point has too many digits`,
      hint: 'Round them first: round(x, 4).',
    };
  }
  const whole = `(${dividend} * CAST('1${'0'.repeat(shift)}' AS HUGEINT)) // ${divisor}`;
  const unit = `CAST('0.${'0'.repeat(scale)}1' AS DECIMAL(${scale + 1},${scale + 1}))`;
  const type = decimal(LIMITS.decimalDigitsMax, scale);
  return { sql: `CAST(CAST(${whole} AS DECIMAL(38,0)) * ${unit} AS ${sqlType(type)})`, type };
}

/** Digits after the point of a quotient, where the dividend has no more. */
const QUOTIENT_SCALE = 6;

/** A decimal as the HUGEINT of its digits. */
export function unscaled(sql: string, type: ColumnType): string {
  if (type.kind !== 'decimal' || type.scale === 0) return `CAST(${sql} AS HUGEINT)`;
  const { precision, scale } = type;
  if (precision + scale <= LIMITS.decimalDigitsMax) {
    const factor = `CAST('1${'0'.repeat(scale)}' AS DECIMAL(${scale + 1},0))`;
    return `CAST(CAST(${sql} AS DECIMAL(38,${scale})) * ${factor} AS HUGEINT)`;
  }
  // The product would be too wide: takes the digits from the text.
  return `CAST(replace(CAST(${sql} AS VARCHAR), '.', '') AS HUGEINT)`;
}

/** A divisor that fails the query where it is zero: DuckDB would make the quotient null. Null by zero is null. */
function nonZero(divisor: Operand, dividend: Operand): Operand {
  if (divisor.literal !== undefined && /[1-9]/.test(divisor.literal)) return divisor;
  const { sql } = assertFinite(divisor);
  const zero = dividend.literal === undefined ? `${sql} = 0 AND ${dividend.sql} IS NOT NULL` : `${sql} = 0`;
  const error = sqlError('DIVISION_BY_ZERO', 'A divisor is zero; guard it with if(divisor = 0, null, …).');
  return { ...divisor, sql: `CASE WHEN ${zero} THEN ${error} ELSE ${sql} END` };
}

function explainMisuse(operator: Arithmetic, a: Operand, b: Operand): Outcome {
  const text = [a, b].some(({ type }) => type?.kind === 'string');
  return {
    problem: `\`${operator}\` takes numbers, found ${nameOfType(a.type)} ${operator} ${nameOfType(b.type)}`,
    hint:
      text && operator === '+'
        ? 'To join texts write concat(a, b); to compute with a text column, cast it in a cast step before.'
        : 'Convert the column in a cast step before.',
  };
}
