import { z } from 'zod';
import { defineCheck, type DatasetCheck } from '../../plugin/check';
import { LIMITS } from '../limits';
import { count } from '../markdown';
import { describeRows } from './bounds';

const percentage = z.number().min(0);

/** Compares the number of rows with the average of earlier published runs. Without an earlier run it passes. */
export const volume = defineCheck({
  type: 'volume',
  description: 'The number of rows is not far from the average of earlier runs; the first run passes.',
  options: z
    .strictObject({
      runs: z
        .int()
        .min(1)
        .max(LIMITS.keptRunsMax)
        .default(7)
        .describe('How many published runs before this one make the average.'),
      max_drop_percentage: percentage
        .max(100)
        .optional()
        .describe('How much smaller than the average it may be, in percent of it.'),
      max_rise_percentage: percentage
        .optional()
        .describe('How much larger than the average it may be, in percent of it.'),
    })
    .superRefine(({ max_drop_percentage: drop, max_rise_percentage: rise }, context) => {
      const message = 'expected max_drop_percentage, max_rise_percentage or both.';
      if (drop === undefined && rise === undefined) context.addIssue({ code: 'custom', message });
    }),
  compile({ runs, max_drop_percentage: drop = Infinity, max_rise_percentage: rise = Infinity }) {
    const check: DatasetCheck<number> = {
      scope: 'dataset',
      rowless: true,
      columns: [],
      measure: { rows: 'count(*)' },
      read: ({ rows }) => Number(rows),
      merge: (a, b) => a + b,
      empty: 0,
      keeps: { identity: { type: 'volume' }, runs },
      verdict: (rows, { earlier }) => {
        const total = earlier.reduce((sum, before) => sum + before, 0);
        const times100 = rows * earlier.length * 100;
        const isLess = drop !== Infinity && times100 < total * (100 - drop);
        const isMore = rise !== Infinity && times100 > total * (100 + rise);
        if (earlier.length === 0 || (!isLess && !isMore)) return { status: 'passed', failing_rows: 0 };
        const average = count(Math.round(total / earlier.length));
        const bound = isLess ? `at most ${drop} % less` : `at most ${rise} % more`;
        const of =
          earlier.length === 1 ? 'the run before had' : `the ${earlier.length} runs before had on average`;
        const message = `${describeRows(rows)}, ${of} ${average}, expected ${bound}`;
        return { status: 'failed', failing_rows: 0, message };
      },
    };
    return [check as DatasetCheck];
  },
});
