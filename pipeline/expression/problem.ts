import { FlexetlError } from '../errors';

/**
 * The error of an expression.
 * @param at 1-based character in the expression
 */
export function expressionError(text: string, at: number, problem: string, hint?: string): FlexetlError {
  const shown = text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
  return new FlexetlError('EXPRESSION_INVALID', {
    message: `${problem}, at character ${at} of the expression \`${shown}\`.`,
    hint,
  });
}

const SHOWN_CHARS_MAX = 200;
