/**
 * Expressions of users: parsed into a tree, checked against the columns, compiled to SQL.
 *
 * Types are strict (a text is never a number) and numbers exact: integers have 64 bits, decimals up to 38 digits,
 * and what does not fit fails the run. `a / b` of integers and decimals has six digits after the
 * point, or as many as `a` has, half away from zero. Nothing of the text reaches SQL but quoted identifiers and literals.
 */
import { compile, type Compiled } from './expression/compile';
import type { Schema } from './types';

export type { Compiled };

/**
 * An expression over the columns of one row.
 * @throws FlexetlError EXPRESSION_INVALID with the character where it is wrong
 */
export function compileExpression(text: string, schema: Schema): Compiled {
  return compile(text, schema, { groups: null, lean: false });
}

/**
 * An expression over the rows of a group, such as `sum(quantity * unit_price) / count(*)`. Its relation has the
 * column `_record`, by which `first` and `last` are told.
 * @param groups columns that have one value in each group
 * @param options `lean`: sums in 64 bits where they may do: fails with VALUE_OVERFLOW where they do not, never differs
 *   otherwise; `unordered`: there is no `_record`, see `CompileOptions`
 * @throws FlexetlError EXPRESSION_INVALID with the character where it is wrong
 */
export function compileAggregate(
  text: string,
  schema: Schema,
  groups: ReadonlySet<string> = new Set(),
  options: { lean?: boolean; unordered?: boolean } = {},
): Compiled {
  return compile(text, schema, { groups, lean: false, ...options });
}
