/** Values as SQLite stores them, so that they read back exactly: docs/decisions/0003-decimals-in-sqlite.md. */
import { FlexetlError } from '../../pipeline/errors';
import type { Column } from '../../pipeline/types';
import type { Value } from '../../plugin/target';
import { formatDecimal } from '../../runtime/batches/vectors';

export type SqliteValue = string | number | bigint | null;

/** Any two decimals of at most this many digits are different doubles, and print as they were. */
const REAL_DIGITS = 15;
const INT64_MAX = 2n ** 63n - 1n;

/**
 * One column of a batch.
 * @param asText keep decimals as text with all digits of their scale
 * @returns null when a decimal needs more digits than a REAL keeps, so that the column must be text
 * @throws FlexetlError TARGET_INCOMPATIBLE for a value that SQLite cannot hold
 */
export function storeColumn(
  values: readonly Value[],
  column: Column,
  asText: boolean,
): readonly SqliteValue[] | null {
  const store = storeOf(column, asText);
  if (!store) return values as readonly SqliteValue[];
  const stored = new Array<SqliteValue>(values.length);
  for (let row = 0; row < values.length; row += 1) {
    const value = values[row] ?? null;
    const found = value === null ? null : store(value);
    if (found === undefined) return null;
    stored[row] = found;
  }
  return stored;
}

/** How a value that is not null is stored; undefined: as it is. */
function storeOf(
  { name, type }: Column,
  asText: boolean,
): ((value: Value) => SqliteValue | undefined) | undefined {
  switch (type.kind) {
    case 'boolean':
      return (value) => (value === true ? 1 : 0);
    case 'decimal':
      return asText ? undefined : (value) => storeDecimal(value as string);
    case 'float':
      return (value) => {
        if (!Number.isNaN(value)) return value as number;
        throw new FlexetlError('TARGET_INCOMPATIBLE', {
          message: `Column "${name}" holds NaN (not a number), which SQLite cannot store: it would become NULL.`,
          hint: 'Filter such rows out, or turn the value into NULL with a derive.',
        });
      };
    case 'date':
    case 'timestamp':
      return (value) => {
        // The fifth character of a year of four digits is the first dash.
        const text = value as string;
        if (text[4] === '-' && !text.endsWith(')')) return text;
        throw new FlexetlError('TARGET_INCOMPATIBLE', {
          message: `Column "${name}" has a date outside the years 0001 to 9999.`,
          hint: 'SQLite has no text for such a date: filter the row out, or cast the column to a string.',
        });
      };
    default:
      return undefined;
  }
}

/** A number of SQLite that reads back as this decimal, or undefined when there is none. */
export function storeDecimal(text: string): number | bigint | undefined {
  // A point, a sign and leading zeros are not digits: this short test is enough for most values.
  if (text.length <= REAL_DIGITS) return Number(text);
  const digits = text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
  if (!digits.includes('.')) {
    const whole = BigInt(digits);
    if (whole <= INT64_MAX && whole >= -INT64_MAX - 1n) return whole;
  }
  const significant = digits.replace(/^-?0*\.?0*/, '').replace('.', '').length;
  return significant <= REAL_DIGITS ? Number(digits) : undefined;
}

/** The text of a decimal that was stored as a number: the reverse of {@link storeDecimal}. */
export function decimalText(stored: SqliteValue, scale: number): string | null {
  if (stored === null || typeof stored === 'string') return stored;
  if (typeof stored === 'bigint') return formatDecimal(stored * 10n ** BigInt(scale), scale);
  // 15 digits d.ddde+x: all there were, so the division below leaves no remainder.
  const [mantissa = '0', exponent = '0'] = stored.toExponential(REAL_DIGITS - 1).split('e');
  const shift = Number(exponent) - (REAL_DIGITS - 1) + scale;
  const digits = BigInt(mantissa.replace('.', ''));
  return formatDecimal(shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift), scale);
}
