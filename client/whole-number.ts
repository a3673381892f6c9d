/** Numbers on the command line. */
import { FlexetlError } from '../pipeline/errors';

/** @throws FlexetlError USAGE for any text but a whole number from 1 to `most` */
export function wholeNumber(option: string, text: string, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= most) return value;
  const hint =
    most === Number.MAX_SAFE_INTEGER ? 'Give a whole number above 0.' : `Give a number from 1 to ${most}.`;
  throw new FlexetlError('USAGE', { message: `${option} is ${text}.`, hint });
}
