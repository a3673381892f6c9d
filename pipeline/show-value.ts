/** The one place through which values of users' data reach messages, reports and history. */
import { LIMITS } from './limits';

/**
 * A value as it may be shown to those who read reports and logs, at most `LIMITS.valueCharsMax` characters.
 * @param column the column that holds it, or null for a whole record: masking goes by columns
 */
export function showValue(column: string | null, text: string | null): string | null {
  if (text === null) return null;
  const charsMax = column === null ? LIMITS.rawCharsMax : LIMITS.valueCharsMax;
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1)}…`;
}
