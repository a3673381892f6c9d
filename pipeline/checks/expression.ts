import { z } from 'zod';
import { defineCheck } from '../../plugin/check';
import { expression } from '../../plugin/options';
import { compileCondition } from '../expression';
import { LIMITS } from '../limits';

/** A rule over the columns of one row. */
export const expressionCheck = defineCheck({
  type: 'expression',
  description: 'A condition that is true for each row. One that is null, because a value is null, passes.',
  options: z.strictObject({
    expression: expression().describe('The condition: `ship_date >= order_date`.'),
  }),
  compile({ expression: text }, schema) {
    const { sql, columns } = compileCondition(text, schema);
    const [only = null, ...others] = columns;
    const shown = text.length > LIMITS.valueCharsMax ? `${text.slice(0, LIMITS.valueCharsMax - 1)}…` : text;
    return [
      {
        scope: 'row',
        column: others.length === 0 ? only : null,
        fails: `NOT ${sql}`,
        reason: `not true: ${shown}`,
      },
    ];
  },
});
