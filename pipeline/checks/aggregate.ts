import { z } from 'zod';
import { defineCheck, type GlobalCheck } from '../../plugin/check';
import { aggregation } from '../../plugin/options';
import { compileAggregate } from '../expression';
import { ident } from '../sql';
import { boundOptions, describeBounds, outsideSql, requireBound } from './bounds';

/** Bounds an aggregate of the rows that are not rejected. */
export const aggregate = defineCheck({
  type: 'aggregate',
  description: 'An aggregate over all rows, as in sum(quantity * unit_price), is within the bounds.',
  options: z
    .strictObject({
      expression: aggregation().describe(
        'With sum, avg, min, max, count, count_distinct, first and last. Exact, as in the step aggregate.',
      ),
      ...boundOptions,
    })
    .superRefine(requireBound),
  compile({ expression, ...bounds }, schema) {
    const { sql, type, columns } = compileAggregate(expression, schema);
    const value = ident(expression);
    const outside = outsideSql({ name: expression, type }, bounds, 'aggregate');
    const check: GlobalCheck = {
      scope: 'global',
      rowless: true,
      columns: [...columns],
      measure: ({ rows }) =>
        `SELECT ${value} AS found, coalesce(${outside}, true) AS fails FROM (SELECT ${sql} AS ${value} FROM ${rows})`,
      verdict: ({ found, fails }) =>
        fails === 'false'
          ? { status: 'passed', failing_rows: 0 }
          : {
              status: 'failed',
              failing_rows: 0,
              message: `${expression} is ${found ?? 'null'}, expected ${describeBounds(bounds)}`,
            },
    };
    return [check];
  },
});
