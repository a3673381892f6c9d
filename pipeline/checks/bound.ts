/** `min` and `max`: a value against a number, date or time, exactly, without a cast of the value. */
import { compileFilter } from '../condition';
import { expandExponent } from '../expression/operand';
import { ident, literal, sqlType } from '../sql';
import type { Column } from '../types';

/**
 * SQL that is true for a value of the column on the wrong side of the bound.
 * @param side `<`: below it
 * @throws FlexetlError SCHEMA_MISMATCH when the bound is not of the column's type
 */
export function boundSql(column: Column, side: '<' | '>', bound: string | number): string {
  const value = ident(column.name);
  const { type } = column;
  const number = parseNumber(bound);
  if (number && type.kind === 'float') return floatSql(value, side, number);
  if (number && type.kind === 'integer') return exactSql(value, side, number, 0, 'BIGINT', 2n ** 63n);
  if (number && type.kind === 'decimal') {
    const { precision, scale } = type;
    return exactSql(value, side, number, scale, sqlType(type), 10n ** BigInt(precision));
  }
  return compileFilter(column, side, bound, side === '<' ? 'min' : 'max');
}

interface ExactNumber {
  /** All digits, with the sign, as an integer of {@link scale} digits after the point. */
  digits: bigint;
  scale: number;
}

/** @returns undefined for a text that is no number, or an integer that YAML has rounded */
function parseNumber(bound: string | number): ExactNumber | undefined {
  if (typeof bound === 'number' && Number.isInteger(bound) && !Number.isSafeInteger(bound)) return undefined;
  const plain = expandExponent(String(bound));
  const [, sign = '', whole = '', fraction = ''] = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(plain) ?? [];
  if (whole + fraction === '' || whole.length + fraction.length > DIGITS_MAX) return undefined;
  const digits = BigInt(whole + fraction);
  return { digits: sign === '-' ? -digits : digits, scale: fraction.length };
}

/** More than any exponent makes of a number that can be written. */
const DIGITS_MAX = 20_000;

/**
 * The bound as a value of the column's type: one with more digits than the type has lies between two of its values.
 * @param limit values of the type are smaller, counted in its last digit
 */
function exactSql(
  value: string,
  side: '<' | '>',
  { digits, scale }: ExactNumber,
  typeScale: number,
  type: string,
  limit: bigint,
): string {
  const shift = 10n ** BigInt(Math.abs(typeScale - scale));
  const isFine = typeScale >= scale;
  const floor = isFine ? digits * shift : floorDivide(digits, shift);
  const isBetween = !isFine && floor * shift !== digits;
  // Below a bound between two values is at most the lower one; above it is at least the upper one.
  const operator = isBetween ? `${side}=` : side;
  const edge = isBetween && side === '>' ? floor + 1n : floor;
  // A bound outside the type: every value is on the one side, or none.
  if (edge >= limit) return side === '<' ? `${value} IS NOT NULL` : 'false';
  if (edge <= -limit) return side === '<' ? 'false' : `${value} IS NOT NULL`;
  return `${value} ${operator} CAST(${literal(placePoint(edge, typeScale))} AS ${type})`;
}

function floorDivide(digits: bigint, by: bigint): bigint {
  return digits / by - (digits % by < 0n ? 1n : 0n);
}

function placePoint(digits: bigint, scale: number): string {
  const sign = digits < 0n ? '-' : '';
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
  return scale === 0 ? sign + text : `${sign}${text.slice(0, -scale)}.${text.slice(-scale)}`;
}

/** Doubles are compared with the double of the bound, so that the value 0.07 is not below the minimum 0.07. */
function floatSql(value: string, side: '<' | '>', { digits, scale }: ExactNumber): string {
  const bound = Number(`${digits}e-${scale}`);
  if (!Number.isFinite(bound)) {
    const isOutside = side === '<' ? bound > 0 : bound < 0;
    return isOutside ? `${value} IS NOT NULL` : 'false';
  }
  // A bound that is smaller than every double but zero.
  const isTiny = bound === 0 && digits !== 0n;
  const includes = isTiny && (side === '<' ? digits > 0n : digits < 0n);
  return `${value} ${side}${includes ? '=' : ''} CAST(${literal(String(bound))} AS DOUBLE)`;
}
