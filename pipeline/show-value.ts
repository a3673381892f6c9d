/** The only place through which values of rows reach messages, reports and history. */
import { LIMITS } from './limits';

/**
 * A value for reports and messages, at most `LIMITS.valueCharsMax` characters.
 * @param column the column that holds it, or null for a whole record
 */
export function showValue(column: string | null, text: string | null): string | null {
  if (text === null) return null;
  const charsMax = column === null ? LIMITS.rawCharsMax : LIMITS.valueCharsMax;
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1)}…`;
}
