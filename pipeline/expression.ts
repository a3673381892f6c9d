/**
 * Expressions of users: parsed into a tree, checked against the columns, compiled to SQL.
 *
 * Types are strict (a text is never a number) and numbers are exact: integers have 64 bits, decimals up to 38 digits,
 * and a larger result fails the run. `a / b` of integers and decimals has six digits after the
 * point, or as many as `a` has, half away from zero. Only quoted identifiers and literals of
 * the text reach SQL.
 */
import { compile, type Compiled } from './expression/compile';
import { expressionError } from './expression/problem';
import { formatType, type Schema } from './types';

export type { Compiled };

/**
 * An expression over the columns of one row.
 * @throws FlexetlError EXPRESSION_INVALID with the character where it is wrong
 */
export function compileExpression(text: string, schema: Schema): Compiled {
  return compile(text, schema);
}

/**
 * An expression that is true or false for a row.
 * @throws FlexetlError EXPRESSION_INVALID
 */
export function compileCondition(text: string, schema: Schema): Compiled {
  const compiled = compile(text, schema);
  const { kind } = compiled.type;
  if (kind === 'boolean' || kind === 'unknown') return compiled;
  throw expressionError(
    text,
    1,
    `The condition is a value of type ${formatType(compiled.type)}, expected one that is true or false`,
    'Compare the value: quantity > 0.',
  );
}

/**
 * An expression over the rows of a group, such as `sum(quantity * unit_price) / count(*)`. Its relation has the
 * column of record numbers, whose order `first` and `last` follow.
 * @param groups columns that have one value in each group
 * @param options `fast`: sums in 64 bits or fixed point, which fail with VALUE_OVERFLOW where that is too narrow and
 *   give the same result otherwise; `place`: a different number for each expression of a step
 * @throws FlexetlError EXPRESSION_INVALID with the character where it is wrong
 */
export function compileAggregate(
  text: string,
  schema: Schema,
  groups: ReadonlySet<string> = new Set(),
  options: { fast?: boolean; place?: number } = {},
): Compiled {
  return compile(text, schema, { groups, fast: false, place: 0, ...options });
}
