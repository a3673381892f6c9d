import { z } from 'zod';
import { defineCheck, type DatasetCheck } from '../../plugin/check';
import { requireColumns } from '../columns';
import { ident } from '../sql';

interface Nulls {
  rows: number;
  nulls: number;
}

/** Bounds the share of nulls in each of the columns, over all rows of the input that are not rejected. */
export const nullCheck = defineCheck({
  type: 'null_check',
  description: 'At most a given percentage of the values of each column are null.',
  options: z.strictObject({
    columns: z.array(z.string()).min(1).describe('The columns; each is checked separately.'),
    max_null_percentage: z
      .number()
      .min(0)
      .max(100)
      .default(0)
      .describe('The maximum share of nulls, in percent of the rows.'),
  }),
  compile({ columns, max_null_percentage: percentMax }, schema) {
    requireColumns(columns, schema, 'null_check');
    return columns.map((name): DatasetCheck<Nulls> => ({
      scope: 'dataset',
      columns: [name],
      measure: { rows: 'count(*)', nulls: `count(*) FILTER (${ident(name)} IS NULL)` },
      read: ({ rows, nulls }) => ({ rows: Number(rows), nulls: Number(nulls) }),
      merge: (a, b) => ({ rows: a.rows + b.rows, nulls: a.nulls + b.nulls }),
      empty: { rows: 0, nulls: 0 },
      verdict: ({ rows, nulls }) => {
        const passed = nulls * 100 <= percentMax * rows;
        const found = `column "${name}" is null in ${nulls} of ${rows} rows`;
        return {
          status: passed ? 'passed' : 'failed',
          failing_rows: nulls,
          ...(!passed && { message: `${found}, the maximum is ${percentMax} %` }),
        };
      },
    })) as DatasetCheck[];
  },
});
