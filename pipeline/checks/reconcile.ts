import { z } from 'zod';
import { defineCheck, type CheckTables, type GlobalCheck } from '../../plugin/check';
import { aggregation } from '../../plugin/options';
import { FlexetlError } from '../errors';
import { compileAggregate, compileExpression } from '../expression';
import { expandExponent } from '../expression/operand';
import { formatType, isNumeric, type ColumnType } from '../types';
import { referenceOptions } from './reference';

const number = z.union([
  z.number(),
  z.string().regex(/^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)$/, { error: 'expected a number.' }),
]);

/** Compares an aggregate of the rows that are not rejected with a control total, exactly. */
export const reconcile = defineCheck({
  type: 'reconcile',
  description:
    'An aggregate over all rows is equal to a control total: a number, or an aggregate of other data.',
  options: z.strictObject({
    expression: aggregation().describe('A number of the input, as in count(*) or sum(amount).'),
    control: z
      .union([
        number,
        z.strictObject({
          ...referenceOptions,
          value: aggregation().describe(
            'The number of the other data: max(total) of a file with one record.',
          ),
        }),
      ])
      .describe('What it must be equal to; a long number in quotes.'),
    tolerance: number.default(0).describe('The difference that passes.'),
  }),
  compile({ expression, control, tolerance }, schema) {
    const { sql, type, columns } = compileAggregate(expression, schema);
    assertNumber(expression, type);
    const measure = ({ rows, references }: CheckTables): string => {
      const other = isReference(control)
        ? compileAggregate(control.value, references['control']?.schema ?? [])
        : compileExpression(literalOf(control), []);
      assertNumber(isReference(control) ? control.value : 'control', other.type);
      const pair = [
        { name: 'found', type },
        { name: 'control', type: other.type },
      ];
      const { sql: differs } = compileExpression(`abs(found - control) > ${literalOf(tolerance)}`, pair);
      const from = isReference(control) ? ` FROM ${references['control']?.rows}` : '';
      return `SELECT found, control, coalesce(${differs}, true) AS fails
        FROM (SELECT ${sql} AS found FROM ${rows}), (SELECT ${other.sql} AS control${from})`;
    };
    const within = Number(tolerance) === 0 ? '' : `, give or take ${tolerance}`;
    const check: GlobalCheck = {
      scope: 'global',
      rowless: true,
      columns: [...columns],
      ...(isReference(control) && {
        references: { control: { source: control.source, types: control.types } },
      }),
      measure,
      verdict: ({ found, control: expected, fails }) =>
        fails === 'false'
          ? { status: 'passed', failing_rows: 0 }
          : {
              status: 'failed',
              failing_rows: 0,
              message: `${expression} is ${found ?? 'null'}, the control total ${expected ?? 'null'}${within}`,
            },
    };
    return [check];
  },
});

type Control = string | number | object;

function isReference<T extends Control>(control: T): control is Extract<T, object> {
  return typeof control === 'object';
}

function literalOf(value: string | number): string {
  return expandExponent(String(value)).replace(/^\+/, '');
}

/** @throws FlexetlError SCHEMA_MISMATCH */
function assertNumber(what: string, type: ColumnType): void {
  if (isNumeric(type) || type.kind === 'unknown') return;
  throw new FlexetlError('SCHEMA_MISMATCH', {
    message: `reconcile: ${what} is ${formatType(type)}, expected a number.`,
    hint: 'Declare the type of the column.',
  });
}
