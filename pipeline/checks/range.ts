import { z } from 'zod';
import { defineCheck } from '../../plugin/check';
import { requireColumns } from '../columns';
import { boundOptions, describeBounds, outsideSql, requireBound } from './bounds';

/** Bounds every value of the columns. Each row fails by itself, so it is named with its place. */
export const range = defineCheck({
  type: 'range',
  description: 'Every value of each column is within the bounds; nulls pass.',
  options: z
    .strictObject({
      columns: z.array(z.string()).min(1).describe('The columns; each is checked separately.'),
      ...boundOptions,
    })
    .superRefine(requireBound),
  compile({ columns, ...bounds }, schema) {
    return requireColumns(columns, schema, 'range').map((column) => ({
      scope: 'row',
      column: column.name,
      fails: outsideSql(column, bounds, 'range'),
      reason: `not ${describeBounds(bounds)}`,
    }));
  },
});
