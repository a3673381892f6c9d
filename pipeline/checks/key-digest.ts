/** Keys of rows as digests, which later runs compare with theirs. */
import { withoutNegativeZero } from '../expression/aggregates';
import { ident } from '../sql';
import type { Column } from '../types';

/**
 * The digest of the values of a row in these columns: 128 bits, as UUID. Equal keys have equal digests, also where the
 * type of a column has become wider from one run to the next: 1 and 1.00, a date and its midnight. Two different keys
 * have the same digest with a chance of 2^-128: some pair among n keys with n²/2^129, 10^-21 for a billion keys.
 */
export function keyDigestSql(columns: readonly Column[]): string {
  return `CAST(md5(CAST(to_json([${columns.map(plainSql).join(', ')}]) AS VARCHAR)) AS UUID)`;
}

/** The text of a value: the same for 1 and 1.00, for a date and its midnight; null for null. */
export function plainSql({ name, type }: Column): string {
  const value = ident(name);
  const text = `CAST(${withoutNegativeZero(value, type)} AS VARCHAR)`;
  switch (type.kind) {
    case 'decimal':
      return type.scale === 0 ? text : `rtrim(rtrim(${text}, '0'), '.')`;
    case 'float':
      return `regexp_replace(${text}, '[.]0$', '')`;
    case 'timestamp':
      return `regexp_replace(${text}, ' 00:00:00$', '')`;
    default:
      return text;
  }
}
