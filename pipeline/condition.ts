/** The condition of a filter: one column, an operator and a value of the column's type, as nodes of an expression. */
import { FlexetlError } from './errors';
import { compileTree, type Explain } from './expression/compile';
import { expandExponent } from './expression/operand';
import type { Node } from './expression/parse';
import { formatType, isNumeric, type Column, type ColumnType } from './types';

export const CONDITION_OPERATORS = [
  ...(['=', '!=', '>', '>=', '<', '<=', 'in', 'not_in'] as const),
  ...(['contains', 'starts_with', 'ends_with', 'matches', 'is_null', 'is_not_null'] as const),
] as const;

export type ConditionOperator = (typeof CONDITION_OPERATORS)[number];
type Scalar = string | number | boolean;

/**
 * SQL that is true for the rows that meet the condition, and false or null for others.
 * @param where the step or check that compares, for messages
 * @throws FlexetlError SCHEMA_MISMATCH when the value is not of the column's type
 */
export function compileFilter(
  column: Column,
  operator: ConditionOperator,
  value: Scalar | readonly Scalar[] | undefined,
  where = 'filter',
): string {
  const mismatch: Mismatch = (found, hint) =>
    new FlexetlError('SCHEMA_MISMATCH', {
      message: `${where}: the column "${column.name}" (${formatType(column.type)})${found}.`,
      hint,
    });
  const explain: Explain = (_at, problem, hint) =>
    mismatch(`: ${problem.slice(0, 1).toLowerCase()}${problem.slice(1)}`, hint);
  const values = value === undefined ? [] : ((Array.isArray(value) ? value : [value]) as readonly Scalar[]);
  const literals = values.map((one) => literalNode(column.type, one, mismatch));
  return compileTree(conditionNode(column, operator, literals), [column], explain).sql;
}

function conditionNode({ name }: Column, operator: ConditionOperator, literals: readonly Node[]): Node {
  const column: Node = { kind: 'column', at: 1, name };
  const list: Node = { kind: 'in', at: 1, value: column, list: literals };
  switch (operator) {
    case 'in':
      return list;
    case 'not_in':
      return { kind: 'unary', at: 1, operator: 'not', argument: list };
    case '=':
    case '!=':
    case '>':
    case '>=':
    case '<':
    case '<=': {
      const [right = column] = literals;
      return { kind: 'binary', at: 1, operator: operator === '!=' ? '<>' : operator, left: column, right };
    }
    default:
      return { kind: 'call', at: 1, name: operator, args: [column, ...literals] };
  }
}

/** Makes the error of a value that does not fit the column. */
type Mismatch = (found: string, hint?: string) => FlexetlError;

/** The value as a literal of the column's type; a number has exactly the digits that are written. */
function literalNode(type: ColumnType, value: Scalar, mismatch: Mismatch): Node {
  if (isNumeric(type) || (type.kind === 'unknown' && typeof value === 'number')) {
    if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
      const hint = 'Write the number in quotes to keep every digit.';
      throw mismatch(' is compared with an integer of more digits than YAML keeps', hint);
    }
    const text = typeof value === 'boolean' ? '' : expandExponent(String(value));
    if (/^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(text))
      return { kind: 'number', at: 1, text: text.replace(/^\+/, '') };
    const hint = 'Write a number, or cast the column.';
    throw mismatch(' is compared with a value that is not a number', hint);
  }
  const isBoolean = type.kind === 'unknown' ? typeof value === 'boolean' : type.kind === 'boolean';
  if (isBoolean && typeof value === 'boolean') return { kind: 'boolean', at: 1, value };
  if (!isBoolean && typeof value === 'string') return { kind: 'string', at: 1, value };
  const hint = isBoolean
    ? 'Write true or false, without quotes.'
    : 'Write the value in quotes, or cast the column.';
  throw mismatch(` is compared with a ${typeof value}`, hint);
}
