import { z } from 'zod';
import { defineCheck, type DatasetCheck } from '../../plugin/check';
import { describeBounds, describeRows, requireBound } from './bounds';

/** Bounds the number of rows of the input that are not rejected. */
export const rowCount = defineCheck({
  type: 'row_count',
  description: 'The number of rows is within the bounds.',
  options: z
    .strictObject({
      min: z.int().min(0).optional().describe('The smallest number of rows that passes.'),
      max: z.int().min(0).optional().describe('The largest number of rows that passes.'),
    })
    .superRefine(requireBound),
  compile({ min, max }) {
    const check: DatasetCheck<number> = {
      scope: 'dataset',
      rowless: true,
      columns: [],
      measure: { rows: 'count(*)' },
      read: ({ rows }) => Number(rows),
      merge: (a, b) => a + b,
      empty: 0,
      verdict: (rows) => {
        if (rows >= (min ?? 0) && rows <= (max ?? Infinity)) return { status: 'passed', failing_rows: 0 };
        const message = `${describeRows(rows)}, expected ${describeBounds({ min, max })}`;
        return { status: 'failed', failing_rows: 0, message };
      },
    };
    return [check as DatasetCheck];
  },
});
